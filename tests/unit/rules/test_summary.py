"""Sentences a support person can read out."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given

from domain.enums import Channel, Strategy
from domain.facts import PlanFacts, Reach
from domain.plan import make_plan
from domain.rules.reasons import CLAUSES, Reason, clause, sentence
from domain.rules.summary import plan_sentence
from tests.unit.rules.builders import NOW, facts, facts_and_now

EMAIL, SMS, PUSH, WEBSOCKET = Channel.EMAIL, Channel.SMS, Channel.PUSH, Channel.WEBSOCKET
NIGHT = datetime(2026, 3, 4, 22, 30, tzinfo=UTC)
QUIET = {"quiet_hours": {"enabled": True}}
BERLIN = "Europe/Berlin"
GERMAN = Reach(1, destination_country="DE")


def _say(at: datetime = NOW, *, dated: bool = False, **of: Any) -> str:
    return plan_sentence(make_plan(facts(**of), at), BERLIN, now=None if dated else at)


def test_waiting() -> None:
    said = _say(NIGHT, prefs=QUIET, channels=(EMAIL, PUSH), reach={EMAIL: Reach(1)})
    assert said == (
        "Waiting until 07:00 (Europe/Berlin) because the user has quiet hours on email; "
        "push was skipped because no device is registered."
    )


def test_a_time_far_off_or_told_without_now_has_its_date() -> None:
    said = _say(NIGHT, dated=True, prefs=QUIET, channels=(EMAIL,))
    assert said.startswith("Waiting until 07:00 on Thu 5 Mar 2026 (Europe/Berlin) because")
    scheduled = _say(scheduled_at=NOW + timedelta(days=3))
    assert scheduled == (
        "Waiting until 13:00 on Sat 7 Mar 2026 (Europe/Berlin) because it is scheduled for that "
        "time."
    )


def test_going_out() -> None:
    assert _say(channels=(EMAIL,)) == "Going out now on email."
    said = _say(NIGHT, prefs=QUIET, reach={EMAIL: Reach(1), SMS: GERMAN}, channels=tuple(Channel))
    assert said == (
        "Going out now on in-app; email and SMS wait until 07:00 (Europe/Berlin) because the user "
        "has quiet hours; push was skipped because no device is registered."
    )
    three = _say(channels=(EMAIL, PUSH, WEBSOCKET))
    assert three == "Going out now on email, push and in-app."


def test_held_back() -> None:
    of: dict[str, Any] = {"strategy": Strategy.FALLBACK, "channels": (PUSH, EMAIL, SMS)}
    assert _say(**of) == (
        "Going out now on push; email and SMS were held back because another channel is tried "
        "first."
    )
    one_waits = {**of, "channels": (EMAIL, WEBSOCKET), "prefs": QUIET}
    assert _say(NIGHT, **one_waits).endswith(
        "; in-app was held back because another channel is tried first."
    )


def test_one_channel_waits_longer() -> None:
    said = _say(
        NIGHT,
        prefs={"quiet_hours": {"enabled": True, "channels": ["email"]}},
        channels=(EMAIL, WEBSOCKET),
    )
    assert said == (
        "Going out now on in-app; email waits until 07:00 (Europe/Berlin) because the user has "
        "quiet hours."
    )


def test_not_sent() -> None:
    assert _say(subscription=frozenset()) == (
        "Not sent because the user unsubscribed from this type of notification."
    )
    assert _say(channels=(EMAIL, PUSH), reach={}) == (
        "Not sent: email was skipped because no address is known; push was skipped because no "
        "device is registered."
    )
    assert _say(expires_at=NOW) == "Not sent because it was no longer of use after its expiry time."
    assert _say(channels=()) == "Not sent because no channel is left to try."


def test_every_reason_has_its_sentence() -> None:
    assert set(CLAUSES) == set(Reason)
    said = [sentence(reason) for reason in Reason]
    assert len(set(said)) == len(said)
    assert all(s[0].isupper() and s.endswith(".") and "{" not in s for s in said)
    assert clause(Reason.QUIET_HOURS, " on email") == "the user has quiet hours on email"
    assert clause("cancelled_by_caller") == "cancelled by caller"


@given(facts_and_now())
def test_every_plan_can_be_told(given_: tuple[PlanFacts, datetime]) -> None:
    of, now = given_
    said = plan_sentence(make_plan(of, now), of.timezone)
    assert said.endswith(".")
    assert "{" not in said
    assert said.split()[0] in {"Going", "Waiting", "Not"}


def test_a_suppressed_address_is_named_with_what_it_is_suppressed_for() -> None:
    bounced, stopped = Reach(1, 1, "bounced"), Reach(1, 1, "opted_out", "DE")
    said = _say(channels=(EMAIL,), reach={EMAIL: bounced})
    assert said == (
        "Not sent because every address of the user is on the suppression list (bounced)."
    )
    said = _say(channels=(EMAIL, SMS), reach={EMAIL: bounced, SMS: stopped})
    assert said == (
        "Not sent: email was skipped because every address of the user is on the suppression list "
        "(bounced); SMS was skipped because every address of the user is on the suppression list "
        "(opted out)."
    )
    said = _say(channels=(EMAIL, WEBSOCKET), reach={EMAIL: bounced})
    assert said.startswith("Going out now on in-app; email was skipped because every address")
    assert said.endswith("(bounced).")
