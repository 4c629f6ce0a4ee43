"""`talkbench study export`: one row per rating, with what is known of how it came about, and a codebook."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from ..spreadsheet import safe_columns
from .config import Config
from .schema import FAILED, RATED, Participant, Study, Trial

if TYPE_CHECKING:
    import pandas as pd

CODEBOOK = {
    "rater": "random label of the rater",
    "clip": "id of the clip; for attention checks their name",
    "method": "method that made the video; empty for attention checks",
    "scale": "id of the scale",
    "score": "the rating; empty where the video did not work",
    "kind": "main; repeat (second showing of a main video); training (practice, not to be analysed); attention",
    "position": "place in the rater's order, from 0",
    "expected": "score that an attention check asked for",
    "missing": "why there is no score: video-failed",
    "retry": "whether the video was shown again because it had not worked",
    "shown": "when the video's page was first shown (UTC)",
    "rated": "when the rating was stored (UTC)",
    "seconds": "from shown to rated",
    "duration": "length of the video in s",
    "plays": "how often Play was pressed",
    "covered": "share of the video that was played",
    "frames": "frames that the browser showed",
    "dropped": "frames that it dropped",
    "stalls": "times that playing waited for data",
    "hidden": "times that the page was hidden while it was open",
    "shown_width": "width of the picture on the page, in CSS px",
    "pixel_ratio": "device pixels per CSS px",
    "completed": "whether the rater finished the study",
    "late": "whether the rater's place had been given up meanwhile",
    "source": "how the rater came: link (with a recruiting number), open, or import:FILE",
}
_PLAYBACK = {
    "plays": "plays",
    "covered": "covered",
    "frames": "frames",
    "dropped": "dropped",
    "stalls": "stalls",
    "hidden": "hidden",
    "shown_width": "shownWidth",
    "pixel_ratio": "pixelRatio",
}


def ratings(session: Session, config: Config) -> pd.DataFrame:
    """Return one row per rating, with the columns of CODEBOOK, by rater and position."""
    import pandas as pd

    people = session.scalars(
        select(Participant)
        .order_by(Participant.label)
        .options(
            selectinload(Participant.trials).joinedload(Trial.stimulus),
            selectinload(Participant.trials).selectinload(Trial.ratings),
        )
    )
    rows = [row for person in people for row in _rows(person, [scale.id for scale in config.scales])]
    return pd.DataFrame(rows, columns=list(CODEBOOK))


def _rows(person: Participant, scales: list[str]) -> Iterator[dict[str, object]]:
    worked = {(trial.kind, trial.stimulus_id) for trial in person.trials if trial.state == RATED}
    for trial in person.trials:
        failed = trial.state == FAILED and (trial.kind, trial.stimulus_id) not in worked
        if trial.state != RATED and not failed:
            continue
        if (
            failed
            and not trial.retry
            and any(
                other.retry and (other.kind, other.stimulus_id) == (trial.kind, trial.stimulus_id)
                for other in person.trials
            )
        ):
            continue  # the second try speaks for both
        scores = {rating.scale: rating.score for rating in trial.ratings}
        playback = trial.playback or {}
        common: dict[str, object] = {
            "rater": person.label,
            "clip": trial.stimulus.clip,
            "method": trial.stimulus.method,
            "kind": trial.kind,
            "position": trial.position,
            "expected": None if trial.stimulus.expected is None else float(trial.stimulus.expected),
            "missing": "video-failed" if failed else "",
            "retry": trial.retry,
            "shown": _time(trial.shown),
            "rated": _time(trial.rated),
            "seconds": round(trial.rated - trial.shown, 3) if trial.rated and trial.shown else None,
            "duration": trial.stimulus.duration,
            "completed": person.state == "completed",
            "late": person.late,
            "source": person.source,
        } | {column: playback.get(name) for column, name in _PLAYBACK.items()}
        for scale in scales:
            yield common | {"scale": scale, "score": scores.get(scale)}


def _time(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def write(session: Session, config: Config, file: Path) -> int:
    """Write the ratings to a CSV or Parquet file, and the codebook beside it; return the number of rows."""
    table = ratings(session, config)
    study = session.get_one(Study, 1)
    hidden = file.with_name(f".{file.name}.part")
    if file.suffix.lower() == ".parquet":
        table.to_parquet(hidden, index=False)
    else:
        safe_columns(table).to_csv(hidden, index=False)
    hidden.replace(file)
    codebook = {
        "columns": CODEBOOK,
        "scales": [scale.model_dump() for scale in config.scales],
        "screens": config.screens.model_dump(),
        "design": config.design.model_dump(),
        "config_sha256": study.config_sha256,
        "talkbench": study.version,
    }
    file.with_suffix(".codebook.json").write_text(
        json.dumps(codebook, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return len(table)
