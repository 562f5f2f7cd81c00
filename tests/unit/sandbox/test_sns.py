"""The second SMS stand-in speaks to AWS's own SDK and refuses what SNS refuses."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.sandbox.support import (
    NUMBER,
    SNS_KEY_ID,
    SNS_SECRET,
    Receiver,
    SandboxProcess,
    attribute,
    publish,
    sns_client,
)

TOPIC = "arn:aws:sns:eu-central-1:000000000000:herald"


@pytest.fixture(scope="module")
def _signed(_receiver: Receiver) -> Iterator[SandboxProcess]:
    arguments = ("--callback-base-url", _receiver.url, "--sns-access-key-id", SNS_KEY_ID)
    with SandboxProcess(*arguments, SANDBOX_AWS_SECRET=SNS_SECRET) as process:
        yield process


@pytest.fixture
def sandbox(_signed: SandboxProcess) -> SandboxProcess:
    assert _signed.http.delete("/state").status_code == 204
    return _signed


def refusal(caught: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_a_good_message_is_taken(sandbox: SandboxProcess) -> None:
    message_id = publish(
        sandbox,
        Message="Grüße <&> ж",
        MessageAttributes={
            "AWS.SNS.SMS.SMSType": attribute("Transactional"),
            "AWS.SNS.SMS.SenderID": attribute("Herald"),
            "AWS.SNS.SMS.MaxPrice": {"DataType": "Number", "StringValue": "0.50"},
        },
    )
    [kept] = sandbox.messages(provider="sns", to=NUMBER)
    assert (kept["id"], kept["text"], kept["status"]) == (message_id, "Grüße <&> ж", "sent")
    assert kept["payload"]["MessageAttributes"]["AWS.SNS.SMS.SenderID"] == attribute("Herald")
    assert sandbox.counts(provider="sns")["messages"] == 1
    page = sandbox.http.get("/outbox", params={"provider": "sns"}).text
    assert "Herald" in page
    assert "UCS-2" in page


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"PhoneNumber": "015112345678"}, 400, "InvalidParameter"),
        ({"PhoneNumber": "+0123456789"}, 400, "InvalidParameter"),
        ({"PhoneNumber": "+49 151 1234"}, 400, "InvalidParameter"),
        ({"PhoneNumber": "+4915"}, 400, "InvalidParameter"),
        ({"Message": ""}, 400, "InvalidParameter"),
        ({"Message": "x" * 1601}, 400, "InvalidParameter"),
        ({"MessageAttributes": {"AWS.SNS.SMS.SMSType": attribute("Urgent")}}, 400,
         "ParameterValueInvalid"),
        ({"MessageAttributes": {"AWS.SNS.SMS.SenderID": attribute("Far too long a name")}}, 400,
         "ParameterValueInvalid"),
        ({"MessageAttributes": {"AWS.SNS.SMS.SenderID": attribute("12345")}}, 400,
         "ParameterValueInvalid"),
        ({"MessageAttributes": {"x": {"DataType": "String"}}}, 400, "ParameterValueInvalid"),
    ],
)  # fmt: skip
def test_bad_messages(
    sandbox: SandboxProcess, change: dict[str, Any], status: int, code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        publish(sandbox, **change)
    assert refusal(caught) == (status, code)
    assert sandbox.messages(provider="sns") == []


def test_a_message_of_the_greatest_length(sandbox: SandboxProcess) -> None:
    assert publish(sandbox, Message="x" * 1600)


def test_only_numbers_can_be_published_to(sandbox: SandboxProcess) -> None:
    with pytest.raises(ClientError) as caught:
        sns_client(sandbox).publish(TopicArn=TOPIC, Message="Hello")
    assert refusal(caught) == (404, "NotFound")
    with pytest.raises(ClientError) as caught:
        sns_client(sandbox).publish(Message="Hello")
    assert refusal(caught) == (400, "InvalidParameter")


@pytest.mark.parametrize(
    ("key_id", "secret", "code"),
    [
        ("AKIAOTHER", SNS_SECRET, "InvalidClientTokenId"),
        (SNS_KEY_ID, "another", "SignatureDoesNotMatch"),
    ],
)
def test_credentials(sandbox: SandboxProcess, key_id: str, secret: str, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        sns_client(sandbox, key_id, secret).get_sms_attributes()
    assert refusal(caught) == (403, code)


def test_any_key_will_do_where_none_is_known(_sandbox: SandboxProcess) -> None:
    assert sns_client(_sandbox, "AKIAANY", "anything").get_sms_attributes()["attributes"]


def scope(day: str, service: str = "sns", signature: str = "0" * 64) -> str:
    return (
        f"AWS4-HMAC-SHA256 Credential={SNS_KEY_ID}/{day}/eu-central-1/{service}/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}"
    )


NOW = datetime.now(UTC)
OLD = NOW - timedelta(minutes=20)


@pytest.mark.parametrize(
    ("authorization", "at", "status", "code"),
    [
        (None, NOW, 403, "MissingAuthenticationToken"),
        ("Bearer x", NOW, 400, "IncompleteSignature"),
        (scope(f"{NOW:%Y%m%d}", signature="short"), NOW, 400, "IncompleteSignature"),
        (scope(f"{NOW:%Y%m%d}"), None, 400, "IncompleteSignature"),
        (scope(f"{NOW:%Y%m%d}", "sqs"), NOW, 403, "SignatureDoesNotMatch"),
        (scope("20200101"), NOW, 403, "SignatureDoesNotMatch"),
        (scope(f"{OLD:%Y%m%d}"), OLD, 403, "SignatureDoesNotMatch"),
        (scope(f"{NOW:%Y%m%d}"), NOW, 403, "SignatureDoesNotMatch"),
    ],
)
def test_the_form_of_a_signature(
    sandbox: SandboxProcess, authorization: str | None, at: datetime | None, status: int, code: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    if at is not None:
        headers["X-Amz-Date"] = f"{at:%Y%m%dT%H%M%SZ}"
    form = {"Action": "Publish", "Version": "2010-03-31", "PhoneNumber": NUMBER, "Message": "Hi"}
    answer = sandbox.http.post("/sns/", data=form, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "text/xml; charset=utf-8",
    )
    assert f"<Code>{code}</Code>" in answer.text
    assert sandbox.messages(provider="sns") == []


def test_another_action(sandbox: SandboxProcess) -> None:
    with pytest.raises(ClientError) as caught:
        sns_client(sandbox).list_topics()
    assert refusal(caught) == (400, "InvalidAction")


def test_sms_attributes(sandbox: SandboxProcess) -> None:
    sns = sns_client(sandbox)
    assert sns.get_sms_attributes()["attributes"].keys() == {"DefaultSMSType", "MonthlySpendLimit"}
    one = sns.get_sms_attributes(attributes=["DefaultSMSType"])["attributes"]
    assert one == {"DefaultSMSType": "Promotional"}


@pytest.mark.parametrize(
    ("status", "answered", "code"),
    [
        (429, 400, "Throttling"),
        (401, 403, "InvalidClientTokenId"),
        (403, 403, "AuthorizationError"),
        (500, 500, "InternalError"),
        (503, 503, "ServiceUnavailable"),
        (502, 502, "InternalFailure"),
    ],
)
def test_faults(sandbox: SandboxProcess, status: int, answered: int, code: str) -> None:
    sandbox.fault("sns", "status", status=status, times=1, to=NUMBER, retryAfter=7)
    assert sns_client(sandbox).get_sms_attributes(), "a fault is for calls that send"
    with pytest.raises(ClientError) as caught:
        publish(sandbox)
    assert refusal(caught) == (answered, code)
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["retry-after"] == "7"
    assert publish(sandbox)


def test_other_paths(sandbox: SandboxProcess) -> None:
    for path in ("/sns/SimpleNotificationService-0.pem", "/sns/x", "/sns/"):
        answer = sandbox.http.get(path)
        assert answer.status_code in (400, 404)
        assert "<ErrorResponse" in answer.text
