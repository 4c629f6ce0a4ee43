"""What must not grow with the number of clips: row groups, openings of a folder, and what is held of frames."""

import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command import talkbench as command
from hypothesis import given, settings
from hypothesis import strategies as st
from speed import sizes

from talkbench.baselines import tree
from talkbench.bench.pairing import plan_folders
from talkbench.bench.results import _GROUP, Results, _write_grouped, by_clip
from talkbench.reports.table import table


@settings(deadline=None, max_examples=20)
@given(counts=st.lists(st.integers(1, 9000), max_size=12))
def test_frames_come_back_clip_by_clip_from_few_row_groups(counts: list[int], tmp_path_factory) -> None:
    file = tmp_path_factory.mktemp("grouped") / "frames.parquet"
    pieces = [pa.table({"clip": [str(at)] * n, "frame": np.arange(n)}) for at, n in enumerate(counts)]
    _write_grouped(file, iter(pieces))
    with pq.ParquetFile(file) as read:
        assert read.num_row_groups == -(-sum(counts) // _GROUP) + (not counts)
        for one, piece in zip(by_clip(read, counts), pieces, strict=True):
            assert one.equals(piece)


def test_how_frames_are_cut_into_pieces_changes_no_byte(tmp_path: Path) -> None:
    whole = pa.table({"clip": ["a"] * 40_000, "M": np.random.default_rng(0).normal(size=40_000)})
    _write_grouped(tmp_path / "one", iter([whole]))
    _write_grouped(tmp_path / "many", (whole.slice(at, 700) for at in range(0, 40_000, 700)))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "many").read_bytes()


def test_every_folder_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes.touch(tmp_path, 400)
    listed: Counter[Path] = Counter()
    known = tree._look

    def look(path: Path, inside: str) -> tree.Folder:
        listed[path] += 1
        return known(path, inside)

    monkeypatch.setattr(tree, "_look", look)
    plan = plan_folders(tmp_path / "real", {"m": tmp_path / "gen"})
    assert len(plan.pairs) == 400
    assert set(listed.values()) == {1}


def test_planning_grows_as_the_number_of_clips_does(tmp_path: Path) -> None:
    times = {}
    for count in (1000, 6000):
        sizes.touch(tmp_path / str(count), count)
        start = time.process_time()
        plan = plan_folders(tmp_path / str(count) / "real", {"m": tmp_path / str(count) / "gen"})
        times[count] = time.process_time() - start
        assert len(plan.pairs) == count
    assert times[6000] < 18 * times[1000], times  # 6 times the clips; a square would be 36 times


def test_pair_opens_no_video_where_it_is_told_not_to(tmp_path: Path) -> None:
    sizes.touch(tmp_path, 30)
    sides = ("--gt", tmp_path / "real", "--gen", f"m={tmp_path / 'gen'}")
    named = command("pair", *sides, "--no-probe")
    assert named.code == 0
    assert "30 pairs by their names alone" in named.err
    assert "cannot be read" not in named.out
    assert command("pair", *sides).code == 2  # the files are empty


def test_made_up_results_are_read_as_a_runs_are(tmp_path: Path) -> None:
    sizes.results(tmp_path / "run", 96, frames=3)
    results = Results.load(tmp_path / "run")
    assert len(results.frames) == 96 * 3
    assert table(results).rows[1].measured == 96
