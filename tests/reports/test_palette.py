"""Colours that stay apart for every eye: colour vision deficiency simulated as in Machado, Oliveira and Fernandes 2009.

The matrices are those of that paper at severity 1, on linear RGB; distances are CIELAB's (ΔE*ab, scikit-image).
"""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from skimage.color import rgb2lab

from talkbench.reports.palette import COLOURS, NEUTRAL_ON_WHITE, style_of, styles

EYES = {
    "typical": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def seen(colour, eye):
    rgb = np.clip(np.array(EYES[eye]) @ linear(colour), 0, 1)
    return rgb2lab(np.where(rgb <= 0.0031308, rgb * 12.92, 1.055 * rgb ** (1 / 2.4) - 0.055)[None, None])[0, 0]


@pytest.mark.parametrize("eye", EYES)
def test_any_two_methods_and_the_ground_truth_look_different(eye):
    for one, other in combinations((*COLOURS, NEUTRAL_ON_WHITE), 2):
        assert np.linalg.norm(seen(one, eye) - seen(other, eye)) > 15, (one, other)


def test_every_colour_can_be_read_on_paper():
    for colour in COLOURS:
        luminance = linear(colour) @ [0.2126, 0.7152, 0.0722]
        assert 1.05 / (luminance + 0.05) > 2


def test_a_methods_style_depends_on_its_place_alone_and_no_two_share_one():
    many = [style_of(index) for index in range(84)]
    assert len(set(many)) == 84
    assert styles(["a", "b"]) == {"a": many[0], "b": many[1]}
    assert [style.colour for style in many[:7]] == list(COLOURS)
