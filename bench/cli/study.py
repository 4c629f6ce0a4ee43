"""`talkbench study`: collect ratings of videos from people, and make Table 2 of them. One function per verb."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ..errors import TalkbenchError
from . import arguments, study_analysis
from .output import as_line, progress_bar

EXAMPLES = (
    "Examples:\n\n"
    "talkbench study init my-study/\n\n"
    "talkbench study build my-study/\n\n"
    "STUDY_ADMIN_TOKEN=… talkbench study serve my-study/\n\n"
    "talkbench study table my-study/\n\n"
    "talkbench study export my-study/ -o ratings.csv\n\n"
    "talkbench study analyze ratings.csv --format html > study.html\n\n"
    "talkbench study plan --raters 15,30,60 --clips 10,20"
)


def app() -> typer.Typer:
    """Build the verbs below `talkbench study`."""
    application = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", epilog=EXAMPLES)
    application.callback()(_needs_the_extra)
    for verb in (init, build, serve, status, export, table, forget, import_):
        application.command(verb.__name__.rstrip("_"))(verb)
    for name, on_ratings in study_analysis.VERBS.items():
        application.command(name)(on_ratings)
    return application


def _needs_the_extra(context: typer.Context) -> None:
    """Run a user study: blinded videos, ratings from people, Table 2; plan and analyse it."""
    from importlib.util import find_spec

    if context.invoked_subcommand in study_analysis.VERBS:
        return
    lacking = [name for name in ("fastapi", "python_multipart", "sqlalchemy", "uvicorn") if find_spec(name) is None]
    if lacking:
        raise TalkbenchError(f"`talkbench study` needs {', '.join(lacking)}: pip install 'talkbench[study]'")


Folder = Annotated[Path, typer.Argument(metavar="STUDY", help="The study's folder.")]


def init(folder: Folder) -> None:
    """Write a commented study.toml to start from."""
    from ..study.config import FILE, template

    file = folder / FILE
    if file.exists():
        raise TalkbenchError(f"{file}: exists already. Change it, or choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(template(), encoding="utf-8")
    typer.echo(f"{file}: change what is to be changed, then run `talkbench study build {folder}`")


def build(folder: Folder, as_json: arguments.AsJson = False) -> None:
    """Make the videos that raters see, and draw who sees what in which order."""
    from dataclasses import asdict

    from ..study.build import build as make

    with progress_bar() as progress:
        built = make(folder, lambda done, total: progress("make", done, total))
    for warning in built.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if as_json:
        typer.echo(as_line(asdict(built)))
        return
    typer.echo(
        f"{len(built.clips)} clips, {built.stimuli} videos, {built.slots} places with {built.trials} videos each "
        f"({built.seconds / 60:.1f} min of playing)\n\n"
        f"Next:  STUDY_ADMIN_TOKEN=… talkbench study serve {folder}"
    )


def serve(
    folder: Folder,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8000,
    trusted: Annotated[
        str, typer.Option("--trust-proxy", metavar="ADDRESS", help="Proxy whose X-Forwarded headers count.")
    ] = "127.0.0.1",
) -> None:
    """Show the study to raters, until it is interrupted."""
    from ..study.serve import serve as run

    def announce() -> None:
        typer.echo(f"Raters      http://{host}:{port}/\nDashboard   http://{host}:{port}/admin", err=True)

    run(folder, host, port, trusted, announce)


def status(folder: Folder, as_json: arguments.AsJson = False) -> None:
    """Say how far the study is, without its ratings."""
    from ..study.database import built_config, opened
    from ..study.status import status as count

    with opened(folder) as database, database.reading() as session:
        found = count(session, built_config(session))
    if as_json:
        typer.echo(as_line(found.as_json()))
        return
    typer.echo("  →  ".join(f"{number} {step}" for step, number in found.flow.items()))
    places = ", ".join(f"{found.slots.get(state, 0)} {state}" for state in ("done", "claimed", "free"))
    typer.echo(f"Places: {places}. Ratings: {found.ratings}. Rating now: {found.active}.")


def export(
    folder: Folder,
    out: Annotated[Path, typer.Option("-o", "--out", help="A .csv or .parquet file.")] = Path("ratings.csv"),
) -> None:
    """Write one row per rating, and a codebook beside it."""
    from ..study.database import built_config, opened
    from ..study.export import write

    if out.suffix.lower() not in (".csv", ".parquet"):
        raise TalkbenchError(f"-o {out}: expected a name that ends in .csv or .parquet.")
    with opened(folder) as database, database.reading() as session:
        rows = write(session, built_config(session), out)
    typer.echo(f"{out}: {rows} rows; {out.with_suffix('.codebook.json')}")


def forget(
    folder: Folder,
    rater: Annotated[str | None, typer.Option("--rater", help="The label in exports.", show_default=False)] = None,
    number: Annotated[
        str | None, typer.Option("--id", help="The recruiting platform's number.", show_default=False)
    ] = None,
) -> None:
    """Delete a rater with all their ratings, and offer their place again."""
    from ..study.database import opened
    from ..study.forget import forget as delete

    if (rater is None) == (number is None):
        raise TalkbenchError("Name one rater: --rater LABEL or --id NUMBER.")
    with opened(folder) as database, database.writing() as session:
        label = delete(session, folder, label=rater, number=number)
    typer.echo(f"{label} is deleted. Exports made before still hold the ratings.")


def import_(folder: Folder, file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or Parquet file.")]) -> None:
    """Take in ratings collected elsewhere: columns rater, clip, method, and scale and score or one column per scale."""
    from ..study.database import built_config, opened
    from ..study.importing import import_ratings

    with opened(folder) as database, database.writing() as session:
        raters, scores = import_ratings(session, built_config(session), file)
    typer.echo(f"{file}: {scores} ratings by {raters} raters")


def table(
    folder: Folder,
    output: Annotated[
        Literal["markdown", "latex", "csv", "html", "json"], typer.Option("--format", help="What to print.")
    ] = "markdown",
    order: Annotated[
        str | None, typer.Option("--order", metavar="PAPER", help="Put methods in a paper's order, others after them.")
    ] = None,
) -> None:
    """Print Table 2: the mean rating of every method on every scale. Practice, repeats and checks do not count."""
    from ...baselines.published import PAPERS
    from ...reports.formats import FORMATS
    from ...reports.ratings import ratings_table
    from ..study.database import built_config, opened
    from ..study.export import ratings

    if folder.is_file():
        raise TalkbenchError(
            f"{folder}: is a file. Expected a study's folder; for a table of ratings: talkbench ratings."
        )
    with opened(folder) as database, database.reading() as session:
        config = built_config(session)
        rated = ratings(session, config)
    main = rated[rated["kind"] == "main"]
    if main.empty:
        raise TalkbenchError(f"{folder}: no video has been rated yet.")
    lowest, highest = min(scale.low for scale in config.scales), max(scale.high for scale in config.scales)
    made = ratings_table(main, lowest=lowest, highest=highest, order=None if order is None else PAPERS[order])
    typer.echo(FORMATS[output](made), nl=False)
