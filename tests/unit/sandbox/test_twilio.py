"""The SMS stand-in refuses what Twilio refuses, with Twilio's codes, and lists what it took."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from sandbox.segments import count_segments
from tests.unit.sandbox.support import ACCOUNT, SENDER, SERVICE, TWILIO_TOKEN, SandboxProcess

MESSAGES = f"/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages"


def test_a_good_message_is_taken_and_can_be_read_back(sandbox: SandboxProcess) -> None:
    answer = sandbox.sms(StatusCallback="https://example.com/hook")
    made = answer.json()
    assert answer.status_code == 201
    assert len(made["sid"]) == 34
    assert made["sid"].startswith("SM")
    assert (made["status"], made["num_segments"], made["date_sent"]) == ("queued", "1", None)
    created = parsedate_to_datetime(made["date_created"])
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)
    assert made["uri"] == f"{MESSAGES}/{made['sid']}.json".removeprefix("/twilio")
    read = sandbox.http.get(f"{MESSAGES}/{made['sid']}.json", auth=(ACCOUNT, TWILIO_TOKEN)).json()
    assert read.keys() == made.keys()
    assert (read["status"], read["date_sent"]) == ("sent", made["date_created"])
    [message] = sandbox.messages(provider="twilio", to="+4915112345678")
    assert (message["id"], message["text"]) == (made["sid"], "Hello")
    assert message["payload"]["StatusCallback"] == "https://example.com/hook"


def test_a_messaging_service_assigns_the_sender_later(sandbox: SandboxProcess) -> None:
    made = sandbox.sms(From=None, MessagingServiceSid=SERVICE).json()
    assert (made["from"], made["num_segments"], made["status"]) == (None, "0", "accepted")
    assert made["messaging_service_sid"] == SERVICE


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"To": None}, 400, 21604),
        ({"To": "015112345678"}, 400, 21211),
        ({"To": "+0123456789"}, 400, 21211),
        ({"To": "+49 151 1234"}, 400, 21211),
        ({"To": "+15005550001"}, 400, 21211),
        ({"To": "+15005550004"}, 400, 21610),
        ({"To": "+15005550009"}, 400, 21614),
        ({"From": None}, 400, 21603),
        ({"From": "Far too long a name"}, 400, 21212),
        ({"From": "+15005550008"}, 400, 21611),
        ({"To": SENDER}, 400, 21266),
        ({"From": None, "MessagingServiceSid": "MGnope"}, 404, 21701),
        ({"Body": None}, 400, 21602),
        ({"Body": ""}, 400, 21602),
        ({"Body": "x" * 1601}, 400, 21617),
        ({"StatusCallback": "not a url"}, 400, 21609),
    ],
)
def test_bad_messages_are_refused(
    sandbox: SandboxProcess, change: dict[str, str | None], status: int, code: int
) -> None:
    answer = sandbox.sms(**change)
    assert answer.status_code == status
    body = answer.json()
    assert body.keys() == {"code", "message", "more_info", "status"}
    assert (body["code"], body["status"]) == (code, status)
    assert body["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert sandbox.messages() == []


def test_the_longest_body_and_every_kind_of_sender_are_taken(sandbox: SandboxProcess) -> None:
    assert sandbox.sms(Body="x" * 1600).json()["num_segments"] == "11"
    assert sandbox.sms(From="Herald").status_code == 201
    assert sandbox.sms(From="12345").status_code == 201


@pytest.mark.parametrize(
    ("account", "auth"),
    [
        (ACCOUNT, None),
        (ACCOUNT, (ACCOUNT, "wrong")),
        (ACCOUNT, ("nobody", TWILIO_TOKEN)),
        ("AC" + "ff" * 16, (ACCOUNT, TWILIO_TOKEN)),
    ],
)
def test_bad_credentials_are_refused(
    sandbox: SandboxProcess, account: str, auth: tuple[str, str] | None
) -> None:
    url = f"/twilio/2010-04-01/Accounts/{account}/Messages.json"
    for answer in (
        sandbox.http.post(url, data={"To": "+4915112345678"}, auth=auth),
        sandbox.http.get(url, auth=auth),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, 20003)


def test_unknown_messages_and_paths(sandbox: SandboxProcess) -> None:
    for path in (f"{MESSAGES}/SM{'0' * 32}.json", "/twilio/2010-04-01/Nothing.json"):
        answer = sandbox.http.get(path, auth=(ACCOUNT, TWILIO_TOKEN))
        assert (answer.status_code, answer.json()["code"]) == (404, 20404)


def test_lists_filter_by_recipient_sender_and_day(sandbox: SandboxProcess) -> None:
    sids = [sandbox.sms(Body=f"n{n}").json()["sid"] for n in range(3)]
    sandbox.sms(To="+4915112345679", From="Herald")
    today = datetime.now(UTC).date()
    yesterday, tomorrow = today - timedelta(days=1), today + timedelta(days=1)

    def found(**query: Any) -> list[str]:
        return [m["sid"] for m in sandbox.sms_list(**query).json()["messages"]]

    newest_first = sids[::-1]
    assert found(To="+4915112345678") == newest_first
    assert found(To="+4915112345678", DateSent=str(today)) == newest_first
    assert found(To="+4915112345678", DateSent=str(yesterday)) == []
    assert found(To="+4915112345678", **{"DateSent>": str(today)}) == newest_first
    assert found(To="+4915112345678", **{"DateSent>": str(tomorrow)}) == []
    assert found(To="+4915112345678", **{"DateSent<": str(today)}) == newest_first
    assert found(To="+4915112345678", **{"DateSent<": str(yesterday)}) == []
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert found(To="+4915112345678", **{"DateSent>": hour_ago}) == newest_first
    assert len(found(From="Herald")) == 1
    assert len(found()) == 4

    first = sandbox.sms_list(To="+4915112345678", PageSize=2).json()
    assert [m["sid"] for m in first["messages"]] == newest_first[:2]
    assert first["previous_page_uri"] is None
    rest = sandbox.http.get(f"/twilio{first['next_page_uri']}", auth=(ACCOUNT, TWILIO_TOKEN)).json()
    assert [m["sid"] for m in rest["messages"]] == newest_first[2:]
    assert (rest["start"], rest["end"], rest["next_page_uri"]) == (2, 2, None)

    assert sandbox.sms_list(DateSent="soon").json()["code"] == 20001
    assert sandbox.sms_list(PageSize=1001).json()["code"] == 20001


def test_counting_mode_does_not_pretend_to_know(sandbox: SandboxProcess) -> None:
    sandbox.http.put("/mode", json={"keep": "counts"})
    sandbox.sms()
    assert sandbox.sms_list(To="+4915112345678").status_code == 503


def test_segments() -> None:
    assert count_segments("") == (1, "GSM-7")
    assert count_segments("x" * 160) == (1, "GSM-7")
    assert count_segments("x" * 161) == (2, "GSM-7")
    assert count_segments("€" * 80) == (1, "GSM-7")
    # 152 septets, then a two-septet character that no longer fits into the first 153.
    assert count_segments("x" * 152 + "€" + "x" * 152) == (3, "GSM-7")
    assert count_segments("ж" * 70) == (1, "UCS-2")
    assert count_segments("ж" * 71) == (2, "UCS-2")
    assert count_segments("😀" * 36) == (2, "UCS-2")


class LocalHttpClient(TwilioHttpClient):
    """Twilio's own client with another base address."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        local = url.replace("https://api.twilio.com", self._base_url)
        return super().request(method, local, *args, **kwargs)


def test_the_real_sdk(sandbox: SandboxProcess) -> None:
    http_client = LocalHttpClient(f"{sandbox.url}/twilio")
    client = Client(ACCOUNT, TWILIO_TOKEN, http_client=http_client)
    sent = [
        client.messages.create(to="+4915112345678", from_=SENDER, body=f"n{n}") for n in range(3)
    ]
    assert sent[0].status == "queued"
    assert client.messages(sent[0].sid).fetch().body == "n0"
    listed = client.messages.list(to="+4915112345678", date_sent=datetime.now(UTC), page_size=2)
    assert [message.sid for message in listed] == [message.sid for message in sent[::-1]]
    later = datetime.now(UTC) + timedelta(hours=1)
    assert client.messages.list(to="+4915112345678", date_sent_after=later) == []
    with pytest.raises(TwilioRestException) as refused:
        client.messages.create(to="nobody", from_=SENDER, body="x")
    assert (refused.value.status, refused.value.code) == (400, 21211)
    sandbox.fault("twilio", "status", status=429)
    with pytest.raises(TwilioRestException) as limited:
        client.messages.create(to="+4915112345678", from_=SENDER, body="x")
    assert (limited.value.status, limited.value.code) == (429, 20429)
    http_client.session.close()
