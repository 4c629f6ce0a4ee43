"""`talkbench study import`: take ratings that were collected elsewhere into a study's database.

The file has the columns rater, clip and method, and either scale and score, one row per rating, or one column per
scale. Raters keep their names: use labels, not people's names. Imported ratings count as main trials.
"""

from __future__ import annotations

import csv
import hashlib
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..errors import TalkbenchError
from .config import Config
from .schema import COMPLETED, FAILED, RATED, Participant, Rating, Stimulus, Trial

if TYPE_CHECKING:
    import pandas as pd

Videos = dict[tuple[str, str], dict[str, int | None]]
"""Scores by (clip, method) and scale; None where the score is missing."""


def import_ratings(session: Session, config: Config, file: Path) -> tuple[int, int]:
    """Store a file's ratings; return the numbers of raters and of ratings. All of them are stored, or none.

    Raises TalkbenchError with the row of whatever is wrong: an unknown clip, method or scale, a score that is no whole
    number of the scale, a second rating of the same, or a rater who is in the database already.
    """
    raters = _read(config, file)
    stimuli = {
        (clip, method): key
        for key, clip, method in session.execute(
            select(Stimulus.id, Stimulus.clip, Stimulus.method).where(Stimulus.kind == "video")
        )
    }
    for rater, videos in raters.items():
        for video in videos:
            if video not in stimuli:
                raise TalkbenchError(f"{file}: rater {rater}: clip {video[0]!r} of {video[1]!r} is not in this study.")
        if session.scalar(select(Participant.id).where(Participant.label == rater)) is not None:
            raise TalkbenchError(f"{file}: rater {rater!r} is in the study already. Remove or rename them.")
        _store(session, file, rater, videos, stimuli)
    return len(raters), sum(len(scores) for videos in raters.values() for scores in videos.values())


def _read(config: Config, file: Path) -> dict[str, Videos]:
    limits = {scale.id: (scale.low, scale.high) for scale in config.scales}
    raters: dict[str, Videos] = {}
    for row, rater, clip, method, scale, text in _ratings(config, file):
        if scale not in limits:
            raise TalkbenchError(f"{file}, row {row}: the scale {scale!r} is none of {', '.join(limits)}.")
        low, high = limits[scale]
        scores = raters.setdefault(rater, {}).setdefault((clip, method), {})
        if scale in scores:
            raise TalkbenchError(f"{file}, row {row}: rater {rater} rated clip {clip} of {method} on {scale} before.")
        whole = text.removesuffix(".0")
        if text and not (whole.isdecimal() and low <= int(whole) <= high):
            raise TalkbenchError(f"{file}, row {row}: expected a score from {low} to {high}, got {text!r}.")
        scores[scale] = int(whole) if text else None
    if not raters:
        raise TalkbenchError(f"{file}: holds no rating.")
    for rater, videos in raters.items():
        for (clip, method), scores in videos.items():
            if set(scores) != set(limits) or len({value is None for value in scores.values()}) > 1:
                raise TalkbenchError(
                    f"{file}: rater {rater} rated clip {clip} of {method} on some scales only: expected all of "
                    f"{', '.join(limits)}, or none."
                )
    return raters


def _ratings(config: Config, file: Path) -> Iterator[tuple[int, str, str, str, str, str]]:
    """Yield (row, rater, clip, method, scale, score as text) of a long or a wide table."""
    table = _table(file)
    scales = [scale.id for scale in config.scales]
    keys = ["rater", "clip", "method"]
    is_long = {*keys, "scale", "score"} <= set(table.columns)
    if not is_long and not {*keys, *scales} <= set(table.columns):
        raise TalkbenchError(
            f"{file}: expected the columns {', '.join(keys)}, and either scale and score or {', '.join(scales)}; "
            f"found {', '.join(map(str, table.columns))}."
        )
    for number, row in enumerate(table.to_dict("records"), start=2):
        rater, clip, method = (str(row[name]).strip() for name in keys)
        if not rater or not clip or not method:
            raise TalkbenchError(f"{file}, row {number}: rater, clip and method must be filled.")
        for scale in [str(row["scale"])] if is_long else scales:
            yield number, rater, clip, method, scale, str(row["score"] if is_long else row[scale]).strip()


def _table(file: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        if file.suffix.lower() == ".parquet":
            table = pd.read_parquet(file)
            return table.astype(object).where(table.notna(), "").astype(str)
        return pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig", sep=None, engine="python")
    except (OSError, ValueError, TypeError, csv.Error) as error:  # pandas' own errors are ValueErrors
        raise TalkbenchError(f"{file}: cannot be read as a CSV or Parquet file ({error}).") from error


def _store(session: Session, file: Path, rater: str, videos: Videos, stimuli: dict[tuple[str, str], int]) -> None:
    now = time.time()
    person = Participant(
        label=rater,
        external=hashlib.sha256(f"import|{rater}".encode()).hexdigest(),
        source=f"import:{file.name}",
        state=COMPLETED,
        resume=secrets.token_urlsafe(16),
        read_instructions=True,
        entered=now,
        seen=now,
        finished=now,
    )
    session.add(person)
    session.flush()
    for position, (video, scores) in enumerate(videos.items()):
        rated = all(score is not None for score in scores.values())
        trial = Trial(
            participant_id=person.id,
            position=position,
            kind="main",
            stimulus_id=stimuli[video],
            token=secrets.token_urlsafe(16),
            state=RATED if rated else FAILED,
        )
        session.add(trial)
        session.flush()
        if rated:
            session.add_all(Rating(trial_id=trial.id, scale=scale, score=score) for scale, score in scores.items())
