"""`/api/reports`: figures over a period, as JSON or CSV."""

from typing import Annotated, Any, Final

from fastapi import Query, Request, Response

from api.dependencies import Use
from api.route import api_router, requires
from api.schemas.reports import SmsReportOut, SmsReportQuery, sms_csv
from domain.enums import Scope

router = api_router("/reports", "Reports")
_CSV: Final = "text/csv"
_OR_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {_CSV: {"schema": {"type": "string"}}}}
}


@router.get(
    "/sms-compliance", summary="SMS by country", response_model=SmsReportOut, responses=_OR_CSV
)
@requires(Scope.ANALYTICS_READ)
async def sms_compliance(
    where: Annotated[SmsReportQuery, Query()], request: Request, use: Use
) -> SmsReportOut | Response:
    """What was sent and what it cost, what the rules held back, who opted in and out, and whether
    marketing said how to. CSV with `format=csv` or `Accept: text/csv`."""
    report = await use.reports.sms_compliance(where.since, where.until, where.country)
    wanted = where.format or ("csv" if _prefers_csv(request) else "json")
    if wanted == "json":
        return SmsReportOut.of(report)
    name = f"sms-compliance-{report.since:%Y%m%d}-{report.until:%Y%m%d}.csv"
    return Response(
        sms_csv(report),
        media_type=_CSV,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _prefers_csv(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    first = accepted.partition(",")[0].partition(";")[0].strip().lower()
    return first == _CSV
