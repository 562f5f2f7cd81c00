"""Every timeout, retry policy and pause of the workflows, and nothing else.

A delivery is tried without limit here: the ledger counts the failures, names each rest through
`next_retry_delay`, and turns the last failure into a result. Planning is tried without limit
because a notification must outlive an outage of the database.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, TypedDict

from temporalio.common import Priority, RetryPolicy
from temporalio.workflow import ActivityCancellationType

from domain import enums
from domain.enums import Channel
from domain.retry import SCHEDULES

ESCALATE_AFTER: Final = timedelta(minutes=15)
"""How long an escalation waits for the user when the notification names no time."""

LEAST_WAIT: Final = timedelta(milliseconds=1)
"""Timers are rounded to the millisecond; waking a moment late beats planning twice."""

REPEATED_WAIT: Final = timedelta(seconds=1)
"""The least rest between two plans made because an instant was due."""

DIGEST_EVENTS: Final = 200
"""A digest that goes on longer than this many events of history goes on in a new one."""

PRIORITIES: Final[Mapping[enums.Priority, Priority]] = {
    enums.Priority.CRITICAL: Priority(priority_key=1),
    enums.Priority.HIGH: Priority(priority_key=2),
    enums.Priority.MEDIUM: Priority(priority_key=3),
    enums.Priority.LOW: Priority(priority_key=4),
}
"""In which order a backlog is worked off; campaigns come after all of these."""

CAMPAIGN_PRIORITY: Final = 5


class LocalActivityOptions(TypedDict):
    start_to_close_timeout: timedelta
    local_retry_threshold: timedelta
    retry_policy: RetryPolicy


class ActivityOptions(TypedDict):
    start_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType


STEP: Final = LocalActivityOptions(
    start_to_close_timeout=timedelta(seconds=10),
    # Beyond this rest the server keeps the time: the worker would otherwise hold the workflow
    # task open, at three events for every few seconds of an outage.
    local_retry_threshold=timedelta(seconds=1),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=5),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(minutes=1),
    ),
)
"""Planning, cancelling and finishing: one short transaction each."""

DELIVER: Final[Mapping[Channel, ActivityOptions]] = {
    channel: ActivityOptions(
        start_to_close_timeout=timedelta(seconds=60),
        heartbeat_timeout=timedelta(seconds=10),
        retry_policy=RetryPolicy(
            initial_interval=schedule.initial,
            backoff_coefficient=schedule.factor,
            maximum_interval=schedule.ceiling,
        ),
        # A provider call that has begun is let end, so that the ledger learns how.
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )
    for channel, schedule in SCHEDULES.items()
}
"""One attempt at one channel: rendering, intent, provider call, result."""

CAMPAIGN_STEP: Final = ActivityOptions(
    start_to_close_timeout=timedelta(minutes=2),
    heartbeat_timeout=timedelta(minutes=2),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
    ),
    cancellation_type=ActivityCancellationType.TRY_CANCEL,
)
"""Opening, deciding and ending a campaign: one transaction each."""

FREEZE: Final = ActivityOptions(
    start_to_close_timeout=timedelta(minutes=20),
    heartbeat_timeout=timedelta(seconds=30),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
    ),
    cancellation_type=ActivityCancellationType.TRY_CANCEL,
)
"""Writing the recipients: tens of seconds for a million."""

CHUNK: Final = ActivityOptions(
    start_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(minutes=1),
    ),
    # A provider call that has begun is let end, so that the accounts learn how.
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
"""Some hundred recipients, or notifications of a batch: facts, words, intents, provider calls,
results."""

BULK_CHUNKS: Final = 4
"""Chunks of one batch on their way at once."""

MAINTAIN: Final = ActivityOptions(
    start_to_close_timeout=timedelta(minutes=30),
    heartbeat_timeout=timedelta(seconds=30),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=10), maximum_attempts=5),
    cancellation_type=ActivityCancellationType.TRY_CANCEL,
)
"""One step of the upkeep; tomorrow is another night."""

SEND_ANNOUNCEMENT: Final = ActivityOptions(
    start_to_close_timeout=timedelta(hours=1),
    heartbeat_timeout=timedelta(seconds=30),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=1)
    ),
    cancellation_type=ActivityCancellationType.TRY_CANCEL,
)
"""Starting the campaign that sends it, or cancelling it with all that waits, one by one."""

LONG_HISTORY: Final = 2_000
"""Events after which an announcement that is edited over and over begins a new history."""
