"""`/health`, `/ready`, `/metrics`: for machines that watch machines."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from api.dependencies import Use
from api.route import HeraldRoute, public
from api.schemas.operations import HealthOut, LiveOut
from services.operations.health import Readiness

router = APIRouter(tags=["System"], route_class=HeraldRoute)


@router.get("/health", summary="Is the process alive?")
@public
async def health() -> LiveOut:
    return LiveOut()


@router.get(
    "/ready",
    summary="Can it work?",
    responses={503: {"model": HealthOut, "description": "A part that is needed is away."}},
)
@public
async def ready(response: Response, use: Use) -> HealthOut:
    """`degraded` while something is away that Herald can wait for, such as Temporal: still 200."""
    health = await use.health.check()
    if health.status is Readiness.UNAVAILABLE:
        response.status_code = 503
    return HealthOut.of(health)


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
@public
async def metrics() -> Response:
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
