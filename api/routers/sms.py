"""`/api/sms`: what an SMS would be and cost, before it is sent."""

from api.dependencies import Use
from api.documents import refusal
from api.route import api_router, requires
from api.schemas.reports import EstimateIn, EstimateOut
from domain.enums import Scope

router = api_router("/sms", "SMS")


@router.post("/estimate", summary="Price an SMS", responses={404: refusal(404)})
@requires(Scope.NOTIFICATIONS_READ)
async def estimate(body: EstimateIn, use: Use) -> EstimateOut:
    """Its encoding, segments and list price by provider. Nothing is sent."""
    return EstimateOut.of(await use.sms_estimates.estimate(body.request()))
