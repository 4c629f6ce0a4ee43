"""Training learns, can be interrupted anywhere without a trace, and refuses what it cannot go on with."""

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from talkbench.bench.errors import TalkbenchError
from talkbench.reference_model import checkpoint
from talkbench.reference_model.dataset import Share, segment_starts
from talkbench.reference_model.profiles import PROFILES, ROWS, Schedule, frame_settings, landmark_settings
from talkbench.reference_model.stages import FrameTask, LandmarkTask, task_for
from talkbench.reference_model.training import Machine, train

CI = PROFILES["ci"]
CPU = Machine()


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class OneClip:
    """A prepared corpus that has but one training clip."""

    def __init__(self, prepared):
        self._prepared = prepared
        self.sha256 = prepared.sha256

    def clips(self, split, speaker):
        return self._prepared.clips(split, speaker)[:1]

    def __getattr__(self, name):
        return getattr(self._prepared, name)


def distance(one, other):
    return float(np.linalg.norm(one - other, axis=2).mean())


def log(file: Path):
    with file.with_suffix(".csv").open(newline="") as handle:
        return [{name: float(value) for name, value in line.items()} for line in csv.DictReader(handle)]


def test_one_clip_is_learnt_to_the_floor_of_the_face_model(prepared, tmp_path):
    schedule = Schedule(epochs=150, batch=2, learning_rate=1e-3, gamma=0.98)
    settings = replace(landmark_settings(CI, "full"), schedule=schedule)
    task = LandmarkTask(OneClip(prepared), "M003", settings, seed=0)
    assert train(task, tmp_path / "landmarks-full.pt", CPU)
    clip, pca = prepared.clips("train", "M003")[0], prepared.pca("M003")
    one = task.batches(Share())
    windows = torch.from_numpy(one._windows[0])[None]
    task.module.eval()
    with torch.inference_mode():
        z, logits, _ = task.module(windows, torch.from_numpy(pca.project(clip.landmarks[:1])))
    floor = distance(pca.restore(pca.project(clip.landmarks)), clip.landmarks)
    assert distance(pca.restore(z[0].numpy()), clip.landmarks) < floor + 0.3
    assert (logits[0].argmax(dim=1) == clip.emotion).float().mean() > 0.9


def test_frames_come_five_times_closer_in_fewer_than_200_steps(prepared, tmp_path):
    settings = frame_settings(CI, "cbam")
    task = FrameTask(OneClip(prepared), "M003", settings, seed=0)
    epochs = 120 // task.batches(Share()).per_epoch
    task.schedule = replace(settings.schedule, epochs=epochs)
    with torch.inference_mode():
        first = float(task.losses(task.module, task.batches(Share())[0])["l1"])
    assert train(task, tmp_path / "frames-cbam.pt", CPU)
    lines = log(tmp_path / "frames-cbam.pt")
    assert np.mean([line["l1"] for line in lines[-3:]]) < first / 5
    assert lines[-1]["step"] <= 200


@pytest.mark.parametrize("stage", ["landmarks", "frames"])
def test_a_run_stopped_after_every_step_is_the_run_that_was_never_stopped(prepared, tmp_path, stage):
    def task():
        made = task_for(OneClip(prepared), "M003", CI, ROWS["ours"], stage, seed=3)
        made.schedule = replace(made.schedule, epochs=4 if stage == "landmarks" else 1)
        return made

    whole, pieces = tmp_path / "whole.pt", tmp_path / "pieces.pt"
    assert train(task(), whole, CPU)
    stops = 0
    while not train(task(), pieces, CPU, max_seconds=0):
        stops += 1
    assert stops == task().steps - 1
    one, other = checkpoint.load(whole), checkpoint.load(pieces)
    assert one.model.keys() == other.model.keys()
    for name, value in one.model.items():
        assert torch.equal(value, other.model[name]), name
    assert whole.with_suffix(".csv").read_bytes() == pieces.with_suffix(".csv").read_bytes()


def test_every_loss_term_is_in_the_log(prepared, tmp_path):
    task = task_for(prepared, "M003", CI, ROWS["ours"], "landmarks", seed=0)
    train(task, tmp_path / "net.pt", CPU)
    lines = log(tmp_path / "net.pt")
    assert lines[-1]["step"] == task.steps
    for line in lines:
        terms = line["pca"] + 10 * line["landmark"] + 10 * line["lip"] + 10 * line["ec"]
        assert line["total"] == pytest.approx(terms, rel=1e-5)
    assert lines[-1]["learning_rate"] == pytest.approx(CI.landmarks.schedule.learning_rate * 0.98**2)


def test_another_seed_makes_other_weights_and_the_same_seed_the_same(prepared, tmp_path):
    def weights(seed, name):
        train(task_for(prepared, "M003", CI, ROWS["baseline"], "landmarks", seed=seed), tmp_path / name, CPU)
        return checkpoint.load(tmp_path / name).model["out.weight"]

    assert torch.equal(weights(0, "a.pt"), weights(0, "b.pt"))
    assert not torch.equal(weights(0, "a.pt"), weights(1, "c.pt"))


def test_a_checkpoint_of_another_configuration_is_refused_and_the_difference_named(prepared, tmp_path):
    file = tmp_path / "net.pt"
    train(task_for(prepared, "M003", CI, ROWS["ours"], "landmarks", seed=0), file, CPU, max_seconds=0)
    other = replace(CI, landmarks=replace(CI.landmarks, frames=8))
    with pytest.raises(TalkbenchError, match=r"settings\.frames is 16 there and 8 here"):
        train(task_for(prepared, "M003", other, ROWS["ours"], "landmarks", seed=0), file, CPU)
    with pytest.raises(TalkbenchError, match=r"seed is 0 there and 1 here"):
        train(task_for(prepared, "M003", CI, ROWS["ours"], "landmarks", seed=1), file, CPU)


def test_a_file_with_code_in_it_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "owned",)

    torch.save({"format": 1, "config": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(TalkbenchError, match="not a checkpoint"):
        checkpoint.load(tmp_path / "evil.pt")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut short"])
def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "net.pt").write_bytes(content)
    with pytest.raises(TalkbenchError, match=r"net\.pt: is not a checkpoint"):
        checkpoint.load(tmp_path / "net.pt")
    with pytest.raises(TalkbenchError, match="does not exist"):
        checkpoint.load(tmp_path / "missing.pt")


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_what_was_saved(prepared, tmp_path):
    task = task_for(prepared, "M003", CI, ROWS["baseline"], "landmarks", seed=0)
    task.schedule = replace(task.schedule, epochs=20)
    task.losses = lambda module, batch: {"total": module(batch["windows"], batch["z_ref"])[0].sum() * math.nan}
    with pytest.raises(TalkbenchError, match="a loss is not finite"):
        train(task, tmp_path / "net.pt", CPU)
    assert not (tmp_path / "net.pt").exists()


def test_a_gpu_that_is_not_there_is_one_line(prepared, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is one")
    task = task_for(prepared, "M003", CI, ROWS["baseline"], "landmarks", seed=0)
    with pytest.raises(TalkbenchError, match="--device cuda: expected 1 GPU, found 0"):
        train(task, tmp_path / "net.pt", Machine("cuda", 1, "bf16-mixed"))


@pytest.mark.parametrize("kind", ["landmarks", "frames"])
def test_ranks_share_every_batch_and_an_epoch_shows_every_place(prepared, kind):
    task = task_for(prepared, "M003", CI, ROWS["ours"], kind, seed=1)
    whole, parts = task.batches(Share()), [task.batches(Share(rank, 2)) for rank in range(2)]
    seen = set()
    for step in range(whole.per_epoch):
        places, _ = whole._epochs.at(step)
        seen.update(places)
        split = [part._epochs.at(step)[0] for part in parts]
        assert sorted(map(repr, places)) == sorted(map(repr, split[0] + split[1]))
    assert seen == set(whole._epochs._places)
    name = "landmarks" if kind == "landmarks" else "frame"
    assert torch.equal(whole[5][name], task.batches(Share())[5][name])
    assert not torch.equal(whole[0][name], whole[whole.per_epoch][name])


@given(st.integers(0, 200), st.integers(1, 40))
def test_segments_cover_a_clip_and_never_leave_it(length, frames):
    starts = segment_starts(length, frames)
    assert bool(starts) == (length >= frames)
    covered = {frame for start in starts for frame in range(start, start + frames)}
    assert covered == (set(range(length)) if starts else set())
    assert len(starts) == (-(-length // frames) if starts else 0)
