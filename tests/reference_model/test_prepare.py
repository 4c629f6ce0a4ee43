"""A corpus prepared from end to end: what is written, the same bytes for all workers, and killing it is no loss."""

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import MEDIA, faceless, moving
from command import talkbench

from talkbench.bench.demo.corpus import Utterance, write_corpus
from talkbench.bench.encode import write_video
from talkbench.bench.errors import TalkbenchError
from talkbench.bench.results import Results
from talkbench.reference_model.audio import read_audio, write_wav
from talkbench.reference_model.mfcc import mfcc
from talkbench.reference_model.prepare import Settings, prepare
from talkbench.reference_model.prepared import Prepared

SETTINGS = Settings(components=6, faces="track")
SCRIPT = """
import sys
from pathlib import Path
from talkbench.reference_model.prepare import Settings, prepare

if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Path(sys.argv[2]), settings=Settings(components=6, faces="track"), workers=2,
            cache=Path(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """One speaker, two emotions, six short sentences each."""
    root = tmp_path_factory.mktemp("corpus")
    utterances = [
        Utterance("M003", emotion, level, sentence, syllables=1)
        for emotion, level in (("happy", 3), ("neutral", 1))
        for sentence in range(1, 7)
    ]
    write_corpus(root, utterances)
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Faces found once serve all tests here."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def prepared(corpus, cache, tmp_path_factory):
    """The corpus, prepared in this process."""
    steps = []
    out = tmp_path_factory.mktemp("work") / "prepared"
    done = prepare(corpus, out, settings=SETTINGS, cache=cache, progress=lambda *at: steps.append(at))
    assert steps == [("prepare", number, 12) for number in range(1, 13)]
    return done


def contents(folder):
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_what_a_clip_holds(prepared):
    clips = prepared.clips()
    assert [clip.id for clip in clips[:2]] == ["M003/happy/level_3/001", "M003/happy/level_3/002"]
    for clip in clips:
        count = clip.length
        assert clip.frames().shape == (count, 256, 256, 3)
        assert clip.frames().dtype == np.uint8
        assert (clip.landmarks.shape, clip.landmarks.dtype) == ((count, 68, 2), np.float32)
        assert (clip.matrix.shape, clip.matrix.dtype) == ((count, 2, 3), np.float32)
        samples = read_audio(clip.wav)
        assert len(samples) == 640 * count
        np.testing.assert_array_equal(clip.mfcc, mfcc(samples, count))
        assert clip.emotion == {"happy": 4, "neutral": 5}[clip.emotion_name]
        assert (clip.level, clip.speaker) == ({"happy": 3, "neutral": 1}[clip.emotion_name], "M003")
    assert len({clip.sentence for clip in clips}) == 6


def test_the_split_is_by_sentence(prepared):
    assert {clip.sentence for clip in prepared.clips("test")} == {"001", "006"}
    assert {clip.sentence for clip in prepared.clips("train")} == {"002", "003", "004", "005"}
    assert prepared.info["split"]["test"] == [clip.id for clip in prepared.clips("test")]
    assert prepared.clips(speaker="M004") == []
    assert prepared.info["warnings"] == prepared.info["failures"] == []


def test_the_pixels_lie_where_the_true_landmarks_do(prepared, corpus):
    """The demo knows its faces: its own landmarks, moved by the stored matrices, are near those found."""
    for clip in prepared.clips("test"):
        truth = np.load(
            corpus / "M003/landmarks/front" / clip.emotion_name / f"level_{clip.level}" / f"{clip.sentence}.npy"
        )
        there = truth[: clip.length] @ clip.matrix[:, :, :2].transpose(0, 2, 1) + clip.matrix[:, None, :, 2]
        assert np.hypot(*(there - clip.landmarks)[:, 27:].reshape(-1, 2).T).mean() < 3


def test_the_face_model_is_that_of_the_training_split(prepared):
    train = np.concatenate([clip.landmarks for clip in prepared.clips("train")])
    pca = prepared.pca("M003")
    np.testing.assert_allclose(
        pca.mean, (train.reshape(-1, 136).astype(np.float64).mean(axis=0) - 128) / 128, atol=1e-6
    )
    assert pca.components == 6
    said = prepared.info["speakers"]["M003"]
    assert said["oracle_lmd_px"]["train"] == pca.oracle_lmd(train)
    assert said["oracle_lmd_px"]["test"]["M-LMD"] > 0
    assert said["explained_variance"] == pca.explained.tolist()
    mean, std = prepared.cmvn("M003")
    heard = np.concatenate([clip.mfcc[12 : 12 + 4 * clip.length, 1:] for clip in prepared.clips("train")])
    np.testing.assert_allclose((heard - mean) / std @ np.eye(12) @ np.ones(12) / 12, 0, atol=4)
    np.testing.assert_allclose(((heard - mean) / std).mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(((heard - mean) / std).std(axis=0), 1, atol=1e-4)


def test_prep_json_names_every_file_with_its_hash(prepared):
    there = contents(prepared.folder)
    named = {"prep.json"}
    for clip_id, clip in prepared.info["clips"].items():
        files = {f"clips/{clip_id}/{name}": sha256 for name, sha256 in clip["files"].items()}
        if clip["truth"]:
            files[f"truth/{clip['path']}.mkv"] = clip["truth"]
        assert {name: there[name] for name in files} == files
        named |= {*files, f"clips/{clip_id}/clip.json"}
    speaker = prepared.info["speakers"]["M003"]
    assert there[speaker["file"]] == speaker["sha256"]
    assert there.keys() == named | {speaker["file"]}
    assert {"weights", "dlib", "numpy", "decoder"} <= prepared.info["config"]["versions"].keys()


def test_the_same_bytes_from_two_processes(prepared, corpus, cache, tmp_path):
    prepare(corpus, tmp_path / "out", settings=SETTINGS, workers=2, cache=cache)
    assert contents(tmp_path / "out") == contents(prepared.folder)


def test_done_clips_are_not_made_again_and_damaged_ones_are(prepared, corpus, cache, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(prepared.folder, out)
    clips = out / "clips/M003/happy/level_3"
    damaged, cut, gone = clips / "002/frames.npy", clips / "003/audio.wav", clips / "004/mfcc.npy"
    data = bytearray(damaged.read_bytes())
    data[5000] ^= 1
    damaged.write_bytes(data)
    cut.write_bytes(cut.read_bytes()[:100])
    gone.unlink()
    truth = out / "truth/M003/video/front/happy/level_3/006.mkv"
    truth.write_bytes(b"")
    before = {file: file.stat().st_ino for file in out.rglob("frames.npy")}
    prepare(corpus, out, settings=SETTINGS, cache=cache)
    assert contents(out) == contents(prepared.folder)
    remade = {file.parent.name for file, inode in before.items() if file.stat().st_ino != inode}
    assert remade == {"002", "003", "004", "006"}
    assert all("happy" in str(file) for file, inode in before.items() if file.stat().st_ino != inode)


def test_killed_and_continued(prepared, corpus, cache, tmp_path):
    """SIGKILL in the middle: workers end too, what was whole is kept, and the end is the same."""
    script, out = tmp_path / "script.py", tmp_path / "out"
    script.write_text(SCRIPT)
    arguments = [sys.executable, str(script), str(corpus), str(out), str(cache)]
    running = subprocess.Popen(
        arguments, start_new_session=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    )
    while not list(out.glob("clips/*/*/*/[0-9]*/clip.json")) and running.poll() is None:
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    while _alive(running.pid):
        time.sleep(0.05)
    kept = {file: file.stat().st_ino for file in out.glob("clips/*/*/*/[0-9]*/frames.npy")}
    assert kept
    with pytest.raises(TalkbenchError, match="not finished"):
        Prepared.load(out)
    prepare(corpus, out, settings=SETTINGS, cache=cache)
    assert contents(out) == contents(prepared.folder)
    assert {file: file.stat().st_ino for file in kept} == kept


def _alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_truth_is_lossless_and_pairs_by_itself(prepared, tmp_path):
    for clip in prepared.clips("test")[:1]:
        folder = (tmp_path / "same" / clip.path).with_suffix("")
        folder.mkdir(parents=True)
        for number, frame in enumerate(clip.frames()):
            cv2.imwrite(str(folder / f"{number:05d}.png"), frame[:, :, ::-1])
    done = talkbench(
        "score", "--gt", prepared.truth, "--gen", f"Same={tmp_path / 'same'}", "-o", tmp_path / "run", "--allow-missing"
    )
    assert done.code == 0, done.err
    results = Results.load(tmp_path / "run")
    assert results.clips["clip"].tolist() == [clip.id]
    assert results.clips["compared"].tolist() == [clip.length]
    assert results.clips["SSIM"].tolist() == pytest.approx([1.0])
    assert results.clips["PSNR"].tolist() == [np.inf]
    assert abs(len(read_audio(prepared.truth / f"{clip.path}.mkv")) - 640 * clip.length) < 1100


def test_clips_that_cannot_be_used_cost_only_themselves(corpus, cache, tmp_path):
    root = tmp_path / "corpus"
    shutil.copytree(corpus, root)
    happy = root / "M003/video/front/happy/level_3"
    silence = (np.zeros(16000, np.float32), 16000)
    write_video(happy / "002.mp4", faceless(25), fps=25, audio=silence)
    write_video(happy / "003.mp4", moving(25), fps=25)
    write_video(happy / "004.mp4", [*moving(8), *faceless(6), *moving(8)], fps=25, audio=silence)
    write_video(happy / "005.mp4", moving(25), fps=25)
    write_wav(happy / "005.wav", np.zeros(48000, np.float32))
    (happy / "006.mp4").write_bytes((happy / "001.mp4").read_bytes()[:3000])
    short = happy / "007.mp4"
    write_video(short, [*moving(8), *faceless(5), *moving(8)], fps=25, audio=silence)
    done = prepare(root, tmp_path / "out", settings=SETTINGS, cache=cache)
    said = {failure["clip"].rpartition("/")[2]: failure["reason"] for failure in done.info["failures"]}
    assert said.keys() == {"002", "003", "004", "005", "006"}
    assert "no face in 25 frames in a row" in said["002"]
    assert "has no sound, and there is no sound file beside it" in said["003"]
    assert "no face in 6 frames in a row, from frame 8 on" in said["004"]
    assert "picture lasts 1.00 s, its sound 3.00 s" in said["005"]
    for number, reason in said.items():
        assert "\n" not in reason
        assert f"{number}.mp4" in reason
    assert done.info["clips"]["M003/happy/level_3/007"]["filled_in"] == 5
    assert not list((tmp_path / "out").rglob("*.part"))


def test_a_clip_that_has_gone_bad_leaves_nothing_behind(prepared, corpus, cache, tmp_path):
    root, out = tmp_path / "corpus", tmp_path / "out"
    shutil.copytree(corpus, root)
    shutil.copytree(prepared.folder, out)
    (root / "M003/video/front/happy/level_3/001.mp4").write_bytes(b"no longer a video")
    done = prepare(root, out, settings=SETTINGS, cache=cache)
    assert [failure["clip"] for failure in done.info["failures"]] == ["M003/happy/level_3/001"]
    assert not (out / "clips/M003/happy/level_3/001").exists()
    assert sorted(file.stem for file in done.truth.rglob("*.mkv")) == ["001", "006", "006"]


def test_a_full_disk_is_one_line(corpus, cache, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np.lib.format, "open_memmap", full)
    with pytest.raises(TalkbenchError, match="No space left on device") as error:
        prepare(corpus, tmp_path / "out", settings=SETTINGS, cache=cache)
    assert "\n" not in str(error.value)


def test_other_settings_are_not_mixed_in(prepared, corpus, cache, tmp_path):
    with pytest.raises(TalkbenchError, match=r"prepared otherwise: settings\.components is 6 there and 16 here"):
        prepare(corpus, prepared.folder, settings=Settings(faces="track"), cache=cache)
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(TalkbenchError, match="not empty and not a prepared corpus"):
        prepare(corpus, tmp_path, settings=SETTINGS, cache=cache)
    other = tmp_path / "other"
    write_corpus(other, [Utterance("M003", "sad", 3, n, syllables=1) for n in (1, 2)])
    with pytest.raises(TalkbenchError, match="holds the clip M003/happy/level_3/001, which the corpus lacks"):
        prepare(other, prepared.folder, settings=SETTINGS, cache=cache)
    assert Prepared.load(prepared.folder).sha256 == prepared.sha256


def test_a_corpus_that_grew_is_prepared_further(corpus, cache, tmp_path):
    root, out = tmp_path / "corpus", tmp_path / "out"
    shutil.copytree(corpus / "M003/video/front/happy", root / "M003/video/front/happy")
    first = root / "M003/video/front/happy/level_3/001.mp4"
    first.rename(tmp_path / "001.mp4")
    held = prepare(root, out, settings=SETTINGS, cache=cache).info["split"]["test"]
    assert held == ["M003/happy/level_3/002"]
    (tmp_path / "001.mp4").rename(first)
    grown = prepare(root, out, settings=SETTINGS, cache=cache)
    assert grown.info["split"]["test"] == ["M003/happy/level_3/001", "M003/happy/level_3/006"]
    assert sorted(file.stem for file in grown.truth.rglob("*.mkv")) == ["001", "006"]


def test_too_few_frames_for_a_face_model(corpus, cache, tmp_path):
    happy = corpus / "M003/video/front/happy/level_3"
    for name in ("001.mp4", "002.mp4"):
        (tmp_path / f"M003_happy_3_{name}").symlink_to(happy / name)
    with pytest.raises(TalkbenchError, match="too few for a face model of 500 directions"):
        prepare(tmp_path, tmp_path / "out", settings=Settings(components=500, faces="track"), cache=cache)


def test_what_is_no_prepared_corpus_is_refused(tmp_path):
    with pytest.raises(TalkbenchError, match=r"holds no prep\.json"):
        Prepared.load(tmp_path)
    (tmp_path / "prep.json").write_text("{")
    with pytest.raises(TalkbenchError, match="cannot be read"):
        Prepared.load(tmp_path)
    (tmp_path / "prep.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(TalkbenchError, match="not of format 1"):
        Prepared.load(tmp_path)


@pytest.mark.skipif(not (MEDIA / "crema-d").is_dir(), reason="needs the real clips")
def test_real_clips_of_one_sentence(tmp_path):
    root = tmp_path / "crema-d"
    root.mkdir()
    for emotion in ("ANG", "HAP"):
        (root / f"1001_DFA_{emotion}_XX.flv").symlink_to(Path(MEDIA / f"crema-d/1001_DFA_{emotion}_XX.flv").resolve())
    with pytest.raises(TalkbenchError, match="--split clip"):
        prepare(root, tmp_path / "out", settings=SETTINGS, cache=tmp_path)
    settings = Settings(components=6, faces="track", split="none")
    done = prepare(root, tmp_path / "out", settings=settings, cache=tmp_path / "cache")
    assert [(clip.id, clip.level, clip.split) for clip in done.clips()] == [
        ("1001/angry/DFA", None, "train"),
        ("1001/happy/DFA", None, "train"),
    ]
    assert "nothing is held out" in done.info["warnings"][0]
    assert done.info["speakers"]["1001"]["oracle_lmd_px"]["test"] is None
