"""`./herald COMMAND`: every command, each imported only when it is called."""

import importlib
from typing import Annotated

import typer

from cli.commands import Lazy, add_lazy

app = typer.Typer(
    name="herald",
    help="Durable, explainable notifications. `./herald demo` shows all of it at work.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def up(
    parts: Annotated[
        str | None, typer.Option(help="Comma separated; all when absent.", hidden=True)
    ] = None,
) -> None:
    """Everything, in the foreground; Ctrl-C stops all of it."""
    importlib.import_module("cli.up").run(parts)


@app.command()
def down() -> None:
    """Stop a running `up`."""
    importlib.import_module("cli.status").down()


@app.command()
def status(
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """What runs, and where. Exit 1 when nothing does."""
    importlib.import_module("cli.status").show(as_json=json)


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave running what was started.")] = False,
) -> None:
    """One notification on each channel, through real parts, with its timeline."""
    importlib.import_module("cli.up").demo(keep=keep)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(
    context: typer.Context,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", help="Processes: two for everything, one for what is named."),
    ] = None,
) -> None:
    """Formatting, lint, types, import contracts and every test. Words after it go to pytest."""
    importlib.import_module("cli.testing").run(context.args, jobs)


@app.command()
def doctor() -> None:
    """What this machine lacks, and what to do about it."""
    importlib.import_module("cli.doctor").run()


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(context: typer.Context) -> None:
    """Measure throughput and latency against their baselines."""
    importlib.import_module("cli.bench").run(context.args)


@app.command()
def migrate() -> None:
    """Bring the database to the present schema and add the starter types and templates."""
    importlib.import_module("cli.migrate").run()


@app.command()
def api(port: Annotated[int | None, typer.Option(help="HERALD_PORT when absent.")] = None) -> None:
    """Only the API."""
    importlib.import_module("cli.api").run(port)


@app.command()
def worker(
    queues: Annotated[str, typer.Option(help="Comma separated; all when absent.")] = "",
    relay: Annotated[bool, typer.Option(help="Also start what nobody started.")] = True,
) -> None:
    """Only a worker."""
    names = [name.strip() for name in queues.split(",") if name.strip()]
    importlib.import_module("cli.worker").run(names, relay=relay)


add_lazy(
    app,
    "cli.client",
    Lazy("send", "Send one notification."),
    Lazy("explain", "Why a notification is where it is."),
    Lazy("cancel", "Cancel a notification; the answer is definite."),
    Lazy("upcoming", "What a user will be sent, when and why."),
    Lazy("dead-letters", "Final failures: list, redrive, discard.", group=True),
    Lazy("keys", "API keys: list, create, revoke.", group=True),
)
add_lazy(
    app,
    "cli.campaigns",
    Lazy("campaign", "Campaigns: create, send, watch, steer, explain.", group=True),
)

if __name__ == "__main__":
    app(prog_name="herald")
