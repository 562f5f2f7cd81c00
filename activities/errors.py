"""From the house's errors to Temporal's: what is tried again, after how long, and what is not.

Only codes and class names cross into histories. Messages may name an address, so they stay in this
process's log.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.delivering import RetryLater
from domain.errors import Conflict, HeraldError, RateLimited, Unavailable

OVERTAKEN_DELAY = timedelta(milliseconds=50)
"""Another process changed the row first; it has changed by now."""

log = logging.getLogger(__name__)


@contextmanager
def application_errors() -> Iterator[None]:
    """Wraps one call of a service.

    `RetryLater`, `Conflict` and `RateLimited` are tried again when they say, `Unavailable` after
    the policy's rest, any other `HeraldError` never. What nobody foresaw is logged and tried
    again: the next deploy may mend it, and a notification must not be lost to a bug.
    """
    try:
        yield
    except ApplicationError:
        raise
    except RetryLater as later:
        raise _benign(later.code, later.after) from None
    except Conflict as conflict:
        raise _benign(conflict.code, OVERTAKEN_DELAY) from None
    except RateLimited as limited:
        raise _benign(limited.code, limited.retry_after) from None
    except Unavailable as away:
        raise _benign(away.code, None) from None
    except HeraldError as refusal:
        raise ApplicationError(refusal.code, type=refusal.code, non_retryable=True) from None
    except Exception as surprise:
        kind = type(surprise).__name__
        log.exception("activity.failed_unexpectedly", extra={"error": kind})
        raise ApplicationError(kind, type=kind) from None


def _benign(code: str, after: timedelta | None) -> ApplicationError:
    return ApplicationError(
        code, type=code, next_retry_delay=after, category=ApplicationErrorCategory.BENIGN
    )
