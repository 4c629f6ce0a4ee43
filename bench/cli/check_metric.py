"""`talkbench check-metric`: does a metric keep the contract?"""

from __future__ import annotations

from typing import Annotated

import typer

from . import arguments
from .output import as_line, one_line

EXAMPLES = (
    "Examples:\n\n"
    "talkbench check-metric mine.py:MINE\n\n"
    "talkbench check-metric M-LMD --json\n\n"
    "Exit codes: 0 it keeps the contract, 2 it does not. See docs/plugins.md."
)
_MARKS = {"ok": "ok   ", "failed": "FAIL ", "does not apply": "–    "}


def check_metric(
    target: Annotated[str, typer.Argument(metavar="NAME|FILE.py:NAME", help="A metric.", show_default=False)],
    weights: arguments.Weights = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Run the contract's tests on a metric, and say what fails and how to mend it."""
    from .. import registry
    from ..check_metric import check_metric as run
    from ..errors import TalkbenchError

    metric = registry.find(target, target if ".py:" in target else None)
    files = arguments.files(weights)
    for kind in files:
        if kind != metric.weights:
            raise TalkbenchError(f"--weights {kind}=…: {metric.name} has no weights of that name.")
    found = []
    for one in run(target, weights=files.get(metric.weights)):
        found.append(one)
        if not as_json:
            says = f"  {one_line(one.says)}" if one.says else ""
            typer.echo(f"{_MARKS[one.state]}{one.name:<14}{says}".rstrip())
    failed = [one.name for one in found if one.state == "failed"]
    if as_json:
        checks = [{"name": one.name, "state": one.state, "says": one.says} for one in found]
        typer.echo(as_line({"metric": metric.name, "version": metric.version, "passed": not failed, "checks": checks}))
    elif failed:
        typer.echo(f"{metric.name} fails {len(failed)} of {len(found)} checks.", err=True)
    else:
        typer.echo(f"{metric.name} keeps the contract.", err=True)
    if failed:
        raise typer.Exit(2)
