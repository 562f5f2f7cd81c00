"""Links into Herald's own pages, signed, and the same each time they are asked for."""

from uuid import UUID

from domain.callbacks import EngagementKind
from domain.campaigns.tracked import click_token, recipient_token
from domain.enums import Channel
from domain.signing import sign_link
from domain.tracking import Tracked, sign_tracked


class SignedLinks:
    """Builds links under the public URL. A link names a user and a type; nobody can forge one."""

    def __init__(self, public_url: str, key: bytes) -> None:
        self._base = public_url.rstrip("/")
        self._key = key
        self._own = tuple(
            f"{self._base}{path}" for path in ("/api/unsubscribe/", "/preferences/", "/api/t/")
        )

    def unsubscribe(self, user_id: str, type_name: str, notification_id: UUID | None = None) -> str:
        """The one-click page for one type (RFC 8058): GET shows it, POST does it. With the
        notification it stands in, the click counts as what a person did with that one."""
        named = () if notification_id is None else (str(notification_id),)
        token = sign_link(self._key, "unsubscribe", user_id, type_name, *named)
        return f"{self._base}/api/unsubscribe/{token}"

    def preferences(self, user_id: str) -> str:
        """The page with all of a user's choices."""
        token = sign_link(self._key, "preferences", user_id)
        return f"{self._base}/preferences/{token}"

    def opened(self, notification_id: UUID, channel: Channel) -> str:
        """The image whose loading says that a message was opened."""
        tracked = Tracked(EngagementKind.OPENED, notification_id, channel)
        return f"{self._base}/api/t/o/{sign_tracked(self._key, tracked)}"

    def clicked(self, notification_id: UUID, channel: Channel, url: str) -> str:
        """A redirect to `url` that counts the click."""
        tracked = Tracked(EngagementKind.CLICKED, notification_id, channel, url)
        return f"{self._base}/api/t/c/{sign_tracked(self._key, tracked)}"

    def campaign_unsubscribe(
        self, user_id: str, type_name: str, campaign_id: UUID, ordinal: int
    ) -> str:
        """As `unsubscribe`, from one message of a campaign."""
        named = f"{campaign_id}/{ordinal}"
        token = sign_link(self._key, "unsubscribe", user_id, type_name, named)
        return f"{self._base}/api/unsubscribe/{token}"

    def campaign_recipient(self, campaign_id: UUID, ordinal: int) -> str:
        """What stands for a recipient in the tracking links of one message."""
        return recipient_token(self._key, campaign_id, ordinal)

    def campaign_opened(self, recipient: str) -> str:
        """`recipient`: as `campaign_recipient` says it, or what is replaced by that later."""
        return f"{self._base}/api/t/o/{recipient}"

    def campaign_clicked(self, recipient: str, campaign_id: UUID, url: str) -> str:
        return f"{self._base}/api/t/c/{click_token(self._key, recipient, campaign_id, url)}"

    def is_own(self, url: str) -> bool:
        """True for what must work without being counted: unsubscribing, preferences, and links
        that are tracked already."""
        return url.startswith(self._own)
