"""Audiences and uploaded lists on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from domain.audience.csv_rows import BadRow
from domain.audience.shapes import Audience, AudienceList, AudienceMember
from domain.base import Wire
from services.audience.lists import UploadedList
from services.audience.preview import AudiencePreview

ListName = Annotated[
    str, Query(min_length=1, max_length=255, description="What people call the list.")
]


class AudiencePreviewIn(Wire):
    audience: Audience


class AudienceMemberOut(Wire):
    user_id: str
    locale: str | None
    timezone: str | None
    country: str | None

    @staticmethod
    def of(member: AudienceMember) -> "AudienceMemberOut":
        return AudienceMemberOut(
            user_id=member.user_id,
            locale=member.locale,
            timezone=member.timezone,
            country=member.country,
        )


class AudiencePreviewOut(Wire):
    count: int
    sample: list[AudienceMemberOut]

    @staticmethod
    def of(preview: AudiencePreview) -> "AudiencePreviewOut":
        return AudiencePreviewOut(
            count=preview.count,
            sample=[AudienceMemberOut.of(member) for member in preview.sample],
        )


class AudienceListOut(Wire):
    """`accepted` users are in the list; `rejected` rows named nobody."""

    id: UUID
    name: str
    accepted: int
    duplicates: int
    rejected: int
    created_at: datetime

    @staticmethod
    def of(item: AudienceList) -> "AudienceListOut":
        return AudienceListOut(
            id=item.id,
            name=item.name,
            accepted=item.accepted,
            duplicates=item.duplicates,
            rejected=item.rejected,
            created_at=item.created_at,
        )


class BadRowOut(Wire):
    line: int
    code: str
    detail: str

    @staticmethod
    def of(row: BadRow) -> "BadRowOut":
        return BadRowOut(line=row.line, code=row.code, detail=row.detail)


class UploadedListOut(AudienceListOut):
    """`errors` holds the first 1,000 rejected rows."""

    errors: list[BadRowOut]

    @staticmethod
    def made(upload: UploadedList) -> "UploadedListOut":
        shown = AudienceListOut.of(upload.list)
        return UploadedListOut(**dict(shown), errors=[BadRowOut.of(row) for row in upload.errors])
