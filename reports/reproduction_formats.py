"""A reproduction as text: Markdown, LaTeX and JSON, each with the signature."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import escape, published
from .printed import number
from .reproduction import Answer, Heard, Reproduction, Spread

_SEEDS = "Rows over the seeds: the mean, and ± one standard deviation of the seeds' means."
_PRED = (
    "F-LMD-pred and M-LMD-pred compare the landmarks that stage 1 predicts (lmd_pred), F-LMD and M-LMD those found in "
    "the generated frames (lmd_redetect)."
)
_PSNR = (
    "The paper's PSNR cannot be compared with ours: SSIM of 0.69 to 0.72 together with 31 to 33 dB is what differences "
    "of 8-bit numbers that wrap around give, and not what a PSNR in floating point gives."
)
_ANSWERS = (
    "Difference: of the rows' means over clips, each clip averaged over the seeds. Over clips: its interval and p, for "
    "these networks (studentised bootstrap, sign flips). Over seeds: Student's interval of the seeds' differences, for "
    "other networks on these clips."
)


def to_markdown(made: Reproduction) -> str:
    """Print a page."""
    parts = [
        "# The ablation of the reference model",
        _grid([["", ""], *map(list, made.about)], 2),
        "## Table 1, measured beside reported",
        published.to_markdown([made.sheet]).strip(),
        escape.markdown(_PSNR),
        f"## Both landmark distances, and the spread over {len(made.seeds)} seed{'s' * (len(made.seeds) > 1)}",
        _grid(list(_spread_lines(made)), 1),
        f"{escape.markdown(_SEEDS)} {escape.markdown(_PRED)}",
    ]
    if made.answers:
        parts += ["## What the parts do", _grid(list(_answer_lines(made)), 3), escape.markdown(_ANSWERS)]
    if made.heard:
        parts += ["## Emotions that MSEF hears in test sentences", _grid(list(_heard_lines(made)), 1)]
        parts.append("Right by chance: 12.5 %. The confusion matrix is in confusion.png and confusion.pdf.")
    parts += [escape.markdown(note) for note in made.notes]
    parts.append(f"Signature: {escape.markdown_code(made.signature)}")
    return "\n\n".join(parts) + "\n"


def to_latex(made: Reproduction) -> str:
    """Print Table 1 beside the paper's, the spread over seeds, and the differences; needs booktabs and nothing else."""
    parts = [published.to_latex([made.sheet])]
    parts.append(_latex_table(list(_spread_lines(made)), 1, f"{_SEEDS} {_PRED}", "tab:talkbench-seeds", made))
    if made.answers:
        parts.append(_latex_table(list(_answer_lines(made)), 3, _ANSWERS, "tab:talkbench-ablation", made))
    return "\n".join(parts)


def to_json(made: Reproduction) -> str:
    """Print strict JSON; a value that there is not is null."""
    data = {
        "about": dict(made.about),
        "seeds": list(made.seeds),
        "table1": json.loads(published.to_json([made.sheet]))["tables"][0],
        "rows": [_spread_json(made, one) for one in made.spreads],
        "differences": [_answer_json(one) for one in made.answers],
        "emotions": [_heard_json(one) for one in made.heard],
        "notes": [_PSNR, *made.notes],
        "signature": made.signature,
    }
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[Reproduction], str]] = {"md": to_markdown, "tex": to_latex, "json": to_json}
"""By the suffix of a file."""


def accuracy(counts: Sequence[Sequence[int]]) -> float | None:
    """Return the share of a confusion matrix on its diagonal; None where it is empty."""
    total = sum(map(sum, counts))
    return sum(row[at] for at, row in enumerate(counts)) / total if total else None


def _spread_lines(made: Reproduction) -> Iterator[list[str]]:
    yield ["Row", *(column.heading for column in made.columns)]
    for one in made.spreads:
        cells = []
        for at, column in enumerate(made.columns):
            deviation = one.deviation(at)
            decimals = column.decimals + 1  # a spread is smaller than what it is of
            more = "" if deviation is None or math.isnan(deviation) else f" ± {deviation:.{decimals}f}"
            cells.append(f"{_number(one.mean(at), decimals)}{more}")
        yield [one.method, *cells]


def _answer_lines(made: Reproduction) -> Iterator[list[str]]:
    level = f"{made.level * 100:g} %"
    yield ["Effect of", "Rows", "Metric", "Difference", f"{level} over clips", "p", f"{level} over seeds", "Each seed"]
    for one in made.answers:
        column, test = one.comparison.column, one.comparison.test
        decimals = column.decimals + 1
        yield [
            one.question.name,
            f"{one.question.method} − {one.question.baseline}",
            column.heading,
            _signed(one.comparison.paired.difference, decimals),
            _interval(one.comparison.ci_low, one.comparison.ci_high, decimals),
            "–" if test is None else f"{test.p:.2g}",
            _interval(one.seed_low, one.seed_high, decimals),
            ", ".join(_signed(value, decimals) for value in one.by_seed),
        ]


def _heard_lines(made: Reproduction) -> Iterator[list[str]]:
    yield ["Seed", "Clips right", "Frames right"]
    for one in made.heard:
        counts = (one.clips, one.frames)
        yield [str(one.seed), *(f"{_percent(accuracy(of))} of {sum(map(sum, of))}" for of in counts)]


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _number(value: float, decimals: int) -> str:
    return number(None if math.isnan(value) else value, decimals)


def _signed(value: float | None, decimals: int) -> str:
    if value is None or math.isnan(value):
        return "–"
    text = f"{value:+.{decimals}f}"
    return text.replace("-", "−")


def _interval(low: float | None, high: float | None, decimals: int) -> str:
    return "–" if low is None or high is None else f"[{_signed(low, decimals)}, {_signed(high, decimals)}]"


def _grid(lines: list[list[str]], left: int) -> str:
    """Print a GitHub table whose first `left` columns hold text."""
    cells = [[escape.markdown(text) for text in line] for line in lines]
    widths = [max(3, *(len(line[at]) for line in cells)) for at in range(len(cells[0]))]
    rule = [":" + "-" * (width - 1) if at < left else "-" * (width - 1) + ":" for at, width in enumerate(widths)]
    padded = [
        [text.ljust(widths[at]) if at < left else text.rjust(widths[at]) for at, text in enumerate(line)]
        for line in (cells[0], rule, *cells[1:])
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def _latex_table(lines: list[list[str]], left: int, caption: str, label: str, made: Reproduction) -> str:
    head, *body = [[escape.latex(text) for text in line] for line in lines]
    kinds = "l" * left + "r" * (len(head) - left)
    return "\n".join(
        [
            r"\begin{table*}[t]",
            r"  \centering\scriptsize\setlength{\tabcolsep}{3pt}",
            rf"  \caption{{{escape.latex(caption)}}}",
            rf"  \label{{{label}}}",
            rf"  \begin{{tabular}}{{@{{}}{kinds}@{{}}}}",
            r"    \toprule",
            f"    {' & '.join(head)} \\\\",
            r"    \midrule",
            *(f"    {' & '.join(line)} \\\\" for line in body),
            r"    \bottomrule",
            r"  \end{tabular}",
            rf"  \par\smallskip\raggedright Signature: {{\ttfamily {escape.latex_breakable(made.signature)}}}\par",
            r"\end{table*}",
            "",
        ]
    )


def _known(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def _spread_json(made: Reproduction, one: Spread) -> dict[str, Any]:
    metrics = {
        column.name: {
            "mean": _known(one.mean(at)),
            "sd_over_seeds": _known(one.deviation(at)),
            "by_seed": [_known(value) for value in one.by_seed[at]],
        }
        for at, column in enumerate(made.columns)
    }
    return {"row": one.method, **metrics}


def _answer_json(one: Answer) -> dict[str, Any]:
    test = one.comparison.test
    return {
        "effect_of": one.question.name,
        "row": one.question.method,
        "less": one.question.baseline,
        "metric": one.comparison.column.name,
        "better": one.comparison.column.better,
        "difference": _known(one.comparison.paired.difference),
        "clips_low": one.comparison.ci_low,
        "clips_high": one.comparison.ci_high,
        "p": None if test is None else test.p,
        "n_clips": one.comparison.paired.n_clips,
        "better_on": one.comparison.better_on,
        "by_seed": [_known(value) for value in one.by_seed],
        "seeds_low": one.seed_low,
        "seeds_high": one.seed_high,
    }


def _heard_json(one: Heard) -> dict[str, Any]:
    return {
        "seed": one.seed,
        "labels": list(one.labels),
        "clips": {"accuracy": accuracy(one.clips), "counts": [list(row) for row in one.clips]},
        "frames": {"accuracy": accuracy(one.frames), "counts": [list(row) for row in one.frames]},
    }
