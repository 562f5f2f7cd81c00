"""Audiences as SQL."""

from typing import Any

from domain.audience import Audience


def select_sql(audience: Audience, first_parameter: int) -> tuple[str, list[Any]]:
    """`select u.id from users u where …` and its arguments, numbered from `first_parameter`."""
    if audience.user_ids is not None:
        return (
            f"select u.id from users u where u.deleted_at is null"
            f" and u.id = any(${first_parameter}::text[])",
            [list(audience.user_ids)],
        )
    return "select u.id from users u where u.deleted_at is null", []
