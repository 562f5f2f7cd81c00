"""Which template a notification uses, pinned to a version when it is accepted.

A template edited later changes nothing that was accepted before. What a named template needs must
be there at once; what a type's own template turns out to miss is a dead letter.
"""

from collections.abc import Mapping, Sequence

from domain.commands import NewNotification
from domain.enums import Channel
from domain.errors import FieldError, Invalid
from domain.ports.runtime import TemplateRendererPort
from domain.records.catalogue import NotificationType, TemplateVersion
from services.catalogue.locales import choose_locale
from services.catalogue.reading import Catalogue


class TemplateChooser:
    def __init__(self, catalogue: Catalogue, renderer: TemplateRendererPort) -> None:
        self._catalogue = catalogue
        self._renderer = renderer

    async def choose(
        self, new: NewNotification, kind: NotificationType, channels: Sequence[Channel]
    ) -> TemplateVersion | None:
        """The template named, else none when there are title and content, else the type's own.

        Raises `Invalid`: `unknown_template`, `content_missing`, `template_channel_missing`,
        `variable_missing`.
        """
        if new.template is None and new.title is not None:
            return None
        key = new.template.key if new.template else kind.template_key
        if key is None:
            raise _refusal("content", "content_missing", "Give title and content, or a template.")
        versions = await self._catalogue.published(key)
        if not versions:
            raise _refusal(
                "template.key", "unknown_template", f"No published template has the key {key!r}."
            )
        wanted = new.template.locale if new.template else None
        version = versions[choose_locale(list(versions), [wanted])]
        if new.template is not None:
            _check_channels(version, new)
            self._check_variables(version, new, with_words(version, channels))
        return version

    def _check_variables(
        self, version: TemplateVersion, new: NewNotification, channels: Sequence[Channel]
    ) -> None:
        missing = [
            name
            for name in sorted(self._renderer.required_variables(version, channels))
            if name.startswith("data.") and not _has(new.data, name.removeprefix("data."))
        ]
        if missing:
            raise Invalid(
                "variable_missing",
                f"The template {version.key!r} needs {', '.join(missing)}.",
                errors=tuple(
                    FieldError(name, "variable_missing", f"The template needs {name}.")
                    for name in missing
                ),
            )


def with_words(version: TemplateVersion | None, channels: Sequence[Channel]) -> tuple[Channel, ...]:
    """Those of a type's channels that its template has words for; all when it has none of them."""
    spoken = channels if version is None else [one for one in channels if one in version.channels]
    return tuple(spoken or channels)


def _check_channels(version: TemplateVersion, new: NewNotification) -> None:
    """A channel somebody asked for by name is not left out in silence."""
    silent = [one.value for one in new.channels or () if one not in version.channels]
    if silent:
        detail = f"The template {version.key!r} has no words for {', '.join(silent)}."
        raise _refusal("channels", "template_channel_missing", detail)


def _has(data: Mapping[str, object], path: str) -> bool:
    here: object = data
    for part in path.split("."):
        if not isinstance(here, Mapping) or part not in here:
            return False
        here = here[part]
    return True


def _refusal(field: str, code: str, detail: str) -> Invalid:
    return Invalid(code, detail, errors=(FieldError(field, code, detail),))
