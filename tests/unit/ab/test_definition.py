"""What may be asked for as a test, and a variant laid over a notification."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.ab.applying import apply_variant
from domain.ab.definition import ABDesign, NewABTest, Variant, WinnerMode
from domain.commands import NewNotification
from domain.errors import Invalid

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SPEC = {
    "variants": [
        {"name": "A", "subject": "A", "weight": 1}, {"name": "B", "subject": "B", "weight": 1},
    ],
    "fraction": 0.2, "metric": "click", "decideAfter": "PT4H", "winner": "automatic",
}  # fmt: skip


def design(**change: Any) -> ABDesign:
    return ABDesign.model_validate(SPEC | change)


def asked(**fields: Any) -> NewNotification:
    given = {"userId": "ada", "type": "newsletter", "title": "T", "content": "C"} | fields
    return NewNotification.model_validate(given)


def laid(new: NewNotification, **variant: Any) -> NewNotification:
    return apply_variant(new, Variant.model_validate({"name": "B"} | variant), NOW)


def test_the_shape_of_a_campaigns_test() -> None:
    read = design()
    assert (read.decide_after, read.fraction) == (timedelta(hours=4), 0.2)
    assert read.weights == (1, 1)
    assert [read.index_of(name) for name in ("A", "B", "C")] == [0, 1, None]
    late = [{"name": "A"}, {"name": "B", "delay": "P1D"}]
    assert design(winner="manual", variants=late).variants[1].delay == timedelta(days=1)
    manual = design(winner="manual", decideAfter=None)
    assert (manual.winner, manual.decide_after) == (WinnerMode.MANUAL, None)
    assert read.variants[0].changes() == {"subject": "A", "data": {}}


@pytest.mark.parametrize(
    "change",
    [
        {"variants": SPEC["variants"][:1]},  # type: ignore[index]
        {"variants": [{"name": "A"}, {"name": " A "}]},
        {"variants": [{"name": "A"}, {"name": "B", "weight": 0}]},
        {"variants": [{"name": "A"}, {"name": "B", "delay": "PT1H",
                                      "sendAt": "2026-12-01T09:00:00Z"}]},
        {"variants": [{"name": "A"}, {"name": "B", "sender": "nobody@"}]},
        {"variants": [{"name": "A"}, {"name": "B", "sender": "x" * 35}]},
        {"variants": [{"name": str(n)} for n in range(11)]},
        {"variants": [{"name": "A"}, {"name": "B", "delay": "PT4H"}]},
        {"fraction": 0}, {"fraction": 1.5}, {"metric": "luck"}, {"decideAfter": None},
        {"decideAfter": "PT0S"}, {"colour": "red"},
    ],
)  # fmt: skip
def test_what_is_no_test_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        design(**change)


def test_a_test_of_its_own_runs_unless_it_is_a_draft() -> None:
    assert NewABTest.model_validate(SPEC | {"name": "Subjects"}).status == "running"
    with pytest.raises(ValidationError):
        NewABTest.model_validate(SPEC | {"name": "Subjects", "status": "decided"})


def test_words_and_data_are_laid_over() -> None:
    new = asked(data={"job": "cook", "city": "Bonn"}, email={"replyTo": "hr@example.com"})
    other = laid(new, subject="S", title="U", data={"city": "Köln"})
    assert (other.title, other.content) == ("U", "C")
    assert other.data == {"job": "cook", "city": "Köln"}
    assert other.email is not None
    assert (other.email.subject, other.email.reply_to) == ("S", "hr@example.com")
    assert laid(new) == new


def test_a_variant_without_a_change_changes_nothing() -> None:
    new = asked()
    assert laid(new) == new
    assert new.email is None


def test_a_template_and_words_replace_each_other() -> None:
    new = asked(template={"key": "old"})
    assert laid(new, template={"key": "other"}).template.key == "other"  # type: ignore[union-attr]
    assert laid(new, title="T", content="C").template is None
    assert laid(new, content="C").template == new.template


@pytest.mark.parametrize(
    ("sender", "email", "sms"),
    [("Jobs <jobs@example.com>", "Jobs <jobs@example.com>", None),
     ("jobs@example.com", "jobs@example.com", None), ("JOBS", None, "JOBS")],
)  # fmt: skip
def test_a_sender(sender: str, email: str | None, sms: str | None) -> None:
    other = laid(asked(), sender=sender)
    assert (other.email.sender if other.email else None) == email
    assert (other.sms.sender_id if other.sms else None) == sms


@pytest.mark.parametrize(
    ("asked_for", "variant", "due"),
    [
        (None, {"delay": "PT2H"}, NOW + timedelta(hours=2)),
        (NOW + timedelta(days=1), {"delay": "PT2H"}, NOW + timedelta(days=1, hours=2)),
        (NOW - timedelta(days=1), {"delay": "PT2H"}, NOW + timedelta(hours=2)),
        (None, {"sendAt": "2026-12-01T09:00:00+01:00"}, datetime(2026, 12, 1, 8, tzinfo=UTC)),
        (NOW + timedelta(days=1), {}, NOW + timedelta(days=1)),
    ],
)
def test_a_time(asked_for: datetime | None, variant: dict[str, Any], due: datetime | None) -> None:
    assert laid(asked(scheduledAt=asked_for), **variant).scheduled_at == due


def test_a_time_after_the_end_is_refused() -> None:
    new = asked(expiresAt=NOW + timedelta(hours=1))
    assert laid(new, delay="PT30M").scheduled_at == NOW + timedelta(minutes=30)
    with pytest.raises(Invalid) as refused:
        laid(new, delay="PT1H")
    assert refused.value.code == "expires_before_scheduled"
