"""Campaigns from a terminal: create, send, watch, steer, explain."""

from datetime import datetime
from pathlib import Path
from time import sleep
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from cli.client import Json, call
from cli.output import as_json, recipient_story

campaign = typer.Typer(help="Campaigns: create, send, watch, steer, explain.", no_args_is_help=True)
_PATH: Final = "/api/campaigns/email"
_OVER: Final = ("completed", "cancelled", "failed")
Id = Annotated[str, typer.Argument(help="The campaign's id.")]


@campaign.command("list")
def list_campaigns(json: Json = False) -> None:
    """Newest first."""
    answer = call("GET", _PATH)
    if json:
        typer.echo(as_json(answer))
        return
    for item in answer["data"]:
        size = item["recipients"] or "–"
        typer.echo(f"{item['id']}  {item['status']:<10} {size:>9}  {item['name']}")
    if not answer["data"]:
        typer.echo("There are no campaigns.")


@campaign.command("create")
def create(
    file: Annotated[Path, typer.Argument(help="A JSON file as POST /campaigns/email takes it.")],
) -> None:
    """Make a draft; prints its id."""
    import orjson

    typer.echo(call("POST", _PATH, json=orjson.loads(file.read_bytes()))["id"])


@campaign.command("show")
def show(campaign_id: Id) -> None:
    """Everything about one."""
    typer.echo(as_json(call("GET", f"{_PATH}/{campaign_id}")))


@campaign.command("send")
def send(
    campaign_id: Id,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it to its end.")] = False,
) -> None:
    """Send it now."""
    call("POST", f"{_PATH}/{campaign_id}/send")
    typer.echo("On its way.")
    if watch:
        follow(campaign_id)


@campaign.command("schedule")
def schedule(
    campaign_id: Id,
    at: Annotated[str | None, typer.Option(help="An RFC 3339 instant.")] = None,
    day: Annotated[list[str] | None, typer.Option(help="mon … sun, 1 … 31, last; repeat.")] = None,
    time: Annotated[list[str] | None, typer.Option(help="HH:MM on those days; repeat.")] = None,
    local_time: Annotated[str | None, typer.Option(help="HH:MM in each reader's zone.")] = None,
    date: Annotated[str | None, typer.Option(help="Once, at --local-time.")] = None,
    cron: Annotated[str | None, typer.Option(help="Five fields.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Such as Europe/Berlin; or UTC.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="The first date.")] = None,
    until: Annotated[str | None, typer.Option(help="The last date.")] = None,
    skip: Annotated[list[str] | None, typer.Option(help="A date without; repeat.")] = None,
) -> None:
    """Send it later, or again and again; as its draft says, when nothing is given."""
    given: dict[str, Any] = {
        "at": at, "localTime": local_time, "date": date, "cron": cron, "timezone": timezone,
        "from": since, "until": until, "except": skip,
    }  # fmt: skip
    if day or time:
        given["calendar"] = [_days(day or []) | ({"times": time} if time else {})]
    given = {name: value for name, value in given.items() if value}
    answer = call(
        "POST", f"{_PATH}/{campaign_id}/schedule", json={"schedule": given} if given else {}
    )
    typer.echo("Scheduled.")
    for one in answer["nextOccurrences"] or [answer["startsAt"]]:
        typer.echo(f"  {datetime.fromisoformat(one):%a %Y-%m-%d %H:%M %Z}")


def _days(words: list[str]) -> dict[str, Any]:
    """Of weekdays and days of the month together, the API means the days that are both."""
    numbers = [word for word in words if word == "last" or word.lstrip("-").isdigit()]
    weekdays = [word.lower() for word in words if word not in numbers]
    days = [-1 if word == "last" else int(word) for word in numbers]
    return ({"daysOfWeek": weekdays} if weekdays else {}) | ({"daysOfMonth": days} if days else {})


@campaign.command("delete")
def delete(campaign_id: Id) -> None:
    """Delete a draft."""
    call("DELETE", f"{_PATH}/{campaign_id}")
    typer.echo("Deleted.")


@campaign.command("pause")
def pause(campaign_id: Id) -> None:
    """Nothing more is sent after the answer but what a provider has at that moment."""
    call("POST", f"{_PATH}/{campaign_id}/pause")
    typer.echo("Paused.")


@campaign.command("resume")
def resume(campaign_id: Id) -> None:
    """Go on where it was."""
    call("POST", f"{_PATH}/{campaign_id}/resume")
    typer.echo("Resumed.")


@campaign.command("cancel")
def cancel(campaign_id: Id) -> None:
    """Stop it; the accounts printed are final."""
    typer.echo(accounts(call("POST", f"{_PATH}/{campaign_id}/cancel")))


@campaign.command("test")
def test(campaign_id: Id, address: Annotated[list[str], typer.Argument()]) -> None:
    """Send it to a few addresses."""
    answer = call("POST", f"{_PATH}/{campaign_id}/test", json={"addresses": address})
    for message in answer["messages"]:
        ended = message["error"]["code"] if message["error"] else message["providerMessageId"]
        typer.echo(f"{message['address']}: {message['provider'] or 'not sent:'} {ended}")


@campaign.command("metrics")
def metrics(campaign_id: Id, json: Json = False) -> None:
    """The accounts."""
    answer = call("GET", f"{_PATH}/{campaign_id}/metrics")
    typer.echo(as_json(answer) if json else accounts(answer))


@campaign.command("explain")
def explain(
    campaign_id: Id,
    user: Annotated[str, typer.Argument(help="The recipient's user id.")],
    json: Json = False,
) -> None:
    """What became of one recipient, and why."""
    answer = call("GET", f"{_PATH}/{campaign_id}/recipients/{quote(user, safe='')}")
    typer.echo(as_json(answer) if json else "\n".join(recipient_story(answer)))


@campaign.command("watch")
def follow(campaign_id: Id) -> None:
    """The accounts, every second, until it is over."""
    while True:
        answer = call("GET", f"{_PATH}/{campaign_id}/metrics")
        typer.echo(accounts(answer))
        if answer["status"] in _OVER:
            return
        sleep(1)


def accounts(answer: dict[str, Any]) -> str:
    """`running: 50,000 recipients = 12,000 sent + 40 skipped + 0 failed + 37,960 pending`"""
    skipped = sum(answer["skipped"].values())
    rate = f", {answer['ratePerSecond']:,.0f}/s" if answer["ratePerSecond"] else ""
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in answer["skipped"].items())
    return (
        f"{answer['status']}: {answer['recipients']:,} recipients = {answer['sent']:,} sent + "
        f"{skipped:,} skipped + {answer['failed']:,} failed + {answer['pending']:,} pending{rate}"
        + (f" (skipped: {reasons})" if reasons else "")
    )
