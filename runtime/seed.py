"""What a new database starts with: the starter types and their templates. Edits are kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from domain.enums import Category, Channel, ConsentType, Priority, Strategy
from domain.ports.storage import UnitOfWork
from domain.records.catalogue import NotificationType
from templates.adapter import starter_versions

_EMAIL, _SMS, _PUSH, _INBOX = Channel.EMAIL, Channel.SMS, Channel.PUSH, Channel.WEBSOCKET


def _type(
    name: str,
    category: Category,
    channels: tuple[Channel, ...],
    description: str,
    *,
    priority: Priority = Priority.MEDIUM,
    strategy: Strategy = Strategy.ALL,
    lives: timedelta | None = None,
    transactional: bool = False,
    consent: ConsentType | None = None,
) -> NotificationType:
    return NotificationType(
        type=name,
        category=category,
        default_channels=channels,
        default_priority=priority,
        default_strategy=strategy,
        time_to_live=lives,
        legally_transactional=transactional,
        required_consent=consent,
        # What a person must be able to trust is neither measured nor rewritten.
        track_opens=category is not Category.SECURITY,
        track_clicks=category is not Category.SECURITY,
        template_key=name,
        description=description,
    )


STARTER_TYPES: tuple[NotificationType, ...] = (
    _type("job_match", Category.JOBS, (_INBOX, _EMAIL), "A job that fits a candidate.",
          lives=timedelta(days=7)),
    _type("candidate_interest", Category.APPLICATIONS, (_INBOX, _EMAIL),
          "An employer is interested in a candidate, or the other way round."),
    _type("recommendation_refresh", Category.JOBS, (_INBOX,), "New recommendations are ready.",
          priority=Priority.LOW, lives=timedelta(days=3)),
    _type("job_alert", Category.JOBS, (_EMAIL, _PUSH), "New jobs for a saved search.",
          lives=timedelta(days=3)),
    _type("application_update", Category.APPLICATIONS, (_INBOX, _EMAIL),
          "An application moved on.", priority=Priority.HIGH, transactional=True),
    _type("interview_reminder", Category.APPLICATIONS, (_PUSH, _EMAIL),
          "An interview comes near.", priority=Priority.HIGH, transactional=True),
    _type("message_received", Category.MESSAGES, (_INBOX, _PUSH), "Somebody wrote."),
    _type("security_alert", Category.SECURITY, (_INBOX, _EMAIL, _PUSH),
          "Something happened to an account that its owner must know.",
          priority=Priority.CRITICAL, transactional=True),
    _type("one_time_code", Category.SECURITY, (_SMS, _EMAIL), "A code to log in with.",
          priority=Priority.CRITICAL, strategy=Strategy.FALLBACK, lives=timedelta(minutes=10),
          transactional=True),
    _type("account_update", Category.TRANSACTIONAL, (_EMAIL, _INBOX),
          "Something about an account changed.", transactional=True),
    _type("announcement", Category.ANNOUNCEMENTS, (_INBOX,), "News for everyone."),
    _type("newsletter", Category.MARKETING, (_EMAIL,), "The newsletter.",
          priority=Priority.LOW, consent=ConsentType.MARKETING),
    _type("digest", Category.JOBS, (_EMAIL,), "Several notifications gathered into one."),
)  # fmt: skip


async def seed(uow: UnitOfWork, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
    """Adds what is missing; safe to run any number of times and at once."""
    async with uow() as tx:
        for item in STARTER_TYPES:
            await tx.catalogue.seed_type(item)
        for version in starter_versions(clock()):
            if not await tx.catalogue.template(version.key, locale=version.locale):
                await tx.catalogue.add_template_version(version)
