"""Commands whose module is imported only when they are called: `./herald up` loads no client."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import typer

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@dataclass(frozen=True, slots=True)
class Lazy:
    name: str
    help: str
    group: bool = False
    """A Typer of several commands rather than one function."""


def add_lazy(app: typer.Typer, module: str, *commands: Lazy) -> None:
    """Registers each so that its words reach the real command unread."""
    for lazy in commands:
        app.command(lazy.name, help=lazy.help, context_settings=_PASS_ON)(_runner(module, lazy))


def _runner(module: str, lazy: Lazy) -> Callable[[typer.Context], None]:
    def run(context: typer.Context) -> None:
        target = getattr(importlib.import_module(module), lazy.name.replace("-", "_"))
        inner = target if lazy.group else typer.Typer(add_completion=False)
        if not lazy.group:
            inner.command(help=lazy.help)(target)
        inner(args=context.args, prog_name=f"herald {lazy.name}")

    return run
