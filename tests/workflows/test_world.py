"""What is left out when a history's events are counted."""

from tests.workflows.world import TASK, unforced

SENT = ["WORKFLOW_EXECUTION_STARTED", *TASK, "MARKER_RECORDED", "ACTIVITY_TASK_SCHEDULED"]
ANSWERED = ["ACTIVITY_TASK_STARTED", "ACTIVITY_TASK_COMPLETED"]
ENDED = [*TASK, "WORKFLOW_EXECUTION_COMPLETED"]


def test_every_event_of_a_quiet_machine_counts() -> None:
    history = [*SENT, *ANSWERED, *ENDED]
    assert unforced(history) == history


def test_a_task_kept_alive_counts_once() -> None:
    assert unforced([SENT[0], *TASK, *TASK, *SENT[1:], *ENDED]) == [*SENT, *ENDED]


def test_a_task_that_timed_out_does_not_count() -> None:
    late = [*TASK[:2], "WORKFLOW_TASK_TIMED_OUT"]
    assert unforced([SENT[0], *late, *SENT[1:], *late, *ENDED]) == [*SENT, *ENDED]


def test_a_task_between_two_events_counts() -> None:
    history = [*SENT, *TASK, *ANSWERED, *TASK, "TIMER_STARTED", *TASK, "TIMER_FIRED", *ENDED]
    assert unforced(history) == history
