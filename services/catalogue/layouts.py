"""The layout of an email that is a template of its own: one that holds `{{ content }}`."""

from datetime import datetime

from domain.ports.runtime import TemplateRendererPort
from domain.records.catalogue import TemplateVersion
from services.catalogue.locales import choose_locale
from services.catalogue.reading import Catalogue


async def layout_of(
    template: TemplateVersion,
    renderer: TemplateRendererPort,
    catalogue: Catalogue,
    at: datetime | None = None,
) -> TemplateVersion | None:
    """Its published version in the template's language or the closest one, the newest, or the
    newest there was `at` an instant. None without one: the renderer says so when it is needed."""
    key = renderer.stored_layout(template)
    if key is None:
        return None
    found = catalogue.published(key) if at is None else catalogue.published_by(key, at)
    versions = await found
    return versions[choose_locale(list(versions), [template.locale])] if versions else None
