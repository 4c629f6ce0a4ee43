"""The verbs of `talkbench study` that need no server: analyze, correlate, simulate and plan."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..errors import TalkbenchError
from .ratings import File, Highest, Lowest, Order, Screened, Screens, passed, rules_for

if TYPE_CHECKING:
    from ...reports.sections import Report
    from ..study.simulation import Spread

EXAMPLES = (
    "Examples:\n\n"
    "talkbench study plan --raters 15,30,60 --clips 10,20\n\n"
    "talkbench study simulate --paper msef-2023 -o ratings.csv\n\n"
    "talkbench ratings ratings.csv --order msef-2023\n\n"
    "talkbench study analyze ratings.csv --baseline Baseline --format html > study.html\n\n"
    "talkbench study correlate run/ --ratings ratings.csv\n\n"
    "What the numbers mean: docs/study-statistics.md"
)

Output = Annotated[
    Literal["rich", "markdown", "latex", "csv", "html", "json"], typer.Option("--format", help="What to print.")
]
Sd = Annotated[
    list[str] | None,
    typer.Option(
        "--sd",
        metavar="TERM=POINTS",
        help="Standard deviation of a term: rater, clip, rater_method, clip_method or rest. Repeat per term.",
    ),
]


def analyze(
    file: File,
    output: Output = "rich",
    baseline: Annotated[
        str | None, typer.Option("--baseline", help="Compare with this method alone.  [default: all pairs]")
    ] = None,
    lowest: Lowest = 1,
    highest: Highest = 10,
    order: Order = None,
    screens: Screens = None,
) -> None:
    """Print the full analysis: scores, tests, agreement, screens with results before and after, every rater."""
    from ...baselines.published import PAPERS
    from ...reports.ratings import read_ratings
    from ...reports.study import analyze as make

    table = read_ratings(file)
    rules = rules_for(file, screens)
    paper = None if order is None else PAPERS[order]
    try:
        report = make(
            table,
            rules=rules,
            baseline=baseline,
            lowest=lowest,
            highest=highest,
            order=paper,
            codebook=_codebook(file),
        )
    except TalkbenchError as error:
        raise TalkbenchError(f"{file}: {error}") from error
    _print(report, output)


def correlate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Result folder.", show_default=False)],
    file: Annotated[Path, typer.Option("--ratings", metavar="FILE", help="CSV or Parquet file of ratings.")],
    output: Output = "rich",
    lowest: Lowest = 1,
    highest: Highest = 10,
    screened: Screened = False,
    screens: Screens = None,
) -> None:
    """Correlate the metrics of a run with what raters said of the same videos, clip by clip and method by method."""
    from ...reports.correlation_report import correlation_report
    from ...reports.ratings import read_ratings
    from ..results import Results

    results = Results.load(run, frames=False)
    table = read_ratings(file)
    note = None
    try:
        if screened:
            table, note = passed(table, rules_for(file, screens), lowest, highest)
        report = correlation_report(table, results, lowest=lowest, highest=highest, screened=note)
    except TalkbenchError as error:
        raise TalkbenchError(f"{file}: {error}") from error
    _print(report, output)


def simulate(
    out: Annotated[Path, typer.Option("-o", "--out", help="A .csv or .parquet file.")] = Path("ratings.csv"),
    paper: Annotated[str, typer.Option("--paper", help="The paper whose mean ratings are the truth.")] = "msef-2023",
    means: Annotated[
        Path | None, typer.Option("--means", help="CSV with the columns method, scale and mean, instead of --paper.")
    ] = None,
    raters: Annotated[int, typer.Option("--raters")] = 30,
    clips: Annotated[int, typer.Option("--clips")] = 20,
    per_rater: Annotated[
        int | None, typer.Option("--per-rater", help="Clips that one rater sees.  [default: all]")
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", help="Videos that a rater rates twice.")] = 0,
    random: Annotated[int, typer.Option("--random", help="Raters who choose at random.")] = 0,
    constant: Annotated[int, typer.Option("--constant", help="Raters who always give one score.")] = 0,
    sd: Sd = None,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
) -> None:
    """Write the ratings of raters made of numbers, with stated means and variances, to try an analysis out."""
    from ...baselines.published import PAPERS
    from ..results import replacing
    from ..spreadsheet import safe_columns
    from ..study.simulation import Design, published_means
    from ..study.simulation import simulate as make

    if out.suffix.lower() not in (".csv", ".parquet"):
        raise TalkbenchError(f"-o {out}: expected a name that ends in .csv or .parquet.")
    truth = published_means(PAPERS[paper]) if means is None else _means(means)
    design = Design(raters, clips, per_rater, repeats, random, constant)
    table = make(truth, design=design, spread=_spread(sd), seed=seed)
    with replacing(out) as temporary:
        if out.suffix.lower() == ".csv":
            safe_columns(table).to_csv(temporary, index=False)
        else:
            table.to_parquet(temporary, index=False)
    typer.echo(f"{out}: {len(table):,} simulated ratings by {raters} raters on {clips} clips, seed {seed}")


def plan(
    raters: Annotated[str, typer.Option("--raters", metavar="N,…", help="Numbers of raters.")] = "15,30,60",
    clips: Annotated[str, typer.Option("--clips", metavar="N,…", help="Numbers of clips per method.")] = "10,20",
    methods: Annotated[int, typer.Option("--methods", min=2, help="Methods that a rater sees of every clip.")] = 4,
    comparisons: Annotated[
        int, typer.Option("--comparisons", min=1, help="Comparisons that Holm's correction will cover.")
    ] = 1,
    power: Annotated[float, typer.Option("--power", help="Chance of finding a difference.")] = 0.8,
    sd: Sd = None,
    pilot: Annotated[
        Path | None, typer.Option("--pilot", metavar="FILE", help="Take the variances from ratings instead of --sd.")
    ] = None,
    output: Output = "rich",
) -> None:
    """Foresee how precise a study will be, and which differences it can find, by raters and clips."""
    from ...reports.plan_report import plan_report
    from ...reports.ratings import read_ratings
    from ..study.planning import plan as foresee

    if pilot is not None and sd:
        raise TalkbenchError("--pilot and --sd both say how ratings vary: give one of them.")
    spread = _spread(sd) if pilot is None else _pilot(pilot, read_ratings(pilot))
    plans = [
        foresee(s, k, spread, comparisons=comparisons, power=power)
        for s in _numbers("--raters", raters)
        for k in _numbers("--clips", clips)
    ]
    _print(plan_report(plans, spread, methods=methods, comparisons=comparisons, power=power), output)


VERBS: dict[str, Callable[..., None]] = {
    "analyze": analyze,
    "correlate": correlate,
    "simulate": simulate,
    "plan": plan,
}


def _print(report: Report, output: str) -> None:
    from ...reports.sections import FORMATS, to_rich
    from .output import print_rich

    if output == "rich":
        print_rich(to_rich(report), report.signature)
    else:
        typer.echo(FORMATS[output](report), nl=False)


def _codebook(file: Path) -> Mapping[str, Any] | None:
    """Read what an export says of its ratings, where it lies beside them."""
    codebook = file.with_suffix(".codebook.json")
    if not codebook.is_file():
        return None
    try:
        found = json.loads(codebook.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TalkbenchError(f"{codebook}: cannot be read ({error}). Export again, or remove it.") from error
    return found if isinstance(found, dict) else None


def _spread(texts: Sequence[str] | None) -> Spread:
    from dataclasses import fields

    from ..study.simulation import Spread

    known = [one.name for one in fields(Spread)]
    chosen = {}
    for text in texts or ():
        name, _, value = text.partition("=")
        try:
            points = float(value)
        except ValueError:
            points = -1.0
        if name not in known or not 0 <= points <= 100:
            raise TalkbenchError(
                f"--sd {text}: expected TERM=POINTS, such as rater=0.8, with a term of {', '.join(known)}."
            )
        chosen[name] = points
    return Spread(**chosen)


def _pilot(file: Path, table: Any) -> Spread:  # noqa: ANN401
    """Return the standard deviations of a pilot's ratings, their variances averaged over scales."""
    from ...reports.mixed import mixed
    from ...reports.rated import rated
    from ..study.simulation import Spread

    try:
        fits = [fit for of in rated(table) if (fit := mixed(of.scores)) is not None]
    except TalkbenchError as error:
        raise TalkbenchError(f"{file}: {error}") from error
    if not fits:
        raise TalkbenchError(f"{file}: too few ratings to tell variances. Expected 2 raters and clips or more.")
    names = ("rater", "clip", "rater × method", "clip × method", "rest")
    return Spread(*(float((sum(fit.variances[name] for fit in fits) / len(fits)) ** 0.5) for name in names))


def _means(file: Path) -> dict[str, dict[str, float]]:
    import csv

    try:
        with file.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle))
        found: dict[str, dict[str, float]] = {}
        for row in rows:
            found.setdefault(row["method"], {})[row["scale"]] = float(row["mean"])
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise TalkbenchError(
            f"{file}: expected a CSV file with the columns method, scale and mean ({type(error).__name__}: {error})."
        ) from error
    if not found:
        raise TalkbenchError(f"{file}: has no row. Expected one per method and scale.")
    return found


def _numbers(option: str, text: str) -> list[int]:
    try:
        found = [int(one) for one in text.split(",")]
    except ValueError as error:
        raise TalkbenchError(f"{option} {text}: expected whole numbers, such as 15,30,60.") from error
    if min(found) < 2:
        raise TalkbenchError(f"{option} {text}: expected 2 or more.")
    return found
