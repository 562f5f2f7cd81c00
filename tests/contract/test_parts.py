"""The parts providers share: the registry, phone numbers, reading `Retry-After` and addresses."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from domain.enums import Channel
from domain.errors import Invalid, NotFound
from providers.http import is_local, retry_after, transport_error, transport_outcome, without
from providers.inbox.live import InboxProvider
from providers.phone import country_of, normalize_e164, to_e164
from providers.registry import ProviderRegistry
from tests.contract.test_inbox import Bus
from tests.contract.vendors.resend import RESEND
from tests.contract.vendors.twilio import TWILIO

NOWHERE = "http://127.0.0.1:9"


async def test_the_registry_keeps_the_order_it_was_given() -> None:
    first, second = RESEND.build(NOWHERE, NOWHERE), RESEND.build(NOWHERE, NOWHERE)
    second.name = "spare"  # type: ignore[misc]
    sms = TWILIO.build(NOWHERE, NOWHERE)
    registry = ProviderRegistry([first, sms, second])
    assert registry.ordered(Channel.EMAIL) == (first, second)
    assert registry.for_channel(Channel.EMAIL) is first
    assert registry.named("twilio") is sms
    assert registry.all() == (first, sms, second)
    for missing in (lambda: registry.for_channel(Channel.PUSH), lambda: registry.named("nobody")):
        with pytest.raises(NotFound):
            missing()
    await registry.aclose()


def test_two_providers_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="inbox"):
        ProviderRegistry([InboxProvider(Bus()), InboxProvider(Bus())])


async def test_one_that_cannot_close_does_not_keep_the_others_open() -> None:
    closed = []

    class Stuck(InboxProvider):
        name = "stuck"  # type: ignore[misc,assignment]

        async def aclose(self) -> None:
            raise OSError("stuck")

    class Fine(InboxProvider):
        async def aclose(self) -> None:
            closed.append(self)

    with pytest.raises(ExceptionGroup):
        await ProviderRegistry([Stuck(Bus()), Fine(Bus())]).aclose()
    assert len(closed) == 1


@pytest.mark.parametrize(
    ("number", "country", "e164"),
    [
        ("0151 12345678", "DE", "+4915112345678"),
        ("0151/1234-5678", "de", "+4915112345678"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("+49 (0) 151 12345678", None, "+4915112345678"),
        ("0049 151 12345678", "DE", "+4915112345678"),
        ("+44 7400 123456", "DE", "+447400123456"),
    ],
)
def test_numbers_as_people_write_them(number: str, country: str | None, e164: str) -> None:
    assert to_e164(number, country) == e164
    assert country_of(e164) is not None


@pytest.mark.parametrize(
    ("number", "country"),
    [("0151 12345678", None), ("", "DE"), ("abc", "DE"), ("+49 1", None), ("12", "US")],
)
def test_what_is_no_number_is_refused(number: str, country: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        to_e164(number, country)
    assert caught.value.code == "invalid_phone"
    assert caught.value.errors[0].field == "phone"
    assert number not in caught.value.detail or not number


def test_a_number_no_table_knows_is_left_to_the_vendor() -> None:
    assert normalize_e164("+1 500 555 0001") == "+15005550001"
    assert normalize_e164("0151 12345678") == "0151 12345678"
    assert country_of("nonsense") is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), (" 0 ", 0), ("-1", None), ("1.5", None), ("soon", None), ("", None), ("²", None)],
)
def test_retry_after_in_seconds(value: str, seconds: int | None) -> None:
    wanted = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after({"RETRY-after": value}) == wanted
    assert retry_after({}) is None


def test_retry_after_as_a_date() -> None:
    past = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    assert retry_after({"retry-after": past}) == timedelta(0)
    later = retry_after({"retry-after": format_datetime(datetime.now(UTC) + timedelta(hours=1))})
    assert later is not None
    assert timedelta(minutes=59) < later <= timedelta(hours=1)


def test_an_error_that_is_nobodys_but_ours_is_not_explained_away() -> None:
    assert transport_error(KeyError("ours")) is None
    buried = ValueError("outer")
    buried.__context__ = TimeoutError()
    found = transport_error(buried)
    assert found is not None
    assert transport_outcome(found).code == "timeout"
    circle = ValueError("circle")
    circle.__cause__ = circle
    assert transport_error(circle) is None


def test_addresses_are_taken_out_of_words() -> None:
    assert without("No such user ada@example.com", "ada@example.com", "") == "No such user …"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:9/resend", True),
        ("http://localhost", True),
        ("http://[::1]:80", True),
        ("https://api.resend.com", False),
        ("http://10.0.0.1", False),
        ("nonsense", False),
    ],
)
def test_stand_ins_on_this_machine(url: str, local: bool) -> None:
    assert is_local(url) is local
