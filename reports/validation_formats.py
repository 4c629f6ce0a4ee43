"""A validation as text: the terminal, Markdown, CSV and JSON, each with the signature."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import TYPE_CHECKING, Any

from . import escape
from .validation import Profile, Response, Validation

if TYPE_CHECKING:
    from rich.console import RenderableType

_KEY = (
    "A number is the effect of the strongest level in noise floors. **blind**: within the floor at every level. "
    "**−**: the strongest level is called better than the clip. **~**: above the floor, but not steadily (Spearman "
    "below 0.9, or back within the floor)."
)


def cell(response: Response) -> str:
    """Return one metric's response to one distortion in a few characters."""
    if response.verdict == "not measured":
        return "not measured"
    if response.verdict == "blind":
        return "blind"
    from_level = "" if response.seen_from is None else f" from {response.seen_from:g}"
    return f"{_MARKS.get(response.verdict, '')}{times(strongest(response))}{from_level}"


def strongest(response: Response) -> float:
    """Return the effect of the strongest level that was measured, in floors."""
    return next((effect for effect in reversed(response.effects) if not math.isnan(effect)), math.nan)


def times(effect: float) -> str:
    """Return the size of an effect in floors.

    >>> times(3.14159), times(-31.4159), times(math.inf)
    ('3.1×', '31×', '∞×')
    """
    size = abs(effect)
    return "∞×" if math.isinf(size) else f"{size:.1f}×" if size < 10 else f"{size:.0f}×"


def to_markdown(validation: Validation) -> str:
    """Print sensitivity, monotonicity, blind spots and what was left out."""
    names = [escape.markdown(f"{one.name} ({one.unit})") for one in validation.distortions]
    lines = [validation.about, "", "### Sensitivity", ""]
    lines += _grid(["Metric", "at the floor", *names], [_sensitivity(profile) for profile in validation.profiles])
    lines += [
        "",
        f"{_KEY} **from**: the level from which on the effect is above the floor.",
        "",
        "### Monotonicity",
        "",
        "Spearman / Kendall of level and response, mean over clips.",
        "",
    ]
    short = [escape.markdown(one.name) for one in validation.distortions]
    lines += _grid(["Metric", *short], [_monotonicity(profile) for profile in validation.profiles])
    lines += ["", "### Blind spots", ""]
    lines += [f"- {escape.markdown(line)}" for line in blind_spots(validation)] or ["None."]
    lines += ["", *(f"Left out: {escape.markdown(f'{name}, {why}.')}\n" for name, why in validation.left_out.items())]
    return "\n".join(lines).rstrip() + f"\n\nSignature: {escape.markdown_code(validation.signature)}\n"


def blind_spots(validation: Validation) -> list[str]:
    """Say, metric by metric, what it cannot see, what it rewards, and why it has no value where it has none."""
    found = []
    for profile in validation.profiles:
        parts = []
        for verdict, words in (("blind", "does not see"), ("rewards", "calls better")):
            named = [one.distortion.name for one in profile.responses if one.verdict == verdict]
            if named:
                parts.append(f"{words} {', '.join(named)}")
        reasons = {one.reason for one in profile.responses if one.reason}
        parts += [f"is not measured ({reason})" for reason in sorted(reasons)]
        if parts:
            found.append(f"{profile.metric.name} {'; '.join(parts)}.")
    return found


def to_csv(validation: Validation) -> str:
    """Print a row per metric, distortion and level, in full precision; an empty field is a missing value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["metric", "distortion", "level", "unit", "value", "effect_in_floors", "spearman", "kendall", "seen_from",
         "verdict", "clips", "floor", "signature"]
    )  # fmt: skip
    for profile in validation.profiles:
        for one in profile.responses:
            whole = (_field(one.spearman), _field(one.kendall), one.seen_from, one.verdict, one.clips)
            for level, value, effect in zip(one.distortion.levels, one.values, one.effects, strict=True):
                writer.writerow(
                    [escape.csv(profile.metric.name), one.distortion.name, level, one.distortion.unit, _field(value),
                     _field(effect), *whole, _field(profile.floor), escape.csv(validation.signature)]
                )  # fmt: skip
    return text.getvalue()


def to_json(validation: Validation) -> str:
    """Print strict JSON: ∞ is the string "inf", a missing value is null."""
    data = {
        "corpus": validation.corpus,
        "clips": validation.clips,
        "frames": validation.frames,
        "left_out": dict(validation.left_out),
        "distortions": {
            one.name: {"what": one.what, "unit": one.unit, "levels": list(one.levels), "harmless": one.harmless}
            for one in validation.distortions
        },
        "metrics": {profile.metric.name: _profile_json(profile) for profile in validation.profiles},
        "signature": validation.signature,
    }
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_rich(validation: Validation) -> RenderableType:
    """Draw the sensitivity matrix for a terminal, with what it rests on and the blind spots below."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    drawn = Table(header_style="bold", pad_edge=False)
    drawn.add_column("Metric", no_wrap=True)
    for one in validation.distortions:
        drawn.add_column(one.name, justify="right")
    for profile in validation.profiles:
        cells = [Text(cell(one).partition(" from")[0], style=_STYLES[one.verdict]) for one in profile.responses]
        drawn.add_row(Text(escape.one_line(profile.metric.name)), *cells)
    below = [validation.about, _KEY.replace("**", ""), "", *blind_spots(validation)]
    below += [f"Left out: {name}, {why}." for name, why in validation.left_out.items()]
    return Group(drawn, *(Text(line) for line in below))


_MARKS = {"rewards": "−", "unsteady": "~"}
_STYLES = {"sees": "green", "unsteady": "yellow", "rewards": "red", "blind": "dim", "not measured": "dim"}


def _sensitivity(profile: Profile) -> list[str]:
    metric, at = profile.metric, profile.at_floor
    sign = "+" if metric.perfect is None and at > 0 else ""
    shown = "–" if math.isnan(at) else f"{sign}{at:.{max(2, metric.decimals)}f} {metric.unit}".rstrip()
    return [escape.markdown(metric.name), escape.markdown(shown), *(cell(one) for one in profile.responses)]


def _monotonicity(profile: Profile) -> list[str]:
    pairs = [
        "–" if math.isnan(one.spearman) else f"{one.spearman:.2f} / {one.kendall:.2f}" for one in profile.responses
    ]
    return [escape.markdown(profile.metric.name), *pairs]


def _grid(head: list[str], rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    padded = [[row[0].ljust(widths[0]), *(text.rjust(w) for text, w in zip(row[1:], widths[1:], strict=True))]
              for row in [head, *rows]]  # fmt: skip
    return [f"| {' | '.join(row)} |" for row in [padded[0], rule, *padded[1:]]]


def _field(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _number(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")


def _profile_json(profile: Profile) -> dict[str, Any]:
    return {
        "unit": profile.metric.unit,
        "better": profile.metric.better,
        "floor": _number(profile.floor),
        "at_floor": _number(profile.at_floor),
        "responses": {
            one.distortion.name: {
                "values": [_number(value) for value in one.values],
                "effects_in_floors": [_number(effect) for effect in one.effects],
                "spearman": _number(one.spearman),
                "kendall": _number(one.kendall),
                "seen_from": one.seen_from,
                "verdict": one.verdict,
                "clips": one.clips,
                **({} if one.reason is None else {"reason": one.reason}),
            }
            for one in profile.responses
        },
    }
