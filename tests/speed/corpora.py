"""What the benchmarks score: demo clips at any size, number and length, and real clips where the machine has them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from itertools import chain, cycle, islice
from pathlib import Path

import clips

from talkbench.bench.demo.corpus import corpus
from talkbench.bench.demo.methods import take_path, write_methods
from talkbench.bench.encode import write_video
from talkbench.bench.video import read_frames

METHODS = ("blurred", "re-encoded")


@dataclass(frozen=True)
class Corpus:
    """Ground truth and two methods: flat folders in which a clip has one name. `size` is every frame's side in px."""

    name: str
    root: Path
    size: int

    @property
    def gt(self):
        return self.root / "real"

    def gen(self, method):
        return self.root / method

    def pairs(self, method):
        return [(file, self.gen(method) / file.name) for file in sorted(self.gt.iterdir())]


def demo(root, *, size, count):
    """Write `count` demo clips of some two seconds and two methods' takes of them."""
    utterances = corpus(count)
    write_methods(root / "made", utterances, methods=METHODS, ground_truth=root / "truth", size=size)
    for utterance in utterances:
        for method in METHODS:
            _place(take_path(root / "made", method, utterance), root / method / f"{utterance.name}.mp4")
        _place(root / "truth" / utterance.path(), root / "real" / f"{utterance.name}.mp4")
    shutil.rmtree(root / "made")
    shutil.rmtree(root / "truth")
    return Corpus(f"demo {size}²", root, size)


def repeated(source, root, *, times):
    """The same clips again and again, under new names."""
    for folder in ("real", *METHODS):
        for number in range(times):
            for file in sorted((source.root / folder).iterdir()):
                _place(file, root / folder / f"{number:03d}-{file.name}", copy=True)
    return Corpus(f"{source.name} ×{times}", root, source.size)


def lengthened(source, root, *, frames):
    """One clip, swung to and fro until it is `frames` long."""
    for folder in ("real", METHODS[0]):
        file = min((source.root / folder).iterdir())
        shown = list(read_frames(file, source_rate=None, rate=None))
        swing = chain(shown, reversed(shown[1:-1]))
        _write(root / folder / "clip.mp4", islice(cycle(swing), frames))
    return Corpus(f"{source.name}, {frames} frames", root, source.size)


def real_pair(root):
    """EDTalk's published pair: 250 frames at 256²; its second method is the first, re-encoded."""
    folder = clips.MEDIA / "pairs" / "edtalk_lip_pose"
    return _real(root, "real pair 256²", folder / "real_lip_source.mp4", folder / "gen.mp4", size=256, frames=250)


def real_clip(root):
    """A clip of HDTF at 512², against two encodings of itself."""
    clip = clips.MEDIA / "hdtf" / "WDA_KatieHill_000.mp4"
    return _real(root, "real clip 512²", clip, clip, size=512, frames=75)


def _real(root, name, gt, gen, *, size, frames):
    for file, folder, crf in ((gt, "real", 14), (gen, METHODS[0], 23), (gen, METHODS[1], 32)):
        _write(root / folder / "clip.mp4", islice(read_frames(file, source_rate=None, rate=None), frames), crf)
    return Corpus(name, root, size)


def _write(path, frames, crf=18):
    write_video(path, frames, fps=25, crf=crf)


def _place(file, to, *, copy=False):
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, to) if copy else file.rename(to)
