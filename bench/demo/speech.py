"""A small formant synthesiser, and the mouth movements that go with what it says.

The voice is a train of glottal pulses (Rosenberg 1971) with jitter, shimmer and breath, through four resonators in
cascade (Klatt 1980) whose frequencies glide from phone to phone; stops are silences with a burst, fricatives are
shaped noise. Everything is drawn from the names of speaker, emotion, level and sentence, so it is always the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter, sosfilt

from .emotions import Emotion, emotion_at
from .sentences import PHONES, Spoken, rng_for, sentence_phones
from .speakers import Speaker, speaker_named

SAMPLE_RATE = 16000
"""Hz; mono."""

Track = npt.NDArray[np.float64]
Audio = npt.NDArray[np.float32]

_STEP = 80  # samples per control step: 5 ms
_CONTROL_HZ = SAMPLE_RATE // _STEP
_BANDWIDTHS = (70.0, 95.0, 150.0, 220.0)
_LOUDNESS = 0.45  # puts a neutral sentence near -30 dB full scale, an angry one near -18


@dataclass(frozen=True)
class Articulation:
    """What the mouth does, one value per video frame, (T,) each, taken at the middle of the frame's time.

    `jaw`, `width`, `round`, `press`, `tongue` and `lower_lip` as in `Pose`; `loudness` is the voice's amplitude
    (0 to about 1) and `stress` the stress of the syllable (0 to 1).
    """

    jaw: Track
    width: Track
    round: Track
    press: Track
    tongue: Track
    lower_lip: Track
    loudness: Track
    stress: Track

    def __len__(self) -> int:
        return len(self.jaw)


@dataclass(frozen=True)
class _Score:
    """The sentence on the control clock (200 Hz): which phone is spoken (K,), and each phone's start and end step."""

    spoken: list[Spoken]
    phone: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]

    def steps(self, name: str) -> Track:
        """A phone property as a staircase (K,); NaN where the phone leaves it open."""
        return np.array([getattr(PHONES[item.phone], name) for item in self.spoken], dtype=np.float64)[self.phone]


def _filled(track: Track) -> Track:
    known = np.flatnonzero(~np.isnan(track))
    return np.interp(np.arange(len(track)), known, track[known])


def _smooth(track: Track, seconds: float) -> Track:
    return np.asarray(gaussian_filter1d(track, seconds * _CONTROL_HZ, mode="nearest"), dtype=np.float64)


def _score(spoken: list[Spoken], rate: float, frame: Fraction, rng: np.random.Generator) -> tuple[_Score, int]:
    """Lay the phones out in time; also the number of video frames, each `frame` seconds long, that hold them."""
    seconds = np.array([PHONES[item.phone].seconds * item.stretch for item in spoken]) / rate
    seconds *= rng.uniform(0.93, 1.07, len(seconds))
    frames = ceil(seconds.sum() / frame)
    total = ceil(frames * frame * _CONTROL_HZ)
    ends = np.round(np.cumsum(seconds) * _CONTROL_HZ).astype(np.int64)
    ends[-1] = total
    starts = np.concatenate([[0], ends[:-1]])
    return _Score(spoken, np.repeat(np.arange(len(spoken)), ends - starts), starts), frames


def _articulate(score: _Score, manner: Emotion, frames: int, frame: Fraction) -> Articulation:
    shut = np.clip(_smooth(score.steps("shut"), 0.022) * 1.35, 0, 1)
    spread = np.array([item.stress for item in score.spoken])[score.phone]
    jaw = _smooth(_filled(score.steps("jaw")) * (0.8 + 0.25 * spread), 0.036) * manner.mouth
    tracks = {
        "jaw": np.clip(jaw, 0, 1) * (1 - shut),
        "width": _smooth(_filled(score.steps("width")), 0.045) * (0.6 + 0.4 * manner.mouth),
        "round": _smooth(_filled(score.steps("round")), 0.045) * (0.6 + 0.4 * manner.mouth),
        "press": 0.6 * shut,
        "tongue": np.clip(_smooth(_filled(score.steps("tongue")), 0.03), 0, 1),
        "lower_lip": _smooth(score.steps("lower_lip"), 0.03),
        "loudness": _smooth(score.steps("voice"), 0.03),
        "stress": _smooth(spread, 0.06),
    }
    middles = (np.arange(frames) + 0.5) * float(frame) * _CONTROL_HZ
    clock = np.arange(len(score.phone)) + 0.5
    return Articulation(**{name: np.interp(middles, clock, track) for name, track in tracks.items()})


def _pitch(score: _Score, speaker: Speaker, manner: Emotion, rng: np.random.Generator) -> Track:
    """Fundamental frequency in Hz on the control clock."""
    count = len(score.phone)
    place = np.arange(count) / count
    stress = _smooth(np.array([item.stress for item in score.spoken])[score.phone], 0.05)
    accents = _smooth(np.repeat(rng.normal(0, 1, count // 30 + 1), 30)[:count], 0.12)
    semitones = (
        manner.pitch + manner.pitch_range * (3.2 * (stress - 0.45) + 1.1 * accents) + manner.rise * (place - 0.5)
    )
    shiver = manner.tremble * 0.6 * np.sin(2 * np.pi * 6.5 * np.arange(count) / _CONTROL_HZ + rng.uniform(0, 6))
    return np.asarray(speaker.pitch_hz * 2 ** ((semitones + shiver) / 12), dtype=np.float64)


def _glottal(pitch: Track, voice: Track, manner: Emotion, rng: np.random.Generator) -> Track:
    """The voice source: the slope of Rosenberg pulses, with jitter and shimmer, softened by the emotion's tilt."""
    count = len(pitch) * _STEP
    clock = np.arange(count) / _STEP - 0.5
    cycles = np.cumsum(np.interp(clock, np.arange(len(pitch)), pitch)) / SAMPLE_RATE
    periods = int(cycles[-1]) + 2
    wobble = 0.006 + 0.014 * manner.tremble
    marks = np.arange(periods + 1) + rng.normal(0, wobble, periods + 1)
    phase = np.interp(cycles, marks, np.arange(periods + 1))
    number = np.floor(phase).astype(np.int64)
    shimmer = 1 + rng.normal(0, 0.04 + 0.06 * manner.tremble, periods + 1)
    within = phase - number
    rising, falling = 0.42, 0.12
    pulse = np.where(within < rising, 0.5 * (1 - np.cos(np.pi * within / rising)), 0.0)
    closing = (within >= rising) & (within < rising + falling)
    pulse = np.where(closing, np.cos(0.5 * np.pi * (within - rising) / falling), pulse)
    slope = np.diff(pulse, prepend=0.0) * SAMPLE_RATE / 100.0 / pitch.mean()
    breath = rng.normal(0, 1, count) * (0.002 + 0.006 * manner.breath) * (0.4 + pulse)
    amplitude = np.interp(clock, np.arange(len(voice)), voice)
    raw = (slope * shimmer[number % len(shimmer)] + breath) * amplitude
    keep = np.exp(-2 * np.pi * 900.0 / SAMPLE_RATE)
    low = lfilter([1 - keep], [1, -keep], raw)
    return np.asarray(low + (raw - low) * 10 ** ((9 * manner.bright + 3) / 20), dtype=np.float64)


def _resonator(hertz: Track, bandwidth: Track) -> Track:
    """Second-order sections (N, 6) with unit gain at 0 Hz."""
    radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
    b = 2 * radius * np.cos(2 * np.pi * hertz / SAMPLE_RATE)
    c = -(radius**2)
    zero, one = np.zeros_like(b), np.ones_like(b)
    return np.stack([1 - b - c, zero, zero, one, -b, -c], axis=1)


def _filtered(signal: Track, sections: Track) -> Track:
    """Pass a signal through sections (K, S, 6) that change with every control step."""
    state = np.zeros((sections.shape[1], 2))
    out = np.empty_like(signal)
    for k, section in enumerate(sections):
        block = slice(k * _STEP, (k + 1) * _STEP)
        out[block], state = sosfilt(section, signal[block], zi=state)
    return out


def _voiced(score: _Score, speaker: Speaker, manner: Emotion, rng: np.random.Generator) -> Track:
    stress = np.array([item.stress for item in score.spoken])[score.phone]
    voice = _smooth(score.steps("voice") * (0.75 + 0.3 * stress), 0.012)
    source = _glottal(_pitch(score, speaker, manner, rng), voice, manner, rng)
    table = np.array([PHONES[item.phone].formants for item in score.spoken])[score.phone]
    formants = [_smooth(_filled(table[:, n]), 0.022) * speaker.tract for n in range(3)]
    formants.append(np.full(len(score.phone), 3500.0 * speaker.tract))
    rows = [_resonator(hertz, np.full(len(hertz), band)) for hertz, band in zip(formants, _BANDWIDTHS, strict=True)]
    return _filtered(source, np.stack(rows, axis=1))


def _hissed(score: _Score, manner: Emotion, rng: np.random.Generator) -> Track:
    count = len(score.phone)
    level = score.steps("hiss")
    for index, item in enumerate(score.spoken):
        if PHONES[item.phone].burst:  # silence until the last 20 ms, then the release
            end = score.starts[index + 1] if index + 1 < len(score.starts) else count
            level[score.starts[index] : max(score.starts[index], end - 4)] = 0.0
    level = _smooth(level, 0.006) * (1 + 0.25 * manner.bright)
    noise = rng.normal(0, 1, count * _STEP) * np.interp(np.arange(count * _STEP) / _STEP - 0.5, np.arange(count), level)
    centre = np.minimum(_smooth(score.steps("hiss_hz"), 0.01), 7200.0)
    sections = _resonator(centre, 0.16 * centre)
    sections[:, 1], sections[:, 2] = 0.0, -sections[:, 0]  # a zero at 0 Hz and one at half the sampling rate
    gain = np.abs(1 - np.exp(-np.pi * 0.16 * centre / SAMPLE_RATE)) / np.abs(sections[:, 0])
    sections[:, :3] *= gain[:, None]
    return _filtered(noise, sections[:, None, :])


def speak(
    speaker: Speaker | str,
    emotion: str,
    level: int,
    sentence: int,
    *,
    fps: Fraction | int = 25,
    syllables: int | None = None,
) -> tuple[Audio, Articulation]:
    """Say a sentence.

    Returns the sound, float32 (N,) at 16 kHz, -1 to 1, and the mouth's movements, one value per frame at `fps`. The
    sound lasts as long as the frames, to the nearest sample. Louder emotions are louder: nothing is normalised.
    """
    speaker = speaker_named(speaker) if isinstance(speaker, str) else speaker
    manner, frame = emotion_at(emotion, level), 1 / Fraction(fps)
    rng = rng_for("speech", speaker.id, emotion, level, sentence)
    score, frames = _score(sentence_phones(sentence, syllables=syllables), manner.rate, frame, rng)
    voiced, hissed = _voiced(score, speaker, manner, rng), _hissed(score, manner, rng)
    gain = _LOUDNESS * 10 ** (manner.energy / 20)
    sound = np.tanh(gain * (voiced + 0.2 * hissed))
    sound += rng.normal(0, 5e-5, len(sound))
    count = round(frames * frame * SAMPLE_RATE)
    sound = np.pad(sound[:count], (0, max(0, count - len(sound))))
    return sound.astype(np.float32), _articulate(score, manner, frames, frame)
