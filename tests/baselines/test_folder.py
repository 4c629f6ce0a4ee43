import os
import unicodedata
from pathlib import Path

import pytest

from talkbench.baselines.folder import find
from talkbench.bench.errors import TalkbenchError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def ids(root: Path, **options: str) -> list[str]:
    return [found.id for found in find(root, **options).files]


def test_videos_and_frame_folders_lie_side_by_side_and_other_files_are_not_clips(tmp_path: Path) -> None:
    touch(tmp_path, "b/one.MP4", "b/one.wav", "a/00001.png", "a/00002.png", "notes.txt", ".hidden.mp4", "._x.mp4")
    assert ids(tmp_path) == ["a", "b/one"]


def test_a_video_or_frame_folder_named_directly_is_a_single_clip(tmp_path: Path) -> None:
    touch(tmp_path, "x/0.png", "y.mp4")
    for name in ("x", "y.mp4"):
        listing = find(tmp_path / name)
        assert listing.single
        assert [found.path for found in listing.files] == [tmp_path / name]


def test_names_that_differ_in_unicode_form_only_are_the_same_id(tmp_path: Path) -> None:
    for folder, form in (("gt", "NFC"), ("gen", "NFD")):
        touch(tmp_path / folder, unicodedata.normalize(form, "é è.mp4"))
    assert ids(tmp_path / "gt") == ids(tmp_path / "gen") == ["é è"]


def test_by_stem_folders_do_not_count(tmp_path: Path) -> None:
    touch(tmp_path, "deep/er/clip.mp4")
    assert ids(tmp_path, key="stem") == ["clip"]


@pytest.mark.parametrize(
    "names", [("a.mp4", "a.avi"), ("a.mp4", "a/1.png"), ("M003_sad_level_3_001.mp4", "M003_sad_3_001.mp4")]
)
def test_two_files_of_one_id_are_refused_by_name(tmp_path: Path, names: tuple[str, str]) -> None:
    touch(tmp_path, *names)
    with pytest.raises(TalkbenchError, match="two files are clip") as caught:
        find(tmp_path)
    assert all(name.split("/")[0] in str(caught.value) for name in names)


def test_an_empty_or_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TalkbenchError, match="holds no video"):
        find(tmp_path)
    with pytest.raises(TalkbenchError, match="does not exist"):
        find(tmp_path / "nowhere")


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    touch(tmp_path / "data", "clip.mp4")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "back").symlink_to(tmp_path / "root")
    assert ids(tmp_path / "root") == ["linked/clip"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_an_unreadable_folder_is_refused_not_skipped(tmp_path: Path) -> None:
    touch(tmp_path, "shut/clip.mp4", "clip.mp4")
    (tmp_path / "shut").chmod(0)
    try:
        with pytest.raises(TalkbenchError, match="cannot be read"):
            find(tmp_path)
    finally:
        (tmp_path / "shut").chmod(0o700)


def test_a_folder_that_cannot_be_listed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "shut/clip.mp4", "clip.mp4")
    scandir = os.scandir

    def refuse(path: object) -> object:
        if Path(os.fspath(path)).name == "shut":
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(TalkbenchError, match=r"shut: cannot be read \(Permission denied\)"):
        find(tmp_path)
