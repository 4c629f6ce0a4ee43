"""The page: everything inline but videos and figures, every name escaped, nothing fetched from anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...bench.errors import TalkbenchError
from ...bench.results import replacing
from .. import escape, palette
from ..columns import shown_columns
from ..formats import html_table
from ..printed import number, percent
from ..table import table
from .clips import Entry, entries, labels_in_use, with_player, worst
from .figures import FIGURES, draw
from .player import MEDIA, Progress, scene_data, scenes

if TYPE_CHECKING:
    import jinja2

    from ...bench.results import Results

INDEX = "index.html"
_OURS = {INDEX, MEDIA, FIGURES}


@dataclass(frozen=True)
class Report:
    """What was written, how many clips got a player with pictures, and what a user must know."""

    index: Path
    clips: int
    players: int
    warnings: tuple[str, ...]


def write_report(
    results: Results, out: Path, *, videos: bool = True, clips: int | None = None, progress: Progress = lambda *_: None
) -> Report:
    """Write the report of a run into a folder of its own; what an earlier call left there is used again.

    `clips` is how many clips get a player: None takes the worst of every metric, and others up to 24 in all. Raises
    TalkbenchError where the folder holds anything else, or cannot be written.
    """
    _claim(out)
    made = table(results)
    columns = shown_columns(results.run)  # of clips: values of whole sets are in the table alone
    listed = entries(results, columns)
    ranked = worst(listed, columns)
    chosen = with_player(listed, ranked, clips)
    try:
        shown = scenes(results, columns, chosen, out, videos=videos, progress=progress)
        drawn = draw(results, columns, out)
        hide = _roots(results.run["config"])
        text = _page(
            table=html_table(made),
            run=results.run,
            protocol=made.protocol,
            columns=columns,
            labels=labels_in_use(results),
            entries=[_hidden(entry, hide) for entry in listed],
            worst=list(zip(columns, ranked, strict=True)),
            scenes={scene.clip: index for index, scene in enumerate(shown)},
            figures=drawn,
            clips=len({entry.clip for entry in listed}),
            filmed=sum(scene.video is not None for scene in shown),
            warnings=[hide(warning) for warning in results.run["warnings"]],
            data={
                "methods": results.run["methods"],
                "columns": [
                    {"name": c.name, "title": c.title, "unit": c.unit, "decimals": c.decimals, "better": c.better}
                    for c in columns
                ],
                "scenes": [
                    scene_data(scene, results.run["methods"], columns) | {"notes": [hide(note) for note in scene.notes]}
                    for scene in shown
                ],
            },
        )
        with replacing(out / INDEX) as temporary:
            temporary.write_text(text, encoding="utf-8")
        for folder, used in ((MEDIA, [scene.video for scene in shown]), (FIGURES, [one.file for one in drawn])):
            _forget_others(out / folder, {Path(file).name for file in used if file})
    except OSError as error:
        raise TalkbenchError(
            f"{out}: cannot be written ({error.strerror or error}). Free space or choose another -o; the same command "
            "goes on from there."
        ) from error
    return Report(
        out / INDEX,
        clips=len({entry.clip for entry in listed}),
        players=sum(scene.video is not None for scene in shown),
        warnings=tuple(f"clip {scene.clip}: {note}" for scene in shown for note in scene.notes),
    )


def _claim(out: Path) -> None:
    """Make the folder, or take one that holds nothing but a report."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        other = sorted(file.name for file in out.iterdir() if file.name not in _OURS)
    except OSError as error:
        raise TalkbenchError(f"{out}: cannot be made ({error.strerror}). Choose another -o.") from error
    if other:
        raise TalkbenchError(f"{out}: holds {other[0]!r}, which is no part of a report. Choose a new folder for -o.")


def _forget_others(folder: Path, used: set[str]) -> None:
    """Delete what an earlier report showed and this one does not."""
    for file in folder.iterdir() if folder.is_dir() else ():
        if file.name not in used:
            file.unlink()


def _roots(config: Mapping[str, Any]) -> Callable[[str], str]:
    """Return a function that takes out of a text where on this machine things are: reports go to strangers."""
    folders = {config["gt"]: "real", **{folder: method for method, folder in config["gen"].items()}}
    if config["manifest"] is not None:
        folders[str(Path(config["manifest"]).parent)] = "manifest"
    known = sorted(((folder, name) for folder, name in folders.items() if folder), key=lambda one: -len(one[0]))
    home = str(Path.home())

    def hide(text: str) -> str:
        for folder, name in known:
            text = text.replace(folder, name)
        return text.replace(home, "~") if len(home) > 1 else text

    return hide


def _hidden(entry: Entry, hide: Callable[[str], str]) -> Entry:
    return entry if entry.failure is None else replace(entry, failure=hide(entry.failure))


def _page(**content: Any) -> str:  # noqa: ANN401
    from markupsafe import Markup

    environment = _environment()
    style = _file("report.css") + "".join(_looks(content["run"]["methods"]))
    script = _file("report.js")
    return environment.get_template("report.html.j2").render(
        **content | {"table": Markup(content["table"])},  # noqa: S704 html_table has escaped it
        style=Markup(style),  # noqa: S704 ours, as is the script
        script=Markup(script),  # noqa: S704
        style_hash=_csp_hash(style),
        script_hash=_csp_hash(script),
    )


def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_file),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"line": escape.one_line, "percent": percent, "number": number}
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "allow_nan": False, "separators": (",", ":")}
    return environment


def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _looks(methods: Sequence[str]) -> Iterator[str]:
    """Yield the rules that give each method the colour and dash that it has in every figure."""
    for index, style in enumerate(palette.styles(methods).values()):
        yield f".m{index} {{ --colour: {style.colour}; }}\n"
        if not isinstance(style.dash, str):
            dashes = " ".join(f"{2 * length:g}" for length in style.dash[1])
            yield f".line.m{index} {{ stroke-dasharray: {dashes}; }}\n"


def _csp_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
