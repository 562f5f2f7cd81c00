"""Which of a template's languages a reader gets: the same, a close one, or the default."""

from collections.abc import Iterable, Sequence

from langcodes import closest_match, tag_is_valid

DEFAULT_LOCALE = "en"
_CLOSE = 25


def choose_locale(
    available: Sequence[str], wanted: Iterable[str | None], *, default: str = DEFAULT_LOCALE
) -> str:
    """The best of `available` for the first of `wanted` that has one, by preference.

    `available` must not be empty. Exact, then close (`de-AT` reads `de`; `nn` reads `nb`), then
    `default`, then any English, then the first available.
    """
    by_name = {name.replace("_", "-").lower(): name for name in available}
    for tag in wanted:
        if not tag:
            continue
        exact = by_name.get(tag.replace("_", "-").lower())
        if exact is not None:
            return exact
        close = _closest(tag, available)
        if close is not None:
            return close
    return by_name.get(default.lower()) or _closest(default, available) or available[0]


def _closest(tag: str, available: Sequence[str]) -> str | None:
    if not tag_is_valid(tag):
        return None
    match, _ = closest_match(tag, list(available), max_distance=_CLOSE)
    return None if match == "und" else match
