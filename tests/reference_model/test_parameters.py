"""The counts of the design: they pin the architecture. They come from the sources' layers, not from the code."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
from talkbench.reference_model.audio2landmarks import Audio2Landmarks, audio_convolutions, audio_mlp  # noqa: E402
from talkbench.reference_model.cbam import Cbam  # noqa: E402
from talkbench.reference_model.external_attention import ExternalAttention  # noqa: E402
from talkbench.reference_model.msef import Msef  # noqa: E402
from talkbench.reference_model.profiles import (  # noqa: E402
    PROFILES,
    ROWS,
    FrameNet,
    LandmarkNet,
    frame_settings,
    landmark_settings,
)
from talkbench.reference_model.translator import Translator  # noqa: E402

FULL = LandmarkNet()


@pytest.fixture(autouse=True)
def no_memory():
    with torch.device("meta"):
        yield


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (FULL, 10_634_712),
        (replace(FULL, msef="lite"), 2_431_256),
        (replace(FULL, msef=None), 2_231_440),
    ],
)
def test_stage_1(net, expected):
    assert count(Audio2Landmarks(net)) == expected


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (FrameNet(cbam=False), 69_860_736),
        (FrameNet(), 69_983_348),
        (FrameNet(ngf=32), 17_507_146),
        (FrameNet(ngf=16), 4_382_741),
    ],
)
def test_stage_2(net, expected):
    assert count(Translator(net)) == expected


def test_modules_of_stage_1():
    net, without = Audio2Landmarks(FULL), Audio2Landmarks(replace(FULL, msef=None))
    assert count(net.landmark_encoder) == 135_936
    assert count(audio_mlp()) == 119_168
    assert count(audio_convolutions()) == 27_571_264
    assert count(Msef("conv")) == 8_272_200
    assert count(Msef("lite")) == 68_744
    assert count(ExternalAttention(256)) == 164_608
    assert count(ExternalAttention(128)) == 49_536
    assert (count(net.lstm), count(without.lstm)) == (2_103_296, 1_972_224)
    assert count(net.out) == 4_112


def test_atvg_as_published():
    """Six components, convolutions with 256 outputs, no emotion: the network that stage 1 grew from."""
    net = Audio2Landmarks(replace(FULL, components=6, audio_encoder="conv"))
    wider = torch.nn.Linear(2048, 256)
    own = count(net) - count(net.msef) - count(net.audio_encoder[-2]) + count(wider)
    assert own == 30_071_750


@pytest.mark.parametrize(("channels", "expected"), [(64, 680), (128, 2_284), (256, 8_564), (512, 33_412)])
def test_cbam(channels, expected):
    assert count(Cbam(channels)) == expected


def shapes(module):
    return {name: tuple(value.shape) for name, value in module.state_dict().items()}


def test_cbam_is_all_that_aatu_adds():
    with_cbam, plain = shapes(Translator(FrameNet())), shapes(Translator(FrameNet(cbam=False)))
    assert plain.items() < with_cbam.items()
    added = {".".join(name.split(".")[:3]) for name in with_cbam.keys() - plain.keys()}
    assert len(added) == 8
    assert sum(count(module) for module in Translator(FrameNet()).modules() if isinstance(module, Cbam)) == 122_612


def test_msef_is_all_that_a_row_with_it_adds():
    full = shapes(Audio2Landmarks(FULL))
    joint = shapes(Audio2Landmarks(replace(FULL, msef=None)))
    assert {name for name in full if not name.startswith("msef.")} == set(joint)
    assert {name for name in joint if joint[name] != full[name]} == {"lstm.weight_ih_l0"}
    assert joint["lstm.weight_ih_l0"] == (1024, 640)
    assert full["lstm.weight_ih_l0"] == (1024, 768)


@pytest.mark.parametrize("profile", PROFILES)
def test_five_rows_need_three_networks_and_two(profile):
    first = {row.landmarks: landmark_settings(PROFILES[profile], row.landmarks) for row in ROWS.values()}
    second = {row.frames: frame_settings(PROFILES[profile], row.frames) for row in ROWS.values()}
    assert {name: settings.net.msef is not None for name, settings in first.items()} == {
        "pca-only": False,
        "joint": False,
        "full": True,
    }
    weights = {name: (settings.loss.landmark, settings.loss.lip, settings.loss.ec) for name, settings in first.items()}
    assert weights == {"pca-only": (0, 0, 0), "joint": (10, 10, 0), "full": (10, 10, 10)}
    # Every row hears the speech alike.
    assert len({settings.net.audio_encoder for settings in first.values()}) == 1
    assert {name: settings.net.cbam for name, settings in second.items()} == {"plain": False, "cbam": True}


@pytest.mark.parametrize(
    ("row", "networks"),
    [
        ("baseline", ("pca-only", "plain")),
        ("baseline+joint", ("joint", "plain")),
        ("no-msef", ("joint", "cbam")),
        ("no-aatu", ("full", "plain")),
        ("ours", ("full", "cbam")),
    ],
)
def test_networks_of_a_row(row, networks):
    assert (ROWS[row].landmarks, ROWS[row].frames) == networks


def test_the_paper_s_settings():
    paper = PROFILES["paper"]
    assert (paper.landmarks.schedule.learning_rate, paper.frames.schedule.learning_rate) == (1e-4, 1e-4)
    assert (paper.frames.net.size, paper.frames.net.ngf, paper.frames.loss.perceptual) == (256, 64, "vgg19")
    assert (paper.landmarks.frames, paper.landmarks.schedule.batch, paper.frames.schedule.batch) == (16, 16, 8)
