"""Building: whatever research code wrote becomes one recipe that every browser plays and that names no method."""

import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import clips
import made_study
import numpy as np
import pytest
import study_rater
from command import talkbench
from sqlalchemy import select

from talkbench.bench.encode import write_video
from talkbench.bench.errors import MediaError, TalkbenchError
from talkbench.bench.study.build import build
from talkbench.bench.study.config import Stimuli
from talkbench.bench.study.schema import Slot, Stimulus
from talkbench.bench.study.stimuli import Facts, Source, check_playable, make, unblinding
from talkbench.bench.vocabulary import AS_IS

TONE = ((0.2 * np.sin(np.arange(9600) * 0.1)).astype(np.float32), 16_000)


def source(video: Path, sound: Path | None = None) -> Source:
    return Source("clip", "method", video, AS_IS, sound or video)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "size"),
    [("a.avi", "mpeg4", "yuv420p", 96), ("a.mkv", "ffv1", "bgr0", 96), ("a.mp4", "libx264", "yuv444p", 95)],
)
def test_formats_that_browsers_play_as_sound_alone_become_h264(tmp_path, name, codec, pix_fmt, size):
    frames = clips.moving(15, size=size)
    write_video(tmp_path / name, frames, fps=Fraction(30000, 1001), audio=TONE, codec=codec, pix_fmt=pix_fmt)
    made = make(source(tmp_path / name), Stimuli(), tmp_path / "out")
    file = tmp_path / "out" / made.file
    with av.open(str(file)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert sound.codec_context.name == "aac"
        assert float(video.average_rate) == pytest.approx(29.97, rel=2e-3)
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video)]
    assert len(decoded) == 15
    assert made.facts.width == made.facts.height == size + size % 2
    for shown, frame in zip(decoded, frames, strict=True):
        assert np.abs(shown[:size, :size].astype(int) - frame.astype(int)).mean() < 4


def test_the_file_holds_nothing_but_picture_and_sound(tmp_path):
    write_video(tmp_path / "secret-method.mp4", clips.moving(10, size=96), fps=25, audio=TONE)
    tagged = tmp_path / "tagged-secret-method.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", tmp_path / "secret-method.mp4", "-c", "copy", "-metadata",
         "title=secret-method", "-metadata", "comment=secret-method", tagged],
        check=True,
    )  # fmt: skip
    made = make(source(tagged), Stimuli(), tmp_path / "out")
    content = (tmp_path / "out" / made.file).read_bytes()
    assert b"secret-method" in tagged.read_bytes()
    assert b"secret" not in content
    assert b"Lavf" not in content
    assert b"method" not in made.file.encode()


def test_size_and_rate_can_be_made_the_same(tmp_path):
    for name, size, fps in (("a.mp4", 96, 25), ("b.mp4", 128, 30)):
        write_video(tmp_path / name, clips.moving(15, size=size), fps=fps, audio=TONE)
    facts = [make(source(tmp_path / n), Stimuli(size=64, fps=20), tmp_path / "out").facts for n in ("a.mp4", "b.mp4")]
    assert {(one.width, one.height, one.fps) for one in facts} == {(64, 64, 20.0)}


def test_a_silent_file_is_refused_unless_the_real_sound_is_used(tmp_path):
    silent = clips.write(tmp_path / "silent.mp4", clips.moving(10, size=96))
    write_video(tmp_path / "real.mp4", clips.moving(10, size=96), fps=25, audio=TONE)
    with pytest.raises(MediaError, match=r"silent\.mp4: has no sound.*stimuli\.sound"):
        make(source(silent), Stimuli(), tmp_path / "out")
    made = make(source(silent, tmp_path / "real.mp4"), Stimuli(sound="reference"), tmp_path / "out")
    assert made.facts.level_db == pytest.approx(20 * np.log10(0.2 / np.sqrt(2)), abs=0.5)


@pytest.mark.parametrize(("codec", "pix_fmt"), [("mpeg4", "yuv420p"), ("libx264", "yuv444p")])
def test_a_stimulus_that_a_browser_cannot_show_is_refused(tmp_path, codec, pix_fmt):
    file = tmp_path / "x.mp4"
    write_video(file, clips.moving(10, size=96), fps=25, audio=TONE, codec=codec, pix_fmt=pix_fmt)
    with pytest.raises(MediaError, match=r"x\.mp4: expected H\.264 in yuv420p with AAC.*found"):
        check_playable(file)
    silent = clips.write(tmp_path / "silent.mp4", clips.moving(5, size=96))
    with pytest.raises(MediaError, match="found h264, yuv420p"):
        check_playable(silent)


def test_an_mp4v_file_in_place_of_a_stimulus_is_refused_at_build(tmp_path_factory):
    study = made_study.copy(tmp_path_factory)
    stimulus = next((study / "stimuli").iterdir())
    write_video(stimulus, clips.moving(10, size=96), fps=25, audio=TONE, codec="mpeg4")
    with pytest.raises(MediaError, match=rf"{stimulus.name}: expected H\.264"):
        build(study)


def test_a_second_build_makes_no_video_twice_and_draws_the_same(tmp_path_factory):
    study = made_study.copy(tmp_path_factory)
    files = {file.name: file.stat().st_mtime_ns for file in (study / "stimuli").iterdir()}
    with made_study.database(study) as db, db.reading() as session:
        trials = [slot.trials for slot in session.scalars(select(Slot).order_by(Slot.seq))]
    (study / "stimuli" / "of-an-earlier-build.mp4").touch()
    build(study)
    assert files == {file.name: file.stat().st_mtime_ns for file in (study / "stimuli").iterdir()}
    with made_study.database(study) as db, db.reading() as session:
        assert trials == [slot.trials for slot in session.scalars(select(Slot).order_by(Slot.seq))]


def test_an_attention_check_shows_its_instruction_in_the_later_part_of_the_picture(tmp_path_factory):
    study = made_study.copy(tmp_path_factory)
    with made_study.database(study) as db, db.reading() as session:
        file = session.scalars(select(Stimulus.file).where(Stimulus.kind == "attention")).one()
    with av.open(str(study / "stimuli" / file)) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    panel = np.stack(frames)[:, -40:]
    share_black = (panel < 40).mean(axis=(1, 2))
    assert share_black[0] < 0.5
    assert (share_black[6:] > 0.6).all()
    assert ((panel[-1] > 200).mean()) > 0.02


def test_warnings_say_what_would_unblind_a_method():
    same = Facts(256, 256, 25.0, 3.0, -20.0)
    other = {
        "size": Facts(512, 512, 25.0, 3.0, -20.0),
        "frame rate": Facts(256, 256, 30.0, 3.0, -20.0),
        "loudness": Facts(256, 256, 25.0, 3.0, -26.0),
        "duration": Facts(256, 256, 25.0, 3.4, -20.0),
    }
    assert unblinding({("c", "A"): same, ("c", "B"): same, ("d", "A"): other["size"]}) == []
    for name, facts in other.items():
        (warning,) = unblinding({("c", "A"): same, ("c", "B"): facts, ("d", "A"): same, ("d", "B"): same})
        assert warning.startswith(f"{name} differs between the methods on 1 of 2 clips")
    (warning,) = unblinding({("c", "A"): same, ("c", "B"): Facts(256, 256, 25.0, 3.0, None)})
    assert "B silent" in warning


def test_build_says_in_one_line_what_is_missing(tmp_path):
    made_study.write_videos(tmp_path)
    (tmp_path / "study.toml").write_text(made_study.configuration(count=3))
    (tmp_path / "methods" / made_study.METHODS[1] / f"{made_study.CLIPS[1]}.mp4").unlink()
    outcome = talkbench("study", "build", tmp_path)
    assert outcome.code == 2
    assert outcome.err.strip().splitlines()[-1] == (
        f"talkbench: {tmp_path}/study.toml: clips.count is 3, but 2 clips are there under every method "
        f"(blurrynet has fewest). Lower it, or make the missing videos."
    )
    shutil.rmtree(tmp_path / "real")
    assert "real" in talkbench("study", "build", tmp_path).err


def test_a_study_that_has_raters_is_not_built_again(tmp_path_factory):
    study = made_study.copy(tmp_path_factory)
    with study_rater.visitor(study) as rater:
        rater.consent()
    with pytest.raises(TalkbenchError, match="1 rater has taken part already"):
        build(study)
