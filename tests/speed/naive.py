"""How labs score today: a whole clip in lists, dlib on colour frames, scikit-image, frame by frame, one thread."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import av
import dlib
import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from talkbench.bench.faces import weights_path


@dataclass(frozen=True)
class Scores:
    frames: int
    f_lmd: float
    m_lmd: float
    ssim: float
    psnr: float


@cache
def models():
    return dlib.get_frontal_face_detector(), dlib.shape_predictor(str(weights_path()))


def read(path):
    frames = []
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for frame in container.decode(video=0):
            frames.append(np.ascontiguousarray(frame.to_ndarray(format="rgb24")))
    return frames


def landmarks(frame):
    detector, predictor = models()
    boxes = detector(frame, 0) or detector(frame, 1)
    if not boxes:
        return np.full((68, 2), np.nan)
    shape = predictor(frame, boxes[0])
    return np.array([(shape.part(i).x, shape.part(i).y) for i in range(68)], float)


def distance(gt, gen):
    gt, gen = gt - gt.mean(axis=0), gen - gen.mean(axis=0)
    return np.linalg.norm(gt - gen, axis=1).mean()


def score(gt_path, gen_path):
    """Score one pair with the four metrics; of unequal lengths the shorter counts."""
    gt, gen = read(gt_path), read(gen_path)
    count = min(len(gt), len(gen))
    gt, gen = gt[:count], gen[:count]
    gt_points, gen_points = [landmarks(frame) for frame in gt], [landmarks(frame) for frame in gen]
    faces = list(zip(gt_points, gen_points, strict=True))
    ssims, psnrs = [], []
    for one, other in zip(gt, gen, strict=True):
        ssims.append(
            structural_similarity(
                one,
                other,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                data_range=255,
                channel_axis=2,
            )
        )
        psnrs.append(peak_signal_noise_ratio(one, other, data_range=255))
    return Scores(
        count,
        float(np.nanmean([distance(one, other) for one, other in faces])),
        float(np.nanmean([distance(one[48:], other[48:]) for one, other in faces])),
        float(np.mean(ssims)),
        float(np.mean(psnrs)),
    )
