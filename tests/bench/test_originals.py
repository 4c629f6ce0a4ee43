"""Where a run's videos are, and whether they are still what was measured."""

from pathlib import Path

import pytest

from talkbench.bench.errors import MediaError
from talkbench.bench.originals import Original, originals
from talkbench.bench.pairing import GROUND_TRUTH
from talkbench.bench.source import content_hash
from talkbench.bench.vocabulary import AS_IS, Reading


@pytest.fixture
def videos(tmp_path):
    for name in ("real/a.mp4", "ours/a.mp4", "theirs/a.mp4"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def rows(folder):
    return [
        {
            "clip": "a", "method": method, "gt_video": str(folder / "real/a.mp4"), "gt_sha256": "0",
            "gen_video": str(folder / method / "a.mp4"), "gen_sha256": "1",
        }
        for method in ("ours", "theirs")
    ]  # fmt: skip


def run(folder, **config):
    gen = {name: str(folder / name) for name in ("ours", "theirs")}
    return {
        "config": {"gt": str(folder / "real"), "gen": gen, "manifest": None, "adapters": {}, "key": "path"} | config
    }


def test_videos_are_read_as_their_adapter_reads_them(videos):
    three_panels = videos / "theirs" / "face_pred_fls_a_audio_embed.mp4"
    (videos / "theirs" / "a.mp4").rename(three_panels)
    found = originals(run(videos, adapters={"theirs": "makeittalk"}), rows(videos))
    assert {name for _, name in found} == {GROUND_TRUTH, "ours", "theirs"}
    assert found["a", "ours"] == Original(videos / "ours" / "a.mp4", "1", AS_IS)
    assert found["a", "theirs"] == Original(three_panels, "1", Reading(panel=(256, 0, 512, 256)))


def test_a_folder_that_has_gone_hides_no_other(videos):
    (videos / "theirs" / "a.mp4").unlink()
    (videos / "theirs").rmdir()
    found = originals(run(videos), rows(videos))
    assert found["a", "ours"].path == videos / "ours" / "a.mp4"
    with pytest.raises(MediaError, match="no longer there"):
        found["a", "theirs"].check()


def test_paths_of_the_run_hold_from_any_folder(videos, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    relative = [row | {"gt_video": "real/a.mp4", "gen_video": f"{row['method']}/a.mp4"} for row in rows(videos)]
    found = originals(run(videos), relative)
    assert all(original.path.exists() for original in found.values())


def test_a_take_of_landmarks_alone_has_no_video(videos):
    (row, _) = rows(videos)
    assert ("a", "ours") not in originals(run(videos), [row | {"gen_video": None, "gen_sha256": None}])


def test_content_decides(videos):
    path = videos / "real" / "a.mp4"
    original = Original(path, content_hash(path))
    original.check()
    path.touch()
    original.check()
    path.write_bytes(b"other")
    with pytest.raises(MediaError, match="has changed since it was measured"):
        original.check()


def test_one_of_several_series_of_frames_in_a_folder(tmp_path):
    import clips

    clips.write_frames(tmp_path / "frames", clips.faceless(2, size=16))
    for file in sorted((tmp_path / "frames").iterdir()):
        file.rename(file.with_name(f"G_{file.name}"))
        Path(tmp_path / "frames" / f"P_{file.name}").write_bytes(b"pose")
    reading = Reading(prefix="G_")
    Original(tmp_path / "frames", content_hash(tmp_path / "frames", "G_"), reading).check()
    with pytest.raises(MediaError, match="several series"):
        Original(tmp_path / "frames", "0", AS_IS).check()
