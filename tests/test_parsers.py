"""Fuzzing: whatever a file holds, a parser reads it or raises TalkbenchError, and nothing else.

Half of the inputs are arbitrary, half are whole files with a few edits. `TALKBENCH_FUZZ_EXAMPLES` sets how many of
each parser's files are tried.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import clips
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import talkbench
from talkbench.baselines.landmarks import SCHEMES
from talkbench.baselines.landmarks import read as read_landmarks
from talkbench.baselines.published import PAPERS, read_paper
from talkbench.bench.cache import Track, TrackCache
from talkbench.bench.claim import refuse_other
from talkbench.bench.errors import TalkbenchError
from talkbench.bench.pairing import plan_manifest
from talkbench.bench.protocol import read_protocol
from talkbench.bench.results import Results
from talkbench.bench.study.config import parse, template
from talkbench.bench.study.config import read as read_study
from talkbench.bench.study.importing import _read as imported
from talkbench.reports.pack import write_pack
from talkbench.reports.ratings import ratings_table, read_ratings
from talkbench.reports.screens import read_rules
from talkbench.reports.table import table
from talkbench.reports.verification import verify

EXAMPLES = int(os.environ.get("TALKBENCH_FUZZ_EXAMPLES", "80"))
ROOT = Path(talkbench.__file__).parent
TOKENS = [
    b"\0", b"\n", b"\r", b'"', b"'", b",", b"=", b"[", b"]", b"{", b"}", b"\xff", b"\xef\xbb\xbf", b"-1", b"0", b"nan",
    b"inf", b"1e999", b"null", b"true", b"[" * 3000, b"{" * 3000, b'{"a":' * 3000, b"a=" + b"[" * 3000, b"9" * 5000,
    b"../../etc/passwd", b"\\input{x}", b"=1+1", b"<b>", b"-" * 100, b"\xed\xa0\x80", b"1979-05-27T07:32:00Z",
]  # fmt: skip


@st.composite
def edited(draw: st.DrawFn, whole: bytes) -> bytes:
    """A whole file with one to four cuts, each filled with something else."""
    data = whole
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        gone = draw(st.sampled_from([0, 0, 1, 2, 8, 200]) | st.integers(0, len(data)))
        data = data[:at] + draw(st.sampled_from(TOKENS) | st.binary(max_size=12)) + data[at + gone :]
    return data


def any_file(whole: bytes) -> st.SearchStrategy[bytes]:
    return edited(whole) | st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode())


fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def npy(array: object) -> bytes:
    buffer = BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


POINTS = np.arange(2 * 136, dtype=np.float32).reshape(2, 136)
RATINGS = b"rater,clip,method,scale,score\nr1,c1,Ours,LS,7\nr1,c1,EVP,LS,3\nr2,c1,Ours,LS,8\nr2,c1,EVP,LS,4\n"
WIDE = b"rater,clip,method,LS,EE,VPQ\nr1,c1,Ours,7,7,7\nr1,c1,Baseline,3,4,5\n"


def read_and_tabulate(file: Path) -> None:
    ratings_table(read_ratings(file))


TEXTS: dict[str, tuple[bytes, Callable[[Path], object]]] = {
    "manifest.csv": (b"clip,gt,Ours,speaker\na,a.mp4,a.mp4,M003\nb,a.mp4,,\n", plan_manifest),
    "protocol.toml": ((ROOT / "bench" / "protocols" / "talkbench-1.toml").read_bytes(), read_protocol),
    "study.toml": (template().encode(), read_study),
    "paper.toml": ((ROOT / "baselines" / "published" / f"{next(iter(PAPERS))}.toml").read_bytes(), read_paper),
    "rules.toml": (template().encode(), read_rules),
    "ratings.csv": (RATINGS, read_and_tabulate),
    "import.csv": (WIDE, lambda file: imported(parse(template(), "the template"), file)),
    "a.landmarks.txt": ("\n".join(" ".join(map(str, row)) for row in POINTS).encode(), lambda f: dlib_points(f)),
    "a.landmarks.npy": (npy(POINTS), lambda file: dlib_points(file)),
}


def dlib_points(file: Path) -> None:
    for scheme in SCHEMES:
        if scheme != "vid2vid-106":  # a folder
            with contextlib.suppress(TalkbenchError):
                read_landmarks(file, scheme)


@pytest.mark.parametrize("name", TEXTS)
def test_a_file_by_itself(tmp_path: Path, name: str) -> None:
    whole, read = TEXTS[name]
    (tmp_path / "a.mp4").touch()
    file = tmp_path / name
    file.write_bytes(whole)
    read(file)  # the whole file is one

    @fuzzed
    @given(any_file(whole))
    def only_its_own_error(data: bytes) -> None:
        file.write_bytes(data)
        with contextlib.suppress(TalkbenchError):
            read(file)

    only_its_own_error()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fuzz")
    for name in ("a", "b"):
        clips.write(root / "real" / f"{name}.mp4", clips.moving(2, size=64))
    clips.write(root / "ours" / "a.mp4", clips.moving(2, size=64))
    (root / "ours" / "b.mp4").write_bytes(b"no video")
    talkbench.score(root / "real", {"Ours": root / "ours"}, out=root / "run", cache=False)
    return root / "run"


@pytest.mark.parametrize("name", ["run.json", "clips.parquet", "frames.parquet", "failures.jsonl"])
def test_a_result_folder(run: Path, tmp_path: Path, name: str) -> None:
    """It is loaded, made a table of, and gone on with."""
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    whole = (folder / name).read_bytes()
    config = json.loads((folder / "run.json").read_text())["config"]
    table(Results.load(folder))

    @fuzzed
    @given(edited(whole) | st.binary(max_size=200))
    def only_its_own_error(data: bytes) -> None:
        (folder / name).write_bytes(data)
        with contextlib.suppress(TalkbenchError):
            table(Results.load(folder))
        with contextlib.suppress(TalkbenchError):
            refuse_other(folder, config)

    only_its_own_error()


def test_a_pack(run: Path, tmp_path: Path) -> None:
    pack = tmp_path / "pack.zip"
    write_pack(run, pack)
    whole = pack.read_bytes()
    assert list(verify(pack))

    @fuzzed
    @given(edited(whole) | st.binary(max_size=200))
    def only_its_own_error(data: bytes) -> None:
        pack.write_bytes(data)
        with contextlib.suppress(TalkbenchError):
            list(verify(pack))

    only_its_own_error()


def test_a_kept_track(tmp_path: Path) -> None:
    """A cache is not even an error: what cannot be read is not there."""
    cache = TrackCache(tmp_path)
    cache.put("0" * 64, Track(np.zeros((3, 68, 2), np.float32), np.ones(3, np.uint8)))
    (file,) = tmp_path.rglob("*.npz")
    whole = file.read_bytes()

    @fuzzed
    @given(edited(whole) | st.binary(max_size=200))
    def never_an_error(data: bytes) -> None:
        file.write_bytes(data)
        cache.get("0" * 64)

    never_an_error()


def test_an_array_that_promises_more_than_it_holds_is_refused_before_there_is_memory_for_it(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    file.write_bytes(npy(POINTS).replace(b"(2, 136)", b"(99999999, 136)").replace(b" " * 9, b"", 1))
    with pytest.raises(TalkbenchError, match=r"a\.npy: cannot be read as landmarks"):
        read_landmarks(file, "dlib-68")


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(TalkbenchError, match=r"a\.npy: cannot be read as landmarks"):
        read_landmarks(file, "dlib-68")
