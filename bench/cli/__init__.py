"""The `talkbench` command, one file per verb. Exit codes: 0 done, 1 some clips failed, 2 bad input, 130 interrupted."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from importlib import import_module

import typer

from ..errors import TalkbenchError
from . import model, plot, study
from .output import one_line

_VERBS = (
    "score", "pair", "table", "compare", "report", "ratings", "export", "verify", "spread", "demo", "doctor", "metrics",
    "check-metric", "validate", "protocols", "systems", "cache",
)  # fmt: skip

_UsageError: type[typer.BadParameter] = typer.BadParameter.__mro__[1]
"""click's error for a wrong command line; typer does not export it."""
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
        name = verb.replace("-", "_")
        module = import_module(f".{name}", __name__)
        application.command(verb, epilog=module.EXAMPLES)(getattr(module, name))
    application.add_typer(study.app(), name="study")
    application.add_typer(model.app(), name="model")
    application.add_typer(plot.app(), name="plot")
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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # no character that a terminal cannot show may end a run
            stream.reconfigure(errors="backslashreplace" if stream.encoding.lower().startswith("utf") else "replace")
    try:
        code = app()(standalone_mode=False) or 0
        sys.stdout.flush()
    except TalkbenchError as error:
        code = _say(str(error))
    except _UsageError as error:
        code = _explain(error)
    except KeyboardInterrupt:
        code = 130
    except OSError as error:
        code = _give_up_output(error)
    if code == 130:
        typer.echo("talkbench: interrupted. The same command goes on from here.", err=True)
    sys.exit(code)


def _say(message: str) -> int:
    typer.echo(f"talkbench: {one_line(message)}", err=True)
    return 2


def _explain(error: typer.BadParameter) -> int:
    """Say what is wrong with the command line; a group of verbs without its verb shows what there is."""
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.format_message())
        return 2
    command = error.ctx.command_path if error.ctx else "talkbench"
    return _say(f"{error.format_message()} See `{command} --help`.")


def _give_up_output(error: OSError) -> int:
    """Say that the output cannot be written, unless its reader has left, and keep the interpreter from trying again."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno == errno.EPIPE:
        return 1
    return _say(f"{error.filename or 'The output'}: cannot be written ({error.strerror}). Free some space.")
