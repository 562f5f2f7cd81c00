"""`/api/unsubscribe/{token}`: one click out of a type (RFC 8058).

Mail programs POST without asking; a person who follows the link gets a page with a button, so that
a scanner that opens every link in a message unsubscribes nobody.
"""

from typing import Annotated

from fastapi import Path
from starlette.responses import HTMLResponse

from api.dependencies import Use
from api.pages.rendering import page
from api.route import api_router, public

router = api_router("/unsubscribe", "Unsubscribe")
Token = Annotated[str, Path(max_length=1000)]


@router.get("/{token}", summary="Ask before unsubscribing", response_class=HTMLResponse)
@public
async def ask(token: Token, use: Use) -> HTMLResponse:
    _, kind = await use.subscriptions.linked(token)
    return page("unsubscribe.html", kind=kind, done=False)


@router.post("/{token}", summary="Unsubscribe", response_class=HTMLResponse)
@public
async def unsubscribe(token: Token, use: Use) -> HTMLResponse:
    """Without confirmation, and the same however often it is called."""
    kind = await use.subscriptions.unsubscribe_by_link(token)
    return page("unsubscribe.html", kind=kind, done=True)
