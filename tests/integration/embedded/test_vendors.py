"""A vendor with all its keys is real; any other is the sandbox, with keys both sides know."""

from pathlib import Path

import pytest

from runtime.embedded.home import Home
from runtime.embedded.vendors import (
    real_vendors,
    sandbox_environment,
    sandboxed_vendors,
    vendor_environment,
)

SANDBOX = "http://127.0.0.1:9"
RESEND = {"RESEND_API_KEY": "re_live"}
TWILIO = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "token"}
AWS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s"}
FIREBASE = {
    "FIREBASE_PROJECT_ID": "p",
    "FIREBASE_CLIENT_EMAIL": "a@example.com",
    "FIREBASE_PRIVATE_KEY": "key",
}


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, str]:
    return Home(tmp_path).secrets({})


def test_without_keys_everything_is_the_sandbox(secrets: dict[str, str]) -> None:
    given = vendor_environment({}, secrets, SANDBOX, 2525)
    urls = {name: value for name, value in given.items() if name.endswith("_URL")}
    assert urls == {
        "RESEND_API_URL": f"{SANDBOX}/resend",
        "TWILIO_API_URL": f"{SANDBOX}/twilio",
        "FCM_API_URL": f"{SANDBOX}/fcm",
        "ONESIGNAL_API_URL": f"{SANDBOX}/onesignal",
        "SMTP_URL": f"smtp://herald:{secrets['SANDBOX_SMTP_PASSWORD']}@127.0.0.1:2525?starttls=never",
    }
    assert given["AWS_ENDPOINT_URL_SNS"] == f"{SANDBOX}/sns"
    signing = sandbox_environment({}, secrets)
    assert signing["TWILIO_AUTH_TOKEN"] == given["TWILIO_AUTH_TOKEN"]
    assert signing["RESEND_WEBHOOK_SECRET"] == secrets["RESEND_WEBHOOK_SECRET"]


@pytest.mark.parametrize(
    ("keys", "vendor", "beside"),
    [
        (RESEND, "resend", "smtp"),
        ({"SMTP_URL": "smtp://mail.example.com"}, "smtp", "resend"),
        (TWILIO, "twilio", "sns"),
        (AWS | {"HERALD_SNS": "on"}, "sns", "twilio"),
        (FIREBASE, "firebase", "onesignal"),
        ({"ONESIGNAL_APP_ID": "a", "ONESIGNAL_API_KEY": "k"}, "onesignal", "firebase"),
    ],
)
def test_a_channel_with_a_real_vendor_has_nothing_sandboxed(
    keys: dict[str, str], vendor: str, beside: str, secrets: dict[str, str]
) -> None:
    assert real_vendors(keys) == {vendor}
    assert len(sandboxed_vendors(keys)) == 4
    assert not {vendor, beside} & sandboxed_vendors(keys)
    given = vendor_environment(keys, secrets, SANDBOX, 2525)
    assert not given.keys() & keys.keys() - {"HERALD_SNS"}
    assert given.get("HERALD_SNS", "on") == ("off" if vendor == "twilio" else "on")
    if vendor == "twilio":
        assert sandbox_environment(keys, secrets)["TWILIO_AUTH_TOKEN"] == ""


@pytest.mark.parametrize(
    "keys",
    [
        {"RESEND_WEBHOOK_SECRET": "whsec_x"},
        {"TWILIO_ACCOUNT_SID": "AC1"},
        {"FIREBASE_PROJECT_ID": "p", "FIREBASE_CLIENT_EMAIL": ""},
        AWS,
    ],
)
def test_half_a_key_changes_nothing(keys: dict[str, str], secrets: dict[str, str]) -> None:
    assert real_vendors(keys) == set()
    everything = vendor_environment({}, secrets, SANDBOX, 2525)
    assert vendor_environment(keys, secrets, SANDBOX, 2525) == everything
