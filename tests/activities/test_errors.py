"""What an activity's failure tells Temporal: whether to try again, when, and nothing personal."""

import logging
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.errors import OVERTAKEN_DELAY, application_errors
from domain.delivering import RetryLater
from domain.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Unavailable

SECRET = "ada@example.com"
MINUTE = timedelta(minutes=1)


def translated(error: BaseException) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught, application_errors():
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "kind", "delay"),
    [
        (RetryLater("http_503", MINUTE, SECRET), "http_503", MINUTE),
        (Conflict("plan_overtaken", SECRET), "plan_overtaken", OVERTAKEN_DELAY),
        (RateLimited("too_many", SECRET, retry_after=MINUTE), "too_many", MINUTE),
        (Unavailable("database_unavailable", SECRET), "database_unavailable", None),
    ],
)
def test_tried_again_as_a_matter_of_course(
    error: Exception, kind: str, delay: timedelta | None
) -> None:
    told = translated(error)
    assert (told.type, told.next_retry_delay, told.non_retryable) == (kind, delay, False)
    assert told.category is ApplicationErrorCategory.BENIGN


@pytest.mark.parametrize("kind", [NotFound, Invalid, Forbidden])
def test_never_tried_again(kind: type[NotFound]) -> None:
    told = translated(kind("a_code", SECRET))
    assert (told.type, told.non_retryable) == ("a_code", True)


def test_the_unforeseen_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        told = translated(KeyError(SECRET))
    assert (told.type, told.non_retryable, told.next_retry_delay) == ("KeyError", False, None)
    assert [record.message for record in caplog.records] == ["activity.failed_unexpectedly"]


@pytest.mark.parametrize(
    "error",
    [RetryLater("c", MINUTE, SECRET), NotFound("c", SECRET), Unavailable("c", SECRET),
     ValueError(SECRET), Conflict("c", SECRET)],
)  # fmt: skip
def test_no_message_leaves_this_process(error: Exception) -> None:
    told = translated(error)
    assert SECRET not in str(told)
    assert told.__cause__ is None


def test_a_result_passes() -> None:
    with application_errors():
        answer = 1
    assert answer == 1
