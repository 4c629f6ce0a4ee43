"""The voice: what is said, how each emotion sounds, and the mouth that goes with it."""

from fractions import Fraction
from math import ceil

import numpy as np
import pytest

from talkbench.baselines.mead import EMOTIONS
from talkbench.bench.demo.emotions import emotion_at
from talkbench.bench.demo.performance import perform
from talkbench.bench.demo.sentences import PHONES, sentence_phones
from talkbench.bench.demo.speakers import SPEAKERS
from talkbench.bench.demo.speech import SAMPLE_RATE, speak
from talkbench.bench.errors import TalkbenchError

SENTENCES = (1, 2, 3, 4)


def pitch_track(audio):
    """Fundamental frequency of the voiced 40 ms windows, Hz, by autocorrelation."""
    low, high, width = 60, 500, 640
    found = []
    for start in range(0, len(audio) - width, 160):
        window = audio[start : start + width].astype(float)
        window = (window - window.mean()) * np.hanning(width)
        spectrum = np.abs(np.fft.rfft(window, 2 * width)) ** 2
        correlation = np.fft.irfft(spectrum)[:width]
        if correlation[0] < width * 1e-5:
            continue
        lags = np.arange(SAMPLE_RATE // high, SAMPLE_RATE // low)
        # undo the window's own decay, so that long periods are not missed
        decay = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(width), 2 * width)) ** 2)[:width]
        strength = (correlation / decay)[lags] * decay[0] / correlation[0]
        first = np.flatnonzero(strength > 0.85 * strength.max())[0]
        if strength.max() > 0.6:
            best = first + np.argmax(strength[first : first + 12])
            found.append(SAMPLE_RATE / lags[best])
    return np.array(found)


def measures(speaker, emotion, level):
    """Mean pitch (semitones), its spread, energy (dB), duration (s) and share of power above 1.5 kHz while voiced."""
    rows = []
    for sentence in SENTENCES:
        audio, words = speak(speaker, emotion, level, sentence)
        pitch = 12 * np.log2(pitch_track(audio) / 100)
        frames = audio[: len(words) * 640].reshape(len(words), 640)[words.loudness > 0.6]
        power = np.abs(np.fft.rfft(frames * np.hanning(640))) ** 2
        hertz = np.fft.rfftfreq(640, 1 / SAMPLE_RATE)
        high = np.median(10 * np.log10(power[:, hertz > 1500].sum(axis=1) / power.sum(axis=1)))
        energy = 10 * np.log10((audio**2).mean())
        rows.append(
            (
                np.median(pitch),
                np.percentile(pitch, 80) - np.percentile(pitch, 20),
                energy,
                len(audio) / SAMPLE_RATE,
                high,
            )
        )
    return dict(zip(("pitch", "range", "energy", "seconds", "high"), np.mean(rows, axis=0), strict=True))


def test_sound_lasts_as_long_as_the_frames():
    for fps in (25, 30, Fraction(30000, 1001)):
        audio, words = speak("M003", "happy", 2, 5, fps=fps)
        assert audio.dtype == np.float32
        assert audio.ndim == 1
        assert len(audio) == round(len(words) / Fraction(fps) * SAMPLE_RATE)
        assert 0.02 < np.abs(audio).max() < 1.0


def test_the_words_do_not_depend_on_who_says_them_or_how():
    assert sentence_phones(7) == sentence_phones(7)
    assert sentence_phones(7) != sentence_phones(8)
    assert len({tuple(item.phone for item in sentence_phones(n)) for n in range(50)}) == 50
    vowels = [item.phone for item in sentence_phones(3, syllables=12) if item.phone in "aeiou"]
    assert len(vowels) == 12


def test_every_phone_has_a_mouth_or_leaves_it_to_its_neighbours():
    assert set("aeiou") <= set(PHONES)
    for phone in PHONES.values():
        for name in ("jaw", "width", "round", "tongue"):
            assert np.isnan(getattr(phone, name)) or -1 <= getattr(phone, name) <= 1


@pytest.mark.parametrize("speaker", ["M003", "W015"])
def test_each_voice_has_its_pitch(speaker):
    pitch = measures(speaker, "neutral", 1)["pitch"]
    assert pitch == pytest.approx(12 * np.log2(SPEAKERS[speaker].pitch_hz / 100), abs=1.5)


def test_emotions_can_be_told_apart_by_ear():
    heard = {emotion: measures("W009", emotion, 1 if emotion == "neutral" else 3) for emotion in EMOTIONS}
    neutral = heard["neutral"]
    for emotion in ("angry", "fear", "happy", "surprised"):
        assert heard[emotion]["pitch"] > neutral["pitch"] + 1.5, emotion
        assert heard[emotion]["energy"] > neutral["energy"] + 1.0, emotion
    assert heard["sad"]["pitch"] < neutral["pitch"] - 1.5
    assert heard["sad"]["energy"] < neutral["energy"] - 5
    assert heard["sad"]["range"] < neutral["range"] < heard["happy"]["range"]
    assert heard["fear"]["seconds"] < neutral["seconds"] < heard["disgusted"]["seconds"] < heard["sad"]["seconds"]
    assert heard["angry"]["high"] > neutral["high"] + 2 > heard["sad"]["high"] + 4


def test_a_level_more_is_more_of_it():
    angry = [measures("M030", "angry", level) for level in (1, 2, 3)]
    sad = [measures("M030", "sad", level) for level in (1, 2, 3)]
    for name in ("energy", "pitch"):
        assert sad[2][name] < sad[1][name] < sad[0][name] < angry[0][name] < angry[1][name] < angry[2][name], name
    assert sad[2]["high"] < angry[2]["high"] - 4
    assert sad[0]["seconds"] < sad[1]["seconds"] < sad[2]["seconds"]


def test_vowels_open_the_mouth_and_bilabials_close_it():
    """Frames in the middle of an /a/ are open, those in a /p/, /b/ or /m/ are shut, in whatever emotion."""
    for emotion in ("neutral", "surprised", "disgusted"):
        opened, shut = [], []
        for sentence in range(1, 13):
            _, words = speak("W009", emotion, 1, sentence)
            poses = perform(words, "W009", emotion, 1, sentence)
            opened += [pose.jaw for pose, loud in zip(poses, words.loudness, strict=True) if loud > 0.9]
            shut += [pose.jaw for pose, press in zip(poses, words.press, strict=True) if press > 0.55]
        assert len(shut) > 10
        assert max(shut) < 0.08
        assert np.mean(opened) > 0.3


def test_loudness_and_opening_go_together():
    audio, words = speak("M009", "neutral", 1, 11, syllables=14)
    level = np.sqrt((audio.reshape(len(words), -1) ** 2).mean(axis=1))
    assert np.corrcoef(level, words.jaw)[0, 1] > 0.5
    silent = words.loudness < 0.02
    assert level[silent].mean() < 0.5 * level[~silent].mean()


def test_emotions_can_be_told_apart_by_eye():
    def mean(emotion, name):
        level = 1 if emotion == "neutral" else 3
        _, words = speak("W011", emotion, level, 4)
        return float(np.mean([getattr(pose, name) for pose in perform(words, "W011", emotion, level, 4)]))

    assert (
        mean("surprised", "brow_left")
        > mean("fear", "brow_left")
        > mean("neutral", "brow_left")
        > mean("angry", "brow_left")
    )
    assert mean("sad", "corner_left") < mean("neutral", "corner_left") < mean("happy", "corner_left")
    assert mean("contempt", "corner_right") - mean("contempt", "corner_left") > 0.5
    assert mean("disgusted", "nose") > mean("angry", "nose") > mean("neutral", "nose")
    assert mean("surprised", "eye_left") > mean("neutral", "eye_left") > mean("sad", "eye_left")
    assert mean("angry", "pitch") > mean("neutral", "pitch") + 1


def test_unacted_keeps_the_words_and_drops_the_emotion():
    _, words = speak("M003", "happy", 3, 6)
    acted, plain = perform(words, "M003", "happy", 3, 6), perform(words, "M003", "happy", 3, 6, acted=False)
    assert [pose.jaw for pose in plain] == [pose.jaw for pose in acted]
    assert {pose.corner_left for pose in plain} == {0.0}
    assert min(pose.corner_left for pose in acted) > 0.6


@pytest.mark.parametrize(
    ("emotion", "level", "said"),
    [
        ("joyful", 1, "unknown emotion 'joyful': expected one of angry, "),
        ("neutral", 2, "'neutral' has no level 2: expected one of 1"),
        ("sad", 4, "'sad' has no level 4: expected one of 1, 2, 3"),
    ],
)
def test_unknown_emotions_and_levels_are_refused(emotion, level, said):
    with pytest.raises(TalkbenchError, match=said):
        emotion_at(emotion, level)


def test_length_follows_the_rate():
    (_, fast), (_, slow) = speak("W029", "fear", 3, 2), speak("W029", "sad", 3, 2)
    assert len(slow) > 1.4 * len(fast) > ceil(0.5 * len(slow))
