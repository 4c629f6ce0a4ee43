"""The landmark cache: by content, bounded, safe beside other writers, and easy to look into."""

import json
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import clips
import numpy as np
import pytest
from command import talkbench
from hypothesis import given
from hypothesis import strategies as st

from talkbench.bench.cache import Track, TrackCache, key, size_limit
from talkbench.bench.errors import TalkbenchError


def track(frames: int, value: float = 1.0) -> Track:
    return Track(np.full((frames, 68, 2), value, np.float32), np.ones(frames, np.uint8))


def filled(folder: Path, ages: list[int]) -> TrackCache:
    """A cache with one track per age in seconds; the file sizes are equal."""
    cache = TrackCache(folder)
    for index, age in enumerate(ages):
        cache.put(key({"n": index}), track(3, index))
        file = next(folder.glob(f"landmarks/*/{key({'n': index})}.npz"))
        os.utime(file, (1e9 - age, 1e9 - age))
    return cache


def test_what_was_put_is_got(tmp_path: Path) -> None:
    cache = TrackCache(tmp_path)
    assert cache.get("ab") is None
    cache.put("ab", track(5, 2.5))
    found = cache.get("ab")
    assert found is not None
    assert np.array_equal(found.landmarks, track(5, 2.5).landmarks)
    assert cache.usage().tracks == 1


def test_trimming_deletes_what_was_used_longest_ago(tmp_path: Path) -> None:
    cache = filled(tmp_path, [10, 40, 20, 30])
    one = cache.usage().bytes // 4
    assert cache.trim(2 * one) == 2
    assert [cache.get(key({"n": index})) is not None for index in range(4)] == [True, False, True, False]


def test_using_a_track_keeps_it(tmp_path: Path) -> None:
    cache = filled(tmp_path, [10, 40])
    assert cache.get(key({"n": 1})) is not None
    cache.trim(cache.usage().bytes // 2)
    assert cache.get(key({"n": 1})) is not None
    assert cache.get(key({"n": 0})) is None


def test_only_tracks_are_deleted_and_what_killed_writers_left(tmp_path: Path) -> None:
    cache = filled(tmp_path, [10])
    other = tmp_path / "landmarks" / "notes.npz"
    other.write_bytes(b"mine")
    (tmp_path / "landmarks" / "ab").mkdir(exist_ok=True)
    left, fresh = (tmp_path / "landmarks" / "ab" / name for name in (".x.npz.1.tmp", ".y.npz.2.tmp"))
    for file in (left, fresh):
        file.write_bytes(b"half")
    os.utime(left, (1e9, 1e9))
    assert cache.trim(0) == 1
    assert other.exists()
    assert fresh.exists()
    assert not left.exists()


def _write(folder: Path) -> None:
    for index in range(20):
        TrackCache(folder).put(key({"n": index % 4}), track(50, index % 4))
        found = TrackCache(folder).get(key({"n": index % 4}))
        assert found is None or found.landmarks[0, 0, 0] == index % 4
        if index % 7 == 0:
            TrackCache(folder).trim(1)


def test_writers_and_trimmers_beside_each_other_lose_nothing_but_time(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("fork")) as pool:
        for future in [pool.submit(_write, tmp_path) for _ in range(3)]:
            future.result()
    for index in range(4):
        TrackCache(tmp_path).put(key({"n": index}), track(50, index))
    assert TrackCache(tmp_path).usage().tracks == 4


@given(number=st.integers(0, 10**6), unit=st.sampled_from(["", "K", "m", "G", "tb"]))
def test_a_size_is_read_in_any_unit(number: int, unit: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TALKBENCH_CACHE_SIZE", f"{number}{unit}")
        assert size_limit() == number * {"": 1, "K": 10**3, "m": 10**6, "G": 10**9, "tb": 10**12}[unit]


def test_a_wrong_size_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKBENCH_CACHE_SIZE", "a lot")
    with pytest.raises(TalkbenchError, match="TALKBENCH_CACHE_SIZE=a lot: expected a size such as 500M"):
        size_limit()


def test_the_command_shows_and_clears(tmp_path: Path) -> None:
    filled(tmp_path, [10, 20])
    shown = talkbench("cache", "--cache", tmp_path)
    assert shown.code == 0
    assert "landmarks of 2 videos" in shown.out
    assert "2001-09-09" in shown.out
    assert json.loads(talkbench("cache", "--cache", tmp_path, "--json").out)["tracks"] == 2
    assert "2 tracks deleted" in talkbench("cache", "--cache", tmp_path, "--clear").out
    assert "landmarks of 0 videos" in talkbench("cache", "--cache", tmp_path).out


def test_a_run_leaves_no_more_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips.write(tmp_path / "a.mp4", clips.moving(3))
    run = ("score", "--gt", tmp_path / "a.mp4", "--gen", f"Ours={tmp_path / 'a.mp4'}", "--workers", 1)
    assert talkbench(*run, "--cache", tmp_path / "cache", "-o", tmp_path / "one").code == 0
    assert TrackCache(tmp_path / "cache").usage().tracks == 1
    monkeypatch.setenv("TALKBENCH_CACHE_SIZE", "1K")
    assert talkbench(*run, "--cache", tmp_path / "cache", "-o", tmp_path / "two").code == 0
    assert TrackCache(tmp_path / "cache").usage().tracks == 0
