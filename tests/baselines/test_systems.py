"""The register of adapters, detection, third parties' entry points, and the contract kit on adapters that break it."""

import os
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from talkbench.baselines import systems
from talkbench.baselines.contract import Adapter, Found
from talkbench.baselines.systems import ADAPTERS, GROUP, detect
from talkbench.baselines.testing import check_adapter
from talkbench.baselines.tree import Tree
from talkbench.bench.errors import TalkbenchError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_an_unknown_adapter_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(TalkbenchError, match=r"Unknown adapter 'make-it-talk'\. Did you mean makeittalk\?"):
        ADAPTERS["make-it-talk"]
    assert "evp" in ADAPTERS
    assert "nothing" not in ADAPTERS
    assert [adapter.name for adapter in ADAPTERS.values()] == list(ADAPTERS)
    assert len(ADAPTERS) == len({adapter.layout for adapter in ADAPTERS.values()})


@pytest.mark.parametrize(
    "names", [("clip1.mp4",), ("clip1/1.png",), ("W015_ang_3_001.mp4",), ("a/b_c.mp4",), (), ("emotion.mp4",)]
)
def test_plain_names_call_for_the_plain_adapter(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert detect(touch(tmp_path, *names)).name == "folder"


def test_the_output_of_two_systems_is_refused_by_their_names(tmp_path: Path) -> None:
    touch(tmp_path, "a/x_pred_fls_y_audio_embed.mp4", "b/x##y.mp4")
    with pytest.raises(TalkbenchError, match="could be the output of makeittalk or sadtalker") as caught:
        detect(tmp_path)
    assert "Pass --adapter makeittalk, or another" in str(caught.value)
    assert detect(tmp_path / "a").name == "makeittalk"


def test_names_that_only_one_system_writes_outweigh_others(tmp_path: Path) -> None:
    assert detect(touch(tmp_path, "M003_M003_ang_3_001.mp4", "M003.npy")).name == "evp"
    assert detect(touch(tmp_path / "b", "x##y.mp4", "x##y.npy")).name == "sadtalker"


def _takes(tree: Tree) -> Iterator[Found]:
    for folder in tree.folders:
        for stem, path in folder.stems():
            if stem.startswith("ours-"):
                yield Found(folder.below(stem.removeprefix("ours-")), path)


OURS = Adapter("ours", "a system of our own", "ours-<clip>.mp4", _takes, lambda tree: any(_takes(tree)))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Entry points by name, as if a package with them were installed."""
    points: dict[str, str] = {}
    monkeypatch.setattr(
        systems,
        "entry_points",
        lambda group: [EntryPoint(name, value, group) for name, value in points.items() if group == GROUP],
    )
    systems._theirs.cache_clear()
    yield points
    systems._theirs.cache_clear()


def test_a_third_party_adds_an_adapter_by_entry_point(
    tmp_path: Path, installed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "third_party.py").write_text(
        "from talkbench.baselines.contract import Adapter, Found\n"
        "def takes(tree):\n"
        "    return [Found(s[5:], p) for f in tree.folders for s, p in f.stems() if s.startswith('ours-')]\n"
        "ADAPTER = Adapter('ours', 'ours', 'ours-<clip>.mp4', takes, lambda tree: bool(takes(tree)))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    installed["ours"] = "third_party:ADAPTER"
    root = touch(tmp_path / "out", "ours-clip1.mp4")
    assert detect(root).name == "ours"
    check_adapter(ADAPTERS["ours"], root)
    with pytest.raises(TalkbenchError, match="Adapter ours fits: pass --adapter ours"):
        ADAPTERS["wav2lip"].find(root)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("evp", "third_party:ADAPTER", "has the name of one of ours"),
        ("gone", "no_such_module:ADAPTER", "cannot be loaded"),
        ("other", "talkbench.baselines.evp:ADAPTER", "expected an Adapter called 'other'"),
        ("path", "pathlib:Path", "expected an Adapter called 'path'"),
    ],
)
def test_an_entry_point_that_is_no_adapter_is_refused(
    installed: dict[str, str], name: str, value: str, text: str
) -> None:
    installed[name] = value
    with pytest.raises(TalkbenchError, match=text):
        ADAPTERS[name]


def test_the_kit_accepts_an_adapter_that_keeps_the_contract(tmp_path: Path) -> None:
    check_adapter(OURS, touch(tmp_path, "ours-a.mp4", "sub/ours-b.mp4"))


def _with(**changes: object) -> Adapter:
    """Return an adapter whose takes are changed in a way that breaks the contract."""
    return replace(OURS, takes=lambda tree: [replace(found, **changes) for found in _takes(tree)])


def _by_content(tree: Tree) -> list[Found]:
    return [found for found in _takes(tree) if found.path.read_bytes()]


def _by_order(tree: Tree) -> list[Found]:
    with os.scandir(tree.root) as entries:
        first = next(iter(entries)).name
    return [replace(found, first_frame=int(first == "ours-a.mp4")) for found in _takes(tree)]


def _anything(tree: Tree) -> list[Found]:
    return [Found("all", tree.root)]


BROKEN = [
    (replace(OURS, name="Our System"), "bad name"),
    (replace(OURS, layout="two\nlines"), "layout must be one line"),
    (replace(OURS, mark=lambda tree: None), "claims must return a bool"),
    (_with(panel=(256, 0, 0, 256)), "is not left, top, right, bottom"),
    (_with(fps=25.0), "fps is 25.0"),
    (_with(fps=25), "fps is 25"),
    (_with(first_frame=-1), "first_frame is -1"),
    (_with(landmarks=Path(__file__)), "is missing, or not below"),
    (_with(scheme="dlib-68"), "go together"),
    (replace(OURS, takes=_by_content), "depend on what is in the files"),
    (replace(OURS, takes=_by_order), "order of directory entries"),
    (replace(OURS, takes=_anything), "was not refused"),
]


@pytest.mark.parametrize(("adapter", "text"), BROKEN)
def test_the_kit_says_how_an_adapter_breaks_the_contract(tmp_path: Path, adapter: Adapter, text: str) -> None:
    for name in ("ours-a.mp4", "ours-b.mp4"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(AssertionError, match=text):
        check_adapter(adapter, tmp_path)


def test_the_kit_checks_landmark_schemes_and_frame_prefixes(tmp_path: Path) -> None:
    touch(tmp_path, "ours-a.mp4", "a.npy", "frames/x_1.png")
    broken = _with(landmarks=tmp_path / "a.npy", scheme="dlib-86")
    with pytest.raises(AssertionError, match="unknown scheme 'dlib-86'"):
        check_adapter(broken, tmp_path)
    with pytest.raises(AssertionError, match="no frame begins 'y_'"):
        check_adapter(_with(path=tmp_path / "frames", prefix="y_"), tmp_path)
