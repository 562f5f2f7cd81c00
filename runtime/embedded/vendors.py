"""Which vendors are real and which the sandbox plays, and what each process is told of them.

A vendor all of whose keys are in the user's environment is called for real. A webhook secret alone
changes nothing.
"""

from collections.abc import Mapping

_SANDBOX_SID = "AC" + "5a" * 16

_KEYS = {
    "resend": ("RESEND_API_KEY",),
    "twilio": ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
    "firebase": ("FIREBASE_PROJECT_ID", "FIREBASE_CLIENT_EMAIL", "FIREBASE_PRIVATE_KEY"),
}


def real_vendors(environ: Mapping[str, str]) -> set[str]:
    """The vendors all of whose keys are set."""
    return {vendor for vendor, names in _KEYS.items() if all(environ.get(name) for name in names)}


def vendor_environment(
    environ: Mapping[str, str], secrets: Mapping[str, str], sandbox_url: str
) -> dict[str, str]:
    """What points each vendor without keys at the sandbox."""
    sandboxed = {
        "resend": {
            "RESEND_API_KEY": "re_sandbox",
            "RESEND_API_URL": f"{sandbox_url}/resend",
        },
        "twilio": {
            "TWILIO_ACCOUNT_SID": _SANDBOX_SID,
            "TWILIO_AUTH_TOKEN": secrets["SANDBOX_TWILIO_TOKEN"],
            "TWILIO_API_URL": f"{sandbox_url}/twilio",
        },
        "firebase": {
            "FIREBASE_PROJECT_ID": "herald-sandbox",
            "FIREBASE_CLIENT_EMAIL": "",
            "FIREBASE_PRIVATE_KEY": "",
            "FCM_API_URL": f"{sandbox_url}/fcm",
        },
    }
    real = real_vendors(environ)
    return {
        name: value
        for vendor, values in sandboxed.items()
        if vendor not in real
        for name, value in values.items()
    }


def sandbox_environment(environ: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    """The secrets the sandbox signs with; none for a vendor that signs by itself."""
    real = real_vendors(environ)
    signing = {
        "RESEND_WEBHOOK_SECRET": ("resend", secrets["RESEND_WEBHOOK_SECRET"]),
        "TWILIO_AUTH_TOKEN": ("twilio", secrets["SANDBOX_TWILIO_TOKEN"]),
    }
    return {name: "" if vendor in real else secret for name, (vendor, secret) in signing.items()}
