"""Why clips have no value of a metric, in words that the notes under a table can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def reason(measured: pd.DataFrame, name: str) -> str | None:
    """Return the reasons recorded for the clips without a value, the commonest first; None where there are none.

    >>> import pandas as pd
    >>> whys = ["no blink in the take", None, "no blink in the take", "no sound"]
    >>> clips = pd.DataFrame({"blink-duration:reason": whys})
    >>> reason(clips, "blink-duration")
    'no blink in the take, 2 clips; no sound, 1 clip'
    >>> reason(clips.iloc[:1], "blink-duration")
    'no blink in the take'
    """
    if f"{name}:reason" not in measured:
        return None
    counts = measured[f"{name}:reason"].dropna().value_counts()
    if counts.empty:
        return None
    found = sorted(counts.items(), key=lambda case: (-case[1], str(case[0])))
    if len(found) == 1 and found[0][1] == len(measured):
        return str(found[0][0])
    return "; ".join(f"{why}, {count} clip{'' if count == 1 else 's'}" for why, count in found)
