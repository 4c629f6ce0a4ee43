"""Sound for the model: 16 kHz, mono, from whatever file holds it."""

from __future__ import annotations

import wave
from math import gcd
from pathlib import Path

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler
from scipy.signal import resample_poly

from ..bench.errors import MediaError
from ..bench.sound import read_sound
from .mfcc import SAMPLE_RATE

Samples = npt.NDArray[np.float32]
SUFFIXES = (".wav", ".m4a", ".aac", ".mp3", ".flac", ".ogg")
"""What a sound file beside a video may end in."""


def read_audio(file: Path) -> Samples:
    """Return a sound file's, or a video's, samples (N,) at 16 kHz, −1 to 1, mixed to mono.

    Raises MediaError where the file holds no sound or cannot be decoded.
    """
    try:
        with av.open(f"file:{file}", metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise MediaError(f"{file}: has no sound. Expected speech, such as a .wav or .m4a file.")
            stream = container.streams.audio[0]
            mono = AudioResampler(format="fltp", layout="mono", rate=stream.rate)
            frames = [*container.decode(stream), None]
            parts = [part.to_ndarray()[0] for frame in frames for part in mono.resample(frame)]
            rate = int(stream.rate)
    except av.error.FFmpegError as error:
        raise MediaError(f"{file}: cannot be decoded as sound ({error.strerror}). Make the file again.") from error
    except OSError as error:
        raise MediaError(f"{file}: cannot be read ({error.strerror}). Check the path and its permissions.") from error
    if not parts:
        raise MediaError(f"{file}: its sound is empty. Expected speech.")
    return at_16k(np.concatenate(parts), rate)


def clip_audio(video: Path, beside: Path | None) -> Samples:
    """Return the sound of a clip, (N,) at 16 kHz: the video's own, in time with its frames, or the file's beside it.

    Raises MediaError where there is neither.
    """
    own = read_sound(video)
    if own is not None:
        return at_16k(*own)
    if beside is None:
        raise MediaError(
            f"{video}: has no sound, and there is no sound file beside it. Expected MEAD's "
            "audio/<emotion>/level_n/NNN.m4a, or a file of the same name, such as NNN.wav."
        )
    return read_audio(beside)


def at_16k(samples: npt.NDArray[np.floating], rate: int) -> Samples:
    """Return samples (N,) at 16 kHz on the steps of a 16-bit file, so that a written file is heard as the original was.

    >>> at_16k(np.array([0.0, 0.25]), 16000)
    array([0.  , 0.25], dtype=float32)
    """
    common = gcd(rate, SAMPLE_RATE)
    if rate != SAMPLE_RATE:
        samples = resample_poly(samples.astype(np.float64), SAMPLE_RATE // common, rate // common)
    return (_steps(samples) / np.float32(32768)).astype(np.float32)


def write_wav(file: Path, samples: Samples) -> None:
    """Write samples (N,) at 16 kHz as a 16-bit .wav file."""
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(SAMPLE_RATE)
        sound.writeframes(_steps(samples).astype("<i2").tobytes())


def _steps(samples: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return np.clip(np.round(samples * 32768), -32768, 32767)
