"""Every vendor that is held to the contract: one file beside this one and one line here."""

from tests.contract.vendors.common import Vendor
from tests.contract.vendors.firebase import FIREBASE
from tests.contract.vendors.onesignal import ONESIGNAL
from tests.contract.vendors.resend import RESEND
from tests.contract.vendors.smtp import SMTP
from tests.contract.vendors.sns import SNS
from tests.contract.vendors.twilio import TWILIO

VENDORS: tuple[Vendor, ...] = (RESEND, SMTP, TWILIO, SNS, FIREBASE, ONESIGNAL)
