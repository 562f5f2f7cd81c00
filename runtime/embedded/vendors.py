"""Which vendors are real and which the sandbox plays, and what each process is told of them.

A vendor all of whose keys are in the user's environment is called for real. A webhook secret alone
changes nothing. A channel with a real vendor has no sandboxed one beside it: what fails over there
would be taken by a stand-in and reach nobody.
"""

from collections.abc import Mapping
from urllib.parse import quote
from uuid import UUID, uuid5

_SANDBOX_SID = "AC" + "5a" * 16
_ON = {"1", "true", "on", "yes"}

_KEYS = {
    "resend": ("RESEND_API_KEY",),
    "smtp": ("SMTP_URL",),
    "twilio": ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
    "sns": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "firebase": ("FIREBASE_PROJECT_ID", "FIREBASE_CLIENT_EMAIL", "FIREBASE_PRIVATE_KEY"),
    "onesignal": ("ONESIGNAL_APP_ID", "ONESIGNAL_API_KEY"),
}
_CHANNELS = (("resend", "smtp"), ("twilio", "sns"), ("firebase", "onesignal"))


def real_vendors(environ: Mapping[str, str]) -> set[str]:
    """The vendors all of whose keys are set. Keys for AWS lie about on many machines for other
    reasons, so SNS has to be switched on as well."""
    real = {vendor for vendor, names in _KEYS.items() if all(environ.get(name) for name in names)}
    if environ.get("HERALD_SNS", "").lower() not in _ON:
        real.discard("sns")
    return real


def sandboxed_vendors(environ: Mapping[str, str]) -> set[str]:
    """The vendors the sandbox plays: those of channels without a real one."""
    real = real_vendors(environ)
    return {name for channel in _CHANNELS if not real & set(channel) for name in channel}


def vendor_environment(
    environ: Mapping[str, str], secrets: Mapping[str, str], sandbox_url: str, smtp_port: int
) -> dict[str, str]:
    """What points each sandboxed vendor at the sandbox, and switches off what is neither real nor
    sandboxed."""
    settings = _sandbox_settings(secrets, sandbox_url, smtp_port)
    told = {"HERALD_SNS": "off"} if "sns" not in real_vendors(environ) else {}
    for vendor in sandboxed_vendors(environ):
        told |= settings[vendor]
    return told


def _sandbox_settings(
    secrets: Mapping[str, str], sandbox_url: str, smtp_port: int
) -> dict[str, dict[str, str]]:
    """By vendor."""
    password = secrets["SANDBOX_SMTP_PASSWORD"]
    return {
        "resend": {
            "RESEND_API_KEY": "re_sandbox",
            "RESEND_API_URL": f"{sandbox_url}/resend",
        },
        "smtp": {
            "SMTP_URL": f"smtp://herald:{quote(password)}@127.0.0.1:{smtp_port}?starttls=never",
        },
        "twilio": {
            "TWILIO_ACCOUNT_SID": _SANDBOX_SID,
            "TWILIO_AUTH_TOKEN": secrets["SANDBOX_TWILIO_TOKEN"],
            "TWILIO_API_URL": f"{sandbox_url}/twilio",
        },
        "sns": {
            "HERALD_SNS": "on",
            "AWS_ACCESS_KEY_ID": "AKIASANDBOXSANDBOX00",
            "AWS_SECRET_ACCESS_KEY": secrets["SANDBOX_AWS_SECRET"],
            "AWS_REGION": "eu-central-1",
            "AWS_ENDPOINT_URL_SNS": f"{sandbox_url}/sns",
        },
        "firebase": {
            "FIREBASE_PROJECT_ID": "herald-sandbox",
            "FIREBASE_CLIENT_EMAIL": "",
            "FIREBASE_PRIVATE_KEY": "",
            "FCM_API_URL": f"{sandbox_url}/fcm",
        },
        "onesignal": {
            "ONESIGNAL_APP_ID": str(uuid5(UUID(int=0), "herald sandbox")),
            "ONESIGNAL_API_KEY": "sandbox",
            "ONESIGNAL_API_URL": f"{sandbox_url}/onesignal",
            "ONESIGNAL_WEBHOOK_SECRET": secrets["ONESIGNAL_WEBHOOK_SECRET"],
        },
    }


def sandbox_environment(environ: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    """The secrets the sandbox signs with and asks for; none for a vendor it does not play."""
    sandboxed = sandboxed_vendors(environ)
    known = {
        "RESEND_WEBHOOK_SECRET": ("resend", secrets["RESEND_WEBHOOK_SECRET"]),
        "TWILIO_AUTH_TOKEN": ("twilio", secrets["SANDBOX_TWILIO_TOKEN"]),
        "ONESIGNAL_WEBHOOK_SECRET": ("onesignal", secrets["ONESIGNAL_WEBHOOK_SECRET"]),
        "SANDBOX_SMTP_USER": ("smtp", "herald"),
        "SANDBOX_SMTP_PASSWORD": ("smtp", secrets["SANDBOX_SMTP_PASSWORD"]),
        "SANDBOX_AWS_SECRET": ("sns", secrets["SANDBOX_AWS_SECRET"]),
    }
    return {name: secret if vendor in sandboxed else "" for name, (vendor, secret) in known.items()}
