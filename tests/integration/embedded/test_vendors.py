"""A vendor with all its keys is real; any other is the sandbox, with keys both sides know."""

from pathlib import Path

import pytest

from runtime.embedded.home import Home
from runtime.embedded.vendors import real_vendors, sandbox_environment, vendor_environment

SANDBOX = "http://127.0.0.1:9"
RESEND = {"RESEND_API_KEY": "re_live"}
TWILIO = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "token"}
FIREBASE = {
    "FIREBASE_PROJECT_ID": "p",
    "FIREBASE_CLIENT_EMAIL": "a@example.com",
    "FIREBASE_PRIVATE_KEY": "key",
}


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, str]:
    return Home(tmp_path).secrets({})


def test_without_keys_everything_is_the_sandbox(secrets: dict[str, str]) -> None:
    given = vendor_environment({}, secrets, SANDBOX)
    urls = {name: value for name, value in given.items() if name.endswith("_URL")}
    assert urls == {
        "RESEND_API_URL": f"{SANDBOX}/resend",
        "TWILIO_API_URL": f"{SANDBOX}/twilio",
        "FCM_API_URL": f"{SANDBOX}/fcm",
    }
    signing = sandbox_environment({}, secrets)
    assert signing["TWILIO_AUTH_TOKEN"] == given["TWILIO_AUTH_TOKEN"]
    assert signing["RESEND_WEBHOOK_SECRET"] == secrets["RESEND_WEBHOOK_SECRET"]


@pytest.mark.parametrize(
    ("keys", "vendor"), [(RESEND, "resend"), (TWILIO, "twilio"), (FIREBASE, "firebase")]
)
def test_a_vendor_with_keys_is_left_alone(
    keys: dict[str, str], vendor: str, secrets: dict[str, str]
) -> None:
    assert real_vendors(keys) == {vendor}
    given = vendor_environment(keys, secrets, SANDBOX)
    assert not given.keys() & keys.keys()
    assert len([name for name in given if name.endswith("_URL")]) == 2
    if vendor == "twilio":
        assert sandbox_environment(keys, secrets)["TWILIO_AUTH_TOKEN"] == ""


@pytest.mark.parametrize(
    "keys",
    [
        {"RESEND_WEBHOOK_SECRET": "whsec_x"},
        {"TWILIO_ACCOUNT_SID": "AC1"},
        {"FIREBASE_PROJECT_ID": "p", "FIREBASE_CLIENT_EMAIL": ""},
    ],
)
def test_half_a_key_changes_nothing(keys: dict[str, str], secrets: dict[str, str]) -> None:
    assert real_vendors(keys) == set()
    assert len(vendor_environment(keys, secrets, SANDBOX)) == 9
