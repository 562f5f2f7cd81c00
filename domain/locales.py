"""Choosing the best of the locales there are for the one a person reads."""

from collections.abc import Collection

DEFAULT_LOCALE = "en"


def best_locale(wanted: str | None, available: Collection[str]) -> str:
    """Exact match, then the language alone, then English, then the first by name.

    `available` must not be empty. `de-AT` finds `de`; `pt` finds `pt-BR` when it is alone.
    """
    by_lower = {name.lower().replace("_", "-"): name for name in sorted(available)}
    tag = (wanted or DEFAULT_LOCALE).lower().replace("_", "-")
    while tag:
        if tag in by_lower:
            return by_lower[tag]
        tag = tag.rpartition("-")[0]
    language = (wanted or DEFAULT_LOCALE).lower().partition("-")[0].partition("_")[0]
    for lowered, name in by_lower.items():
        if lowered.partition("-")[0] == language:
            return name
    return by_lower.get(DEFAULT_LOCALE) or next(iter(by_lower.values()))
