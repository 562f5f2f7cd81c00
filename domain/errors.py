"""Errors with a stable code, as callers see them.

HeraldError
├── Invalid      the request cannot be understood or breaks a rule
├── NotFound     the thing named does not exist
├── Conflict     the thing is no longer in a state that allows it
├── Forbidden    the caller may not
├── Unauthorized the caller is not known
├── RateLimited  too many calls; `retry_after` says when
├── TooLarge     a body or part is over its limit
└── Unavailable  a part Herald needs does not answer; nothing was changed
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field; `field` is its dotted camelCase path."""

    field: str
    code: str
    detail: str


class HeraldError(Exception):
    """Base of every refusal. `code` never changes once published."""

    def __init__(self, code: str, detail: str, *, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = errors


class Invalid(HeraldError):
    pass


class NotFound(HeraldError):
    pass


class Conflict(HeraldError):
    pass


class Forbidden(HeraldError):
    pass


class Unauthorized(HeraldError):
    pass


class RateLimited(HeraldError):
    def __init__(self, code: str, detail: str, *, retry_after: timedelta) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after


class TooLarge(HeraldError):
    pass


class Unavailable(HeraldError):
    pass


def unknown_user(user_id: str) -> Invalid:
    """What was sent to a user who is not there."""
    problem = FieldError("userId", "unknown_user", f"There is no user {user_id}.")
    return Invalid(problem.code, problem.detail, errors=(problem,))


def user_not_found(user_id: str) -> NotFound:
    """A user asked for who is not there."""
    return NotFound("user_not_found", f"There is no user {user_id}.")


def notification_not_found(notification_id: UUID) -> NotFound:
    return NotFound("notification_not_found", f"There is no notification {notification_id}.")
