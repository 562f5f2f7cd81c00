"""Signed links: what was signed comes back, and nothing else does."""

from hypothesis import given
from hypothesis import strategies as st

from domain.signing import sign_link, verify_link

KEY = b"k" * 32
parts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=5)


@given(parts)
def test_what_was_signed_comes_back(given_parts: list[str]) -> None:
    token = sign_link(KEY, *given_parts)
    assert verify_link(KEY, token) == tuple(given_parts)
    assert sign_link(KEY, *given_parts) == token
    assert verify_link(b"other" * 8, token) is None


@given(st.text(max_size=60))
def test_what_was_not_signed_does_not(token: str) -> None:
    assert verify_link(KEY, token) is None


@given(parts, st.data())
def test_a_changed_token_is_refused(given_parts: list[str], data: st.DataObject) -> None:
    token = sign_link(KEY, *given_parts)
    at = data.draw(st.integers(0, len(token) - 2))
    letter = data.draw(st.sampled_from("ABCDEFabcdef0123456789-_"))
    changed = token[:at] + letter + token[at + 1 :]
    expected = tuple(given_parts) if changed == token else None
    assert verify_link(KEY, changed) == expected


def test_parts_do_not_run_into_each_other() -> None:
    assert sign_link(KEY, "ab", "c") != sign_link(KEY, "a", "bc")
