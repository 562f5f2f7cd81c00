"""`/api/webhooks/{provider}`: what providers tell of messages they took."""

from typing import Annotated

from fastapi import Path, Request

from api.dependencies import Use
from api.documents import refusal
from api.route import api_router, public
from api.schemas.operations import ReceiptsOut

router = api_router("/webhooks", "Provider webhooks")
ProviderPath = Annotated[str, Path(pattern="^[a-z]{1,40}$")]


@router.post("/{provider}", summary="Receive a provider's callback", responses={401: refusal(401)})
@public
async def receive(provider: ProviderPath, request: Request, use: Use) -> ReceiptsOut:
    """The provider's own signature is checked. Repeated and late callbacks do no harm."""
    url = use.settings.public_url.rstrip("/") + request.url.path
    if request.url.query:
        url += f"?{request.url.query}"
    counts = await use.receipts.receive(provider, dict(request.headers), await request.body(), url)
    return ReceiptsOut(received=counts.received, unmatched=counts.unmatched)
