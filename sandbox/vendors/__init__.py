"""The vendors this sandbox stands in for; one line here and one file beside it per vendor."""

from sandbox.config import SandboxConfig
from sandbox.faults import Faults
from sandbox.store import Store
from sandbox.vendors.base import Vendor
from sandbox.vendors.firebase import Firebase
from sandbox.vendors.onesignal import OneSignal
from sandbox.vendors.resend import Resend
from sandbox.vendors.smtp import Smtp
from sandbox.vendors.sns import Sns
from sandbox.vendors.twilio import Twilio

VENDORS: tuple[type[Vendor], ...] = (Resend, Smtp, Twilio, Sns, Firebase, OneSignal)


def build_vendors(store: Store, faults: Faults, config: SandboxConfig) -> dict[str, Vendor]:
    """Every vendor by its name in the steering API."""
    return {vendor.name: vendor(store, faults, config) for vendor in VENDORS}
