"""The description: every module once, shapes as they come out, counts that add up."""

import io
import json

import pytest

torch = pytest.importorskip("torch")
from rich.console import Console  # noqa: E402

from talkbench.bench.errors import TalkbenchError  # noqa: E402
from talkbench.reference_model.audio2landmarks import Audio2Landmarks  # noqa: E402
from talkbench.reference_model.describe import describe, render  # noqa: E402
from talkbench.reference_model.profiles import ROWS  # noqa: E402
from talkbench.reference_model.translator import Translator  # noqa: E402


def by_name(layers):
    found = {layer.name: layer for layer in layers}
    assert len(found) == len(layers)
    return found


def test_the_paper_s_networks():
    found = describe("paper", "ours")
    first, second = by_name(found.landmark_layers), by_name(found.frame_layers)
    assert (first[""].shape, first[""].parameters) == ((1, 16, 16), 10_634_712)
    assert (second[""].shape, second[""].parameters) == ((1, 3, 256, 256), 69_983_348)
    attention = first["msef.trunk.attention"]
    assert (attention.kind, attention.shape, attention.parameters) == ("ExternalAttention", (16, 13, 256), 164_608)
    keys = first["msef.trunk.attention.keys"]
    assert (keys.kind, keys.shape, keys.parameters) == ("Parameter", (64, 256), 64 * 256)
    assert first["lstm"].shape == (1, 16, 256)
    assert second["encoder.3"].shape == (1, 512, 16, 16)
    assert second["encoder"].shape is None  # it only holds the levels


@pytest.mark.parametrize("row", ROWS)
def test_every_module_and_every_parameter(row):
    found = describe("ci", row)
    assert (found.landmark_settings.net.msef is None) == (row in {"baseline", "baseline+joint", "no-msef"})
    assert found.frame_settings.net.cbam == (row in {"no-msef", "ours"})
    with torch.device("meta"):
        nets = (Audio2Landmarks(found.landmark_settings.net), Translator(found.frame_settings.net))
    for net, layers in zip(nets, (found.landmark_layers, found.frame_layers), strict=True):
        own = {layer.name for layer in layers if layer.kind != "Parameter"}
        assert own == {name for name, _ in net.named_modules()}
        leaves = [x for x in layers if not any(y.name.startswith(f"{x.name}.") for y in layers) and x.name]
        assert sum(layer.parameters for layer in leaves) == layers[0].parameters


def test_unknown_names_are_refused():
    with pytest.raises(TalkbenchError, match="--profile big: expected one of paper, gpu, cpu, ci"):
        describe("big")
    with pytest.raises(TalkbenchError, match=r"--row theirs: expected one of baseline, baseline\+joint"):
        describe("ci", "theirs")


@pytest.mark.parametrize(
    ("row", "loss"),
    [
        ("ours", "L_pca + 10 L_landmark + 10 L_lip + 10 L_ec"),
        ("no-msef", "L_pca + 10 L_landmark + 10 L_lip"),
        ("baseline", "L_pca"),
    ],
)
def test_json_and_table_say_the_same(row, loss):
    found = describe("ci", row)
    data = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    console = Console(file=io.StringIO(), width=110)
    console.print(render(found))
    lines = [line.strip() for line in console.file.getvalue().splitlines()]
    for layer in (*data["landmark_layers"], *data["frame_layers"]):
        (line,) = [line for line in lines if line.startswith(f"│ {layer['name'] or 'all'} ") and layer["kind"] in line]
        assert line.endswith(f" {layer['parameters']:,} │")
    assert f"Loss: {loss}" in lines
    assert "Loss: L1" in lines
