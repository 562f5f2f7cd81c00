"""The tables, one per file. Importing this package knows them all."""

from models.ab_assignments import ABAssignmentRow
from models.ab_notifications import ABNotificationRow
from models.ab_outcomes import ABOutcomeRow
from models.ab_tests import ABTestRow
from models.announcement_reads import AnnouncementReadRow
from models.announcements import AnnouncementRow
from models.api_keys import ApiKeyRow
from models.audience_list_members import AudienceListMemberRow
from models.audience_lists import AudienceListRow
from models.audit_log import AuditRow
from models.bulk_batches import BulkBatchRow
from models.campaign_batches import CampaignBatchRow
from models.campaign_days import CampaignDayRow
from models.campaign_messages import CampaignMessageRow
from models.campaign_recipients import CampaignRecipientRow
from models.campaign_summaries import CampaignSummaryRow
from models.campaign_tallies import CampaignTallyRow
from models.campaigns import CampaignRow
from models.consent_history import ConsentHistoryRow
from models.consents import ConsentRow
from models.dead_letters import DeadLetterRow
from models.dedup_claims import DedupClaimRow
from models.delivery_attempts import DeliveryAttemptRow
from models.devices import DeviceRow
from models.digest_items import DigestItemRow
from models.email_notifications import EmailNotificationRow
from models.email_templates import EmailTemplateRow
from models.event_log import EventRow
from models.frequency_usage import FrequencyUsageRow
from models.idempotency import IdempotencyRow
from models.inbox_counters import InboxCounterRow
from models.inbox_items import InboxItemRow
from models.notification_deliveries import DeliveryRow
from models.notification_metrics import NotificationMetricRow
from models.notification_types import NotificationTypeRow
from models.notifications import NotificationRow
from models.paused_parts import PausedPartRow
from models.plans import PlanRow
from models.preferences import PreferencesRow
from models.provider_callbacks import ProviderCallbackRow
from models.push_notifications import PushNotificationRow
from models.sms_notifications import SmsNotificationRow
from models.sms_number_usage import SmsNumberUsageRow
from models.subscriptions import SubscriptionRow
from models.suppressions import SuppressionRow
from models.templates import TemplateVersionRow
from models.user_engagement_events import EngagementEventRow
from models.user_keys import UserKeyRow
from models.users import UserRow
from models.workflow_signals import WorkflowSignalRow

__all__ = [
    "ABAssignmentRow",
    "ABNotificationRow",
    "ABOutcomeRow",
    "ABTestRow",
    "AnnouncementReadRow",
    "AnnouncementRow",
    "ApiKeyRow",
    "AudienceListMemberRow",
    "AudienceListRow",
    "AuditRow",
    "BulkBatchRow",
    "CampaignBatchRow",
    "CampaignDayRow",
    "CampaignMessageRow",
    "CampaignRecipientRow",
    "CampaignRow",
    "CampaignSummaryRow",
    "CampaignTallyRow",
    "ConsentHistoryRow",
    "ConsentRow",
    "DeadLetterRow",
    "DedupClaimRow",
    "DeliveryAttemptRow",
    "DeliveryRow",
    "DeviceRow",
    "DigestItemRow",
    "EmailNotificationRow",
    "EmailTemplateRow",
    "EngagementEventRow",
    "EventRow",
    "FrequencyUsageRow",
    "IdempotencyRow",
    "InboxCounterRow",
    "InboxItemRow",
    "NotificationMetricRow",
    "NotificationRow",
    "NotificationTypeRow",
    "PausedPartRow",
    "PlanRow",
    "PreferencesRow",
    "ProviderCallbackRow",
    "PushNotificationRow",
    "SmsNotificationRow",
    "SmsNumberUsageRow",
    "SubscriptionRow",
    "SuppressionRow",
    "TemplateVersionRow",
    "UserKeyRow",
    "UserRow",
    "WorkflowSignalRow",
]
