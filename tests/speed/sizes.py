"""Corpora and results of any size, made up: empty files with MEAD's names, and rows as a run would have left them."""

from __future__ import annotations

import json
from itertools import islice, product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from talkbench.baselines.mead import EMOTIONS
from talkbench.bench.measure import clip_columns
from talkbench.bench.protocol import PROTOCOLS
from talkbench.bench.results import FORMAT, _write_grouped
from talkbench.bench.run import _metrics
from talkbench.bench.signature import ingredients, signature

SPEAKERS = 48


def names(count):
    """Yield MEAD's (speaker, emotion, level, sentence), so many sentences that there are `count` of them."""
    sentences = -(-count // (SPEAKERS * len(EMOTIONS) * 3))
    all_of_them = product(range(1, SPEAKERS + 1), EMOTIONS, (1, 2, 3), range(1, sentences + 1))
    return islice(((f"M{s:03d}", emotion, level, f"{n:03d}") for s, emotion, level, n in all_of_them), count)


def touch(root, count):
    """Make the real clips' folders and one method's, each of `count` empty files."""
    for side in ("real", "gen"):
        made = set()
        for speaker, emotion, level, sentence in names(count):
            folder = root / side / speaker / "video" / "front" / emotion / f"level_{level}"
            if folder not in made:
                folder.mkdir(parents=True)
                made.add(folder)
            (folder / f"{sentence}.mp4").touch()


def results(folder: Path, count, *, method="m", frames=10, speakers=True):
    """Write a finished result folder of one method on `count` clips of so many frames."""
    protocol = PROTOCOLS["talkbench-1"]
    rng = np.random.default_rng(list(method.encode()))
    schema = clip_columns(protocol.measured)
    labels = list(names(count))
    ids = [f"{speaker}/{emotion}/level_{level}/{n}" for speaker, emotion, level, n in labels]
    text = {
        "clip": ids,
        "method": [method] * count,
        "speaker": [one[0] if speakers else None for one in labels],
        "emotion": [one[1] for one in labels],
        "gt_video": [f"/data/real/{name}.mp4" for name in ids],
        "gen_video": [f"/data/{method}/{name}.mp4" for name in ids],
    }
    columns = {}
    for field in schema:
        if field.name in text:
            columns[field.name] = pa.array(text[field.name], field.type)
        elif pa.types.is_floating(field.type):
            values = np.full(count, np.nan) if field.name.endswith("-pred") else rng.normal(3.0, 1.0, count)
            columns[field.name] = pa.array(values, field.type)
        elif pa.types.is_integer(field.type):
            empty = field.name.endswith(("-pred:frames", "_several"))
            columns[field.name] = pa.array(np.full(count, 0 if empty else frames), field.type)
        else:
            columns[field.name] = pa.nulls(count, field.type)
    folder.mkdir(parents=True)
    pq.write_table(pa.table(columns, schema=schema), folder / "clips.parquet")
    landmarks = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(frames * 136, np.float32)), 136)
    metrics = {metric.frame_value: rng.normal(3.0, 1.0, frames) for metric in protocol.measured}
    pieces = (
        pa.table(
            {"clip": [name] * frames, "method": [method] * frames, "frame": np.arange(frames, dtype=np.int32)}
            | {"gt_face": ["ok"] * frames, "gen_face": ["ok"] * frames}
            | metrics
            | {"gt_landmarks": landmarks, "gen_landmarks": landmarks}
        )
        for name in ids
    )
    _write_grouped(folder / "frames.parquet", pieces)
    (folder / "failures.jsonl").write_text("")
    run = {
        "format": FORMAT,
        "finished": True,
        "protocol": protocol.name,
        "signature": signature(protocol),
        "methods": [method],
        "planned": {method: count},
        "missing": {},
        "left_out": {},
        "metrics": _metrics(protocol, predicted=False),
        "coverage_threshold": protocol.table.coverage,
        "ci": protocol.table.model_dump(mode="json", exclude={"coverage"}),
        "warnings": [],
        "talkbench": "0",
        "config": {"ingredients": ingredients(protocol)},
    }
    (folder / "run.json").write_text(json.dumps(run))
