"""`talkbench study`: collect ratings of videos from people, and make Table 2 of them."""

from __future__ import annotations

import typer

from .study_analysis import EXAMPLES, VERBS


def app() -> typer.Typer:
    """Build the verbs below `talkbench study`."""
    application = typer.Typer(
        help="Plan, simulate and analyse a user study.",
        no_args_is_help=True,
        rich_markup_mode="markdown",
        epilog=EXAMPLES,
    )
    for name, verb in VERBS.items():
        application.command(name)(verb)
    return application
