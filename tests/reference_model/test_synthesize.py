"""The way from sound and a face to a scored video, by the commands that a user types."""

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from clips import faceless, portrait
from command import talkbench

from talkbench.bench.errors import TalkbenchError
from talkbench.bench.results import Results
from talkbench.reference_model import checkpoint
from talkbench.reference_model.emotion import confusions, heard
from talkbench.reference_model.prepared import Prepared
from talkbench.reference_model.profiles import PROFILES, ROWS
from talkbench.reference_model.stages import net_file, task_for
from talkbench.reference_model.synthesize import face_in, reference_for
from talkbench.reference_model.talker import Reference, Talker
from talkbench.reference_model.training import Machine, train

OURS = ROWS["ours"]


@pytest.fixture(scope="module")
def nets(prepared, tmp_path_factory):
    """The folder of the networks of the row `ours`, trained as `ci` trains them."""
    folder = tmp_path_factory.mktemp("nets")
    for stage in ("landmarks", "frames"):
        command = ("model", "train", prepared.folder, "--stage", stage, "--profile", "ci", "-o", folder)
        assert talkbench(*command).code == 0
    return folder


@pytest.fixture(scope="module")
def talker(nets):
    return Talker(net_file(nets, OURS, "landmarks"), net_file(nets, OURS, "frames"))


def written(path: Path, image):
    assert cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return path


def test_a_folder_of_takes_is_scored_by_our_own_command_both_ways(prepared, nets, tmp_path):
    takes, run = tmp_path / "takes", tmp_path / "run"
    made = talkbench("model", "synthesize", "--checkpoint", nets, "--corpus", prepared.folder, "-o", takes)
    assert made.code == 0, made.err
    scored = talkbench(
        "score", "--gt", prepared.truth, "--gen", f"Ours={takes}", "-o", run, "--no-cache", "--workers", 1
    )
    assert scored.code == 0, scored.err
    clips = Results.load(run).clips.set_index("clip")
    assert sorted(clips.index) == sorted(clip.id for clip in prepared.clips("test"))
    for name in ("F-LMD-pred", "M-LMD-pred", "SSIM", "PSNR"):
        assert clips[name].notna().all(), name
    assert {"F-LMD", "M-LMD"} <= set(clips), "dlib may see no face yet in what so short a training makes"
    for clip in prepared.clips("test"):
        assert clips.loc[clip.id, "compared"] == clip.length
        # the bench's number is that of the file beside the video, against the landmarks that it finds in the truth
        predicted = np.load(takes / f"{clip.path}.landmarks.npy")
        apart = predicted - predicted.mean(axis=1, keepdims=True)
        apart -= clip.landmarks - clip.landmarks.mean(axis=1, keepdims=True)
        assert clips.loc[clip.id, "F-LMD-pred"] == pytest.approx(np.linalg.norm(apart, axis=2).mean(), abs=0.6)
    again = talkbench("model", "synthesize", "--checkpoint", nets, "--corpus", prepared.folder, "-o", takes)
    assert again.code == 0


def test_a_sound_and_a_picture_become_a_video_with_sound(prepared, nets, tmp_path):
    clip = prepared.clips("test")[0]
    face = written(tmp_path / "face.png", np.array(clip.frames()[0]))
    out = tmp_path / "out.mp4"
    done = talkbench(
        "model", "synthesize", "--checkpoint", nets, "--audio", clip.wav, "--image", face, "-o", out,
        "--frames", tmp_path / "frames",
    )  # fmt: skip
    assert done.code == 0, done.err
    landmarks = np.load(tmp_path / "out.landmarks.npy")
    assert landmarks.shape == (clip.length, 68, 2)
    assert 0 < landmarks.min() < landmarks.max() < 256
    assert heard(out).shape == (clip.length, 8)
    assert len(list((tmp_path / "frames").glob("*.png"))) == clip.length
    with av.open(str(out)) as video:
        assert sum(1 for _ in video.decode(video=0)) == clip.length
        assert abs(float(video.streams.audio[0].duration * video.streams.audio[0].time_base) - clip.length / 25) < 0.04


def test_not_exactly_one_face_is_one_line(tmp_path):
    one = portrait(256)
    cases = {"none": faceless(1)[0], "2": np.concatenate([one, one], axis=1)}
    for said, image in cases.items():
        with pytest.raises(TalkbenchError, match=f"expected exactly one face, found {said}"):
            face_in(written(tmp_path / "face.png", image))
    found = face_in(written(tmp_path / "face.png", one))
    assert found.image.shape == (256, 256, 3)
    assert found.landmarks.shape == (68, 2)


def test_a_clip_in_pieces_is_the_whole_clip(prepared, talker):
    clip = prepared.clips("test")[0]
    reference = reference_for(clip, prepared.clips("train"))
    whole, pieces = (talker.speak(clip.mfcc, reference, chunk=chunk) for chunk in (1000, 5))
    np.testing.assert_allclose(whole.landmarks, pieces.landmarks, atol=1e-3)
    np.testing.assert_allclose(whole.emotions, pieces.emotions, atol=1e-5)


def test_the_reference_is_of_the_same_emotion_and_of_another_clip(prepared):
    for clip in prepared.clips("test"):
        reference = reference_for(clip, prepared.clips("train"))
        alike = [one for one in prepared.clips("train") if one.emotion == clip.emotion]
        assert any(np.array_equal(reference.landmarks, one.landmarks[len(one.landmarks) // 2]) for one in alike)


def test_two_networks_that_do_not_go_together_are_refused(prepared, nets, tmp_path):
    landmarks, frames = (net_file(nets, OURS, stage) for stage in ("landmarks", "frames"))
    with pytest.raises(TalkbenchError, match="is of stage 'frames' where one of stage 'landmarks' is expected"):
        Talker(frames, frames)
    known = checkpoint.load(frames)
    known.config["speaker"] = "W009"
    checkpoint.save(tmp_path / "other.pt", known)
    with pytest.raises(TalkbenchError, match="speaker is 'W009' there and 'M003' here"):
        Talker(landmarks, tmp_path / "other.pt")
    task = task_for(prepared, "M003", PROFILES["ci"], OURS, "landmarks", seed=0)
    train(task, tmp_path / "part.pt", Machine(), max_seconds=0)
    with pytest.raises(TalkbenchError, match="is trained for 1 of"):
        Talker(tmp_path / "part.pt", frames)


def test_takes_of_other_networks_are_not_mixed(prepared, nets, tmp_path):
    takes = tmp_path / "takes"
    takes.mkdir()
    (takes / "M003.nets.json").write_text('{"landmarks": "0", "frames": "0"}')
    done = talkbench("model", "synthesize", "--checkpoint", nets, "--corpus", prepared.folder, "-o", takes)
    assert done.code == 2
    assert "holds takes of other networks" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--audio", "a.wav", "-o", "out.mp4"), "Expected either --audio WAV with --image FACE, or --corpus PREPARED"),
        (("--corpus", "p", "--image", "f.png", "-o", "out"), "Expected either --audio"),
        (("--audio", "a.wav", "--image", "f.png", "-o", "out.gif"), "expected a video, such as out.mp4"),
        (("--corpus", "p", "-o", "out", "--row", "best"), "expected one of baseline, baseline+joint"),
    ],
)
def test_a_wrong_command_is_one_line(nets, arguments, said):
    done = talkbench("model", "synthesize", "--checkpoint", nets, *arguments)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1


def test_confusions_count_clips_and_frames(tmp_path):
    def take(name, emotion, answers):
        chances = np.full((len(answers), 8), 0.1)
        chances[np.arange(len(answers)), answers] = 0.9
        names = ["angry", "contempt", "disgusted", "fear", "happy", "neutral", "sad", "surprised"]
        (tmp_path / f"{name}.emotions.json").write_text(
            json.dumps({"emotions": names, "probabilities": chances.tolist()})
        )
        return emotion, tmp_path / f"{name}.mkv"

    clips, frames = confusions([take("a", 0, [0, 0, 4]), take("b", 4, [6, 6, 4])])
    assert clips.counts[0, 0] == 1
    assert clips.counts[4, 6] == 1
    assert clips.accuracy == pytest.approx(1 / 2)
    assert frames.counts[4].tolist() == [0, 0, 0, 0, 1, 0, 2, 0]
    assert frames.accuracy == pytest.approx(3 / 6)
    assert confusions([])[0].accuracy is None


def test_a_reference_needs_a_training_clip_of_its_emotion(prepared):
    clip = prepared.clips("test")[0]
    with pytest.raises(TalkbenchError, match="no training clip that is angry"):
        reference_for(clip, [one for one in prepared.clips("train") if one.emotion != clip.emotion])


def test_what_is_made_on_one_thread_is_made_again(prepared, talker):
    torch.set_num_threads(1)
    clip = prepared.clips("test")[1]
    reference = reference_for(clip, prepared.clips("train"))
    assert isinstance(reference, Reference)
    one, other = (list(talker.frames(talker.speak(clip.mfcc, reference).landmarks, reference)) for _ in range(2))
    assert np.array_equal(one, other)
    assert Prepared.load(prepared.folder).sha256 == talker.prepared
