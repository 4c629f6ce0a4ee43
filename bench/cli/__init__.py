"""The `talkbench` command, one file per verb. Exit codes: 0 done, 1 some clips failed, 2 bad input, 130 interrupted."""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from ..errors import TalkbenchError

_VERBS = ("score", "pair", "table", "spread", "demo", "doctor", "metrics", "protocols", "systems")

_EPILOG = (
    "Examples:\n\n"
    "talkbench demo\n\n"
    "talkbench score --gt real/ --gen Ours=ours/ --gen EVP=evp/ -o run/\n\n"
    "talkbench table run/ --format latex"
)


def app() -> typer.Typer:
    """Build the command."""
    application = typer.Typer(
        name="talkbench",
        help="Comparable, reproducible scores for talking-head generation.",
        epilog=_EPILOG,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
    )
    application.callback()(_version)
    for verb in _VERBS:
        module = import_module(f".{verb}", __name__)
        application.command(verb, epilog=module.EXAMPLES)(getattr(module, verb))
    return application


def _show_version(wanted: bool) -> None:
    if wanted:
        from ... import __version__

        typer.echo(f"talkbench {__version__}")
        raise typer.Exit


def _version(
    version: bool = typer.Option(False, "--version", is_eager=True, callback=_show_version, help="Show the version."),
) -> None:
    """Comparable, reproducible scores for talking-head generation."""


def main() -> None:
    """Run the command; a user's mistake is one line on stderr and exit code 2."""
    try:
        app()()
    except TalkbenchError as error:
        typer.echo(f"talkbench: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("talkbench: interrupted. The same command goes on from here.", err=True)
        sys.exit(130)
