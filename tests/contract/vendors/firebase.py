"""Firebase's entry."""

import functools
from datetime import timedelta
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from domain.enums import Channel, Platform
from domain.ports.providers import Recovery, Rejected
from providers.push.firebase import FirebasePushProvider
from tests.contract.vendors.common import (
    ASKED_NOTHING,
    COMMON,
    PATIENCE,
    TELLS_NOTHING,
    Ending,
    Vendor,
)


def firebase(url: str, public_url: str, timeout: timedelta = PATIENCE) -> FirebasePushProvider:
    return FirebasePushProvider(
        project_id="demo", private_key=None, client_email=None, api_url=url, timeout=timeout
    )


def firebase_with_key(url: str, public_url: str, token_url: str) -> FirebasePushProvider:
    return FirebasePushProvider(
        project_id="demo",
        private_key=private_key(),
        client_email="herald@demo.example",
        api_url=url,
        timeout=PATIENCE,
        token_url=token_url,
    )


@functools.cache
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return pem.replace("\n", "\\n")


FIREBASE = Vendor(
    name="firebase",
    prefix="/fcm",
    recovery=Recovery.REPLACE,
    build=firebase,
    build_unknown=firebase_with_key,
    target=lambda: f"device-{uuid4().hex}",
    refused_target="device-unregistered",
    settings=("FIREBASE_PRIVATE_KEY", "FCM_API_URL"),
    changes={"channel": Channel.PUSH, "platform": Platform.ANDROID},
    expected={
        **COMMON,
        **ASKED_NOTHING,
        **TELLS_NOTHING,
        "permanent_refusal": Ending(Rejected, "unregistered", target_gone=True),
        "recovery": "replaced",
        "repeat": "replaced",
        "configuration_bad": "FIREBASE_PRIVATE_KEY",
    },
)
