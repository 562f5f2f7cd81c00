"""The API from a terminal: send, explain, cancel, upcoming, dead-letters, keys."""

from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from cli.connection import Connection, connect
from cli.output import as_json, headline, timeline

Json = Annotated[bool, typer.Option("--json", help="Print the API's answer as JSON.")]

dead_letters = typer.Typer(help="Final failures: list, redrive, discard.", no_args_is_help=True)
keys = typer.Typer(help="API keys: list, create, revoke.", no_args_is_help=True)


def call(method: str, path: str, **options: Any) -> Any:
    """One call; a refusal is printed as the API words it and ends the command with 1."""
    connection: Connection = connect()
    try:
        answer = httpx.request(
            method,
            f"{connection.base_url}{path}",
            headers={"Authorization": f"Bearer {connection.api_key}"},
            timeout=30,
            **options,
        )
    except httpx.TransportError as error:
        typer.secho(
            f"Herald does not answer at {connection.base_url} ({error}). Is `./herald up` running?",
            fg="red",
            err=True,
        )
        raise typer.Exit(1) from error
    if answer.is_error:
        problem = answer.json()
        typer.secho(f"{problem['code']}: {problem['detail']}", fg="red", err=True)
        for item in problem.get("errors", []):
            typer.secho(f"  {item['field']}: {item['detail']}", fg="red", err=True)
        raise typer.Exit(1)
    return answer.json() if answer.content else None


def send(
    user: Annotated[str, typer.Argument(help="The user's id.")],
    type_name: Annotated[str, typer.Option("--type", help="The notification's type.")],
    title: Annotated[str | None, typer.Option(help="With --content.")] = None,
    content: Annotated[str | None, typer.Option(help="With --title.")] = None,
    template: Annotated[str | None, typer.Option(help="A template's key instead.")] = None,
    channel: Annotated[list[str] | None, typer.Option(help="Repeat for several.")] = None,
    priority: Annotated[str | None, typer.Option(help="low, medium, high, critical.")] = None,
    at: Annotated[str | None, typer.Option(help="An RFC 3339 instant.")] = None,
    data: Annotated[Path | None, typer.Option(help="A JSON file for the template.")] = None,
    json: Json = False,
) -> None:
    """Send one notification."""
    import orjson

    body = {
        "userId": user,
        "type": type_name,
        "title": title,
        "content": content,
        "template": {"key": template} if template else None,
        "channels": channel or None,
        "priority": priority,
        "scheduledAt": at,
        "data": orjson.loads(data.read_bytes()) if data else None,
    }
    given = {name: value for name, value in body.items() if value is not None}
    answer = call("POST", "/api/notifications", json=given)
    typer.echo(as_json(answer) if json else headline(answer))


def explain(notification_id: Annotated[str, typer.Argument()], json: Json = False) -> None:
    """Why a notification is where it is."""
    answer = call("GET", f"/api/notifications/{notification_id}/explain")
    typer.echo(as_json(answer) if json else "\n".join(timeline(answer)))


def cancel(notification_id: Annotated[str, typer.Argument()], json: Json = False) -> None:
    """Cancel a notification; the answer says what had left already."""
    answer = call("DELETE", f"/api/notifications/{notification_id}")
    if json:
        typer.echo(as_json(answer))
        return
    words = {
        "cancelled": "Cancelled before sending.",
        "already_sent": "Already sent.",
        "partially_sent": "Part of it had left; the rest was stopped.",
        "already_final": "It had ended already.",
    }
    typer.echo(words[answer["outcome"]])
    for line in answer["deliveries"]:
        by = f" {line['provider']} {line['providerMessageId']}" if line["providerMessageId"] else ""
        typer.echo(f"  {line['channel']}: {line['status']}{by}")


def upcoming(user: Annotated[str, typer.Argument()], json: Json = False) -> None:
    """What a user will be sent, when and why."""
    answer = call("GET", f"/api/users/{user}/upcoming")
    if json:
        typer.echo(as_json(answer))
        return
    for item in answer["data"]:
        typer.echo(headline(item))
    if not answer["data"]:
        typer.echo("Nothing is waiting for this user.")


@dead_letters.command("list")
def list_dead_letters(json: Json = False) -> None:
    """Open dead letters, newest first."""
    answer = call("GET", "/api/dead-letters")
    if json:
        typer.echo(as_json(answer))
        return
    for letter in answer["data"]:
        typer.echo(
            f"✘ {letter['id']}  {letter['type']} on {letter['channel']}: "
            f"{letter['code']}: {letter['message']}"
        )
    if not answer["data"]:
        typer.echo("No open dead letters.")


@dead_letters.command("redrive")
def redrive(dead_letter_id: Annotated[str, typer.Argument()]) -> None:
    """Send one again."""
    typer.echo(as_json(call("POST", f"/api/dead-letters/{dead_letter_id}/redrive")))


@dead_letters.command("discard")
def discard(dead_letter_id: Annotated[str, typer.Argument()]) -> None:
    """Close one without sending."""
    call("DELETE", f"/api/dead-letters/{dead_letter_id}")
    typer.echo("Discarded.")


@keys.command("list")
def list_keys() -> None:
    """Every key, without its secret."""
    typer.echo(as_json(call("GET", "/api/api-keys")["data"]))


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument()],
    scope: Annotated[list[str], typer.Option(help="Repeat for several.")],
    rate_limit: Annotated[int, typer.Option(help="Calls a minute.")] = 600,
) -> None:
    """Make a key; it is shown this once."""
    body = {"name": name, "scopes": scope, "rateLimit": rate_limit}
    typer.echo(as_json(call("POST", "/api/api-keys", json=body)))


@keys.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument()]) -> None:
    """End a key at once."""
    call("DELETE", f"/api/api-keys/{key_id}")
    typer.echo("Revoked.")
