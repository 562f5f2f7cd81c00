"""What HELP is answered with: for every language whose HELP is heard, and cheap to send."""

import pytest
from pydantic import ValidationError

from domain.data import load
from domain.rules.sms_keywords import KEYWORDS, Keyword
from domain.sms.help import HelpFile, help_data, help_text
from domain.sms.segments import Encoding, measure

LANGUAGES = sorted({name for asked in KEYWORDS.values() for name in asked.languages})


def test_every_language_whose_help_is_heard_has_an_answer() -> None:
    helps = {n for a in KEYWORDS.values() if a.keyword is Keyword.HELP for n in a.languages}
    assert helps == set(help_data().texts) == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_is_one_segment_with_all_that_is_needed(language: str) -> None:
    text = help_text(language, "JobFinders", "help@jobfinders.example")
    assert text.startswith("JobFinders")
    assert all(part in text for part in ("help@jobfinders.example", "STOP", "START"))
    size = measure(text)
    assert (size.encoding, size.segments) == (Encoding.GSM_7, 1), size


def test_a_language_without_words_is_answered_in_english() -> None:
    assert help_text("fi", "A", "b") == help_text("en", "A", "b")


@pytest.mark.parametrize("without", ["{sender}", "{contact}", "STOP", "START"])
def test_an_answer_that_leaves_something_out_is_refused(without: str) -> None:
    data = load("sms_help")
    data["texts"]["de"] = data["texts"]["de"].replace(without, "")
    with pytest.raises(ValidationError):
        HelpFile.model_validate(data)
