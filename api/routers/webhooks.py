"""`/api/webhooks/{provider}`: what providers tell of messages they took."""

from typing import Annotated, Final

from fastapi import Path, Request, Response

from api.dependencies import Use
from api.documents import refusal
from api.route import api_router, public

router = api_router("/webhooks", "Provider webhooks")
ProviderPath = Annotated[str, Path(pattern="^[a-z]{1,40}$")]
_NO_ANSWER: Final = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
"""Twilio sends back to the person whatever else it is answered; the others look at the status."""


@router.post(
    "/{provider}",
    summary="Receive a provider's callback",
    response_class=Response,
    responses={
        200: {"content": {"text/xml": {}}, "description": "Kept; it is applied right afterwards."},
        401: refusal(401),
    },
)
@public
async def receive(provider: ProviderPath, request: Request, use: Use) -> Response:
    """The provider's own signature is checked. Repeated and late callbacks do no harm. A signed
    body that cannot be read is refused, and kept to be replayed once it can."""
    url = use.settings.public_url.rstrip("/") + request.url.path
    if request.url.query:
        url += f"?{request.url.query}"
    await use.callbacks.receive(provider, dict(request.headers), await request.body(), url)
    return Response(_NO_ANSWER, media_type="text/xml")
