"""The closed vocabularies of Herald, as they appear on the wire and in the database."""

from enum import StrEnum


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"
    WEBSOCKET = "websocket"


class Category(StrEnum):
    SECURITY = "security"
    TRANSACTIONAL = "transactional"
    APPLICATIONS = "applications"
    JOBS = "jobs"
    MESSAGES = "messages"
    ANNOUNCEMENTS = "announcements"
    MARKETING = "marketing"


class Priority(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Strategy(StrEnum):
    """How a notification uses its channels."""

    ALL = "all"
    FALLBACK = "fallback"
    ESCALATE = "escalate"


class NotificationStatus(StrEnum):
    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    PROCESSING = "processing"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    DIGESTED = "digested"

    @property
    def is_open(self) -> bool:
        """True while something may still be sent."""
        return self in OPEN_NOTIFICATION_STATUSES


OPEN_NOTIFICATION_STATUSES = frozenset(
    {NotificationStatus.ACCEPTED, NotificationStatus.SCHEDULED, NotificationStatus.PROCESSING}
)


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DEFERRED = "deferred"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """True while no provider has been asked yet, or may be asked again."""
        return self in {DeliveryStatus.PENDING, DeliveryStatus.DEFERRED}

    @property
    def has_left(self) -> bool:
        """True when a provider has the message."""
        return self in LEFT_DELIVERY_STATUSES


LEFT_DELIVERY_STATUSES = frozenset(
    {
        DeliveryStatus.SENT,
        DeliveryStatus.DELIVERED,
        DeliveryStatus.BOUNCED,
        DeliveryStatus.COMPLAINED,
    }
)


class GateOutcome(StrEnum):
    ALLOW = "allow"
    DEFER = "defer"
    SKIP = "skip"
    DIGEST = "digest"
    HOLD = "hold"
    """Kept in reserve: only used if an earlier channel does not do."""


class PlanOutcome(StrEnum):
    """What a whole plan says: deliver something now, wait, or end."""

    DELIVER = "deliver"
    WAIT = "wait"
    SKIP = "skip"
    EXPIRE = "expire"


class PlanTrigger(StrEnum):
    """Why a plan was made."""

    ACCEPTED = "accepted"
    DUE = "due"
    AMENDED = "amended"
    SEND_NOW = "send_now"
    PREFERENCES_CHANGED = "preferences_changed"
    FALLBACK = "fallback"
    ESCALATION = "escalation"
    REDRIVE = "redrive"
    HELD = "held"
    """A delivery found its channel or provider paused."""
    RESUMED = "resumed"


class MaintenanceStep(StrEnum):
    """What the upkeep does, in this order."""

    PARTITIONS = "partitions"
    SUMMARY = "summary"
    DEVICES = "devices"
    CALLBACKS = "callbacks"
    NUMBERS = "numbers"
    CAMPAIGNS = "campaigns"


class Platform(StrEnum):
    WEB = "web"
    IOS = "ios"
    ANDROID = "android"


class PushVendor(StrEnum):
    FIREBASE = "firebase"
    ONESIGNAL = "onesignal"


class ConsentType(StrEnum):
    MARKETING = "marketing"
    SMS = "sms"
    TRACKING = "tracking"
    PERSONALIZATION = "personalization"


class WhenExceeded(StrEnum):
    DEFER = "defer"
    DIGEST = "digest"
    DROP = "drop"


class DeliveryMode(StrEnum):
    """How a category's messages reach a user: one by one, or gathered."""

    IMMEDIATE = "immediate"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"


class Weekday(StrEnum):
    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class EventType(StrEnum):
    NOTIFICATION_REQUESTED = "notification.requested"
    NOTIFICATION_SCHEDULED = "notification.scheduled"
    NOTIFICATION_AMENDED = "notification.amended"
    NOTIFICATION_SENT = "notification.sent"
    NOTIFICATION_DELIVERED = "notification.delivered"
    NOTIFICATION_FAILED = "notification.failed"
    NOTIFICATION_OPENED = "notification.opened"
    NOTIFICATION_CLICKED = "notification.clicked"
    NOTIFICATION_READ = "notification.read"
    NOTIFICATION_CANCELLED = "notification.cancelled"
    NOTIFICATION_SKIPPED = "notification.skipped"
    NOTIFICATION_EXPIRED = "notification.expired"
    NOTIFICATION_RETRYING = "notification.retrying"
    NOTIFICATION_DIGESTED = "notification.digested"
    NOTIFICATION_REDRIVEN = "notification.redriven"
    USER_PREFERENCES_UPDATED = "user.preferences.updated"
    USER_REPLIED = "user.replied"
    CAMPAIGN_STARTED = "campaign.started"
    CAMPAIGN_COMPLETED = "campaign.completed"
    CAMPAIGN_PAUSED = "campaign.paused"
    ANNOUNCEMENT_PUBLISHED = "announcement.published"
    ANNOUNCEMENT_UPDATED = "announcement.updated"
    ANNOUNCEMENT_ENDED = "announcement.ended"
    ANNOUNCEMENT_WITHDRAWN = "announcement.withdrawn"
    ANNOUNCEMENT_READ = "announcement.read"


class Scope(StrEnum):
    """What an API key may do."""

    NOTIFICATIONS_READ = "notifications:read"
    NOTIFICATIONS_WRITE = "notifications:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    PREFERENCES_READ = "preferences:read"
    PREFERENCES_WRITE = "preferences:write"
    TEMPLATES_READ = "templates:read"
    TEMPLATES_WRITE = "templates:write"
    CAMPAIGNS_READ = "campaigns:read"
    CAMPAIGNS_WRITE = "campaigns:write"
    ANALYTICS_READ = "analytics:read"
    OPERATIONS_READ = "operations:read"
    OPERATIONS_WRITE = "operations:write"
    ADMIN = "admin"
