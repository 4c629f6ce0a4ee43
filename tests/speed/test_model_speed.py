"""The reference model: frames/s of training and inference in both stages, in turns with the networks they add to.

Stage 1 with MSEF is timed against stage 1 without it, AATU against the plain U-net without CBAM. On a GPU, where there
is one: in bfloat16, channels last and compiled, with the share of the roofline that each reaches. Nothing is asserted
of time. VGG-19 has random weights here, which cost what trained ones do.
"""

import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from talkbench.reference_model.audio2landmarks import Audio2Landmarks  # noqa: E402
from talkbench.reference_model.losses import frame_loss, joint_loss  # noqa: E402
from talkbench.reference_model.perceptual import load_perceptual  # noqa: E402
from talkbench.reference_model.profiles import PROFILES, frame_settings, landmark_settings  # noqa: E402
from talkbench.reference_model.raster import rasterise  # noqa: E402
from talkbench.reference_model.translator import Translator, to_images, to_tensor  # noqa: E402

FPS = 25
NAMES = ["ci", "cpu", "paper"]  # the networks of `gpu` are those of `paper`
TURNS = {"ci": 8, "cpu": 5, "paper": 2}
CUDA = torch.cuda.is_available()
LAST = torch.channels_last


def finish():
    if CUDA:
        torch.cuda.synchronize()


def timed(function):
    """Return a call's seconds by the clock and of all processors together."""
    finish()
    start, cpu = time.perf_counter(), time.process_time()
    function()
    finish()
    return time.perf_counter() - start, time.process_time() - cpu


def shown(rate):
    return f"{rate:.2f}" if rate < 10 else f"{rate:.0f}"


def compare(tables, what, on, frames, functions, *, turns, aim=""):
    """Time functions in turns, and report the last against the first."""
    for function in functions:
        function()
    seconds = [[timed(function) for function in functions] for _ in range(turns)]
    first, last = (min(turn[side][0] for turn in seconds) for side in (0, -1))
    cpu = min(turn[-1][1] for turn in seconds)
    ratio = statistics.median(turn[-1][0] / turn[0][0] for turn in seconds)
    tables.add("model", what, on, shown(frames / first), shown(frames / last), f"{ratio:.2f}", shown(frames / cpu), aim)
    return frames / last


def stage_1(name, net, device="cpu"):
    """Return the network, a step of training and a pass over 100 frames, and the frames of the step."""
    torch.manual_seed(0)
    settings = landmark_settings(PROFILES[name], net)
    model = Audio2Landmarks(settings.net).to(device)
    adam = torch.optim.Adam(model.parameters(), settings.schedule.learning_rate, settings.schedule.betas)
    batch, frames, components = settings.schedule.batch, settings.frames, settings.net.components
    windows, landmarks = torch.randn(batch, frames, 28, 12), torch.randn(batch, frames, 136)
    truth = [landmarks.to(device), (torch.arange(batch) % 8).to(device)]
    face = {"mean": torch.zeros(136, device=device), "basis": torch.eye(136, components, device=device)}
    given = [windows.to(device), torch.randn(batch, components, device=device)]
    clip = [torch.randn(1, 100, 28, 12, device=device), given[1][:1]]

    def train():
        model.train()
        z, logits, _ = model(*given)
        adam.zero_grad()
        joint_loss(z, logits, *truth, **face, loss=settings.loss)["total"].backward()
        adam.step()

    def infer():
        model.eval()
        with torch.inference_mode():
            model(*clip)

    return train, infer, batch * frames


def stage_2(name, net, *, batch, device="cpu", autocast=nullcontext, compiled=False, layout=LAST):
    """Return a step of training and the making of 8 frames from landmarks, as images."""
    torch.manual_seed(0)
    settings = frame_settings(PROFILES[name], net)
    size = settings.net.size
    model = Translator(settings.net).to(device, memory_format=layout)
    run: Callable = torch.compile(model) if compiled else model
    perceptual = load_perceptual("none" if settings.loss.perceptual == "none" else "random")
    perceptual = perceptual and perceptual.to(device, memory_format=layout)
    adam = torch.optim.Adam(model.parameters(), settings.schedule.learning_rate, settings.schedule.betas)
    rng = np.random.default_rng(0)
    real = to_tensor(rng.integers(0, 256, (batch, size, size, 3), np.uint8)).to(device)
    raster, reference = real.flip(3), real.flip(2)
    landmarks = rng.uniform(40, 216, (8, 68, 2)).astype(np.float32)

    def train():
        model.train()
        adam.zero_grad()
        with autocast():
            loss = frame_loss(run(raster, reference), real, perceptual, loss=settings.loss)["total"]
        loss.backward()
        adam.step()

    def infer():
        model.eval()
        drawings = to_tensor(rasterise(landmarks, size)).to(device)
        with torch.inference_mode(), autocast():
            to_images(run(drawings, reference[:1].expand(8, -1, -1, -1)))

    return train, infer


@pytest.mark.parametrize("name", NAMES)
def test_stage_1(tables, name):
    plain, ours = (stage_1(name, net) for net in ("joint", "full"))
    on = f"{name}: MSEF {PROFILES[name].landmarks.net.msef}"
    compare(tables, "stage 1, training", on, ours[2], [plain[0], ours[0]], turns=TURNS[name])
    compare(tables, "stage 1, inference", on, 100, [plain[1], ours[1]], turns=TURNS[name])


@pytest.mark.parametrize("name", NAMES)
def test_stage_2(tables, name):
    net = PROFILES[name].frames.net
    batch = 2 if name == "paper" else PROFILES[name].frames.schedule.batch
    plain, ours = (stage_2(name, kind, batch=batch) for kind in ("plain", "cbam"))
    on = f"{name}: ngf {net.ngf}, {net.size}²"
    compare(tables, "stage 2, training", on, batch, [plain[0], ours[0]], turns=TURNS[name])
    aim = f"{FPS} frames/s" if name == "cpu" else ""
    rate = compare(tables, "stage 2, inference", on, 8, [plain[1], ours[1]], turns=TURNS[name], aim=aim)
    tables.add("real time", "stage 2", on, f"{rate / FPS:.2f}", "1" if name == "cpu" else "")


def test_channels_last(tables):
    net = PROFILES["cpu"].frames.net
    first, last = (stage_2("cpu", "cbam", batch=8, layout=layout) for layout in (torch.contiguous_format, LAST))
    on = f"cpu: ngf {net.ngf}, {net.size}², AATU alone"
    compare(tables, "channels last for first, training", on, 8, [first[0], last[0]], turns=TURNS["cpu"])
    compare(tables, "channels last for first, inference", on, 8, [first[1], last[1]], turns=TURNS["cpu"])


def least_seconds(net, operations_per_s, bytes_per_s, *, width):
    """Return the roofline's time of a frame: each convolution waits for arithmetic or for memory, whichever is more.

    `width` is the bytes of a number. A layer reads its input and its weights and writes its output, once for a batch of
    8; what is not a convolution costs nothing, as if it were fused into one.
    """
    traffic = {}

    def note(module, given, made):
        numbers = made.numel() + sum(x.numel() for x in given) + sum(x.numel() for x in module.parameters())
        traffic[module] = width * numbers

    with torch.device("meta"):
        model = Translator(net).eval()
        leaves = {name: module for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
        for module in leaves.values():
            module.register_forward_hook(note)
        image = torch.empty(8, 3, net.size, net.size)
        with FlopCounterMode(display=False) as counter:
            model(image, image)
    work = counter.get_flop_counts()
    layers = ((sum(work[f"Translator.{name}"].values()), traffic[module]) for name, module in leaves.items())
    return sum(max(operations / operations_per_s, moved / bytes_per_s) for operations, moved in layers) / 8


def ceilings(device, dtype):
    """Return operations/s of a large product of matrices and bytes/s of a large copy, as measured here."""
    side = 8192 if device == "cuda" else 1024
    a = torch.randn(side, side, device=device, dtype=dtype)
    block = torch.empty(2**28 if device == "cuda" else 2**25, dtype=torch.uint8, device=device)
    copy = torch.empty_like(block)
    multiply, move = (
        min(timed(lambda: a @ a)[0] for _ in range(5)),
        min(timed(lambda: copy.copy_(block))[0] for _ in range(5)),
    )
    return 2 * side**3 / multiply, 2 * block.numel() / move


def test_roofline_of_a_layer():
    """The roofline is at least the arithmetic alone and at least the memory alone, and grows with neither's speed."""
    net = PROFILES["ci"].frames.net
    both = least_seconds(net, 1e9, 1e9, width=4)
    arithmetic, memory = least_seconds(net, 1e9, 1e99, width=4), least_seconds(net, 1e99, 1e9, width=4)
    assert max(arithmetic, memory) <= both <= arithmetic + memory
    assert least_seconds(net, 2e9, 2e9, width=4) == pytest.approx(both / 2)


def add_share(tables, on, rate, least):
    tables.add("roofline", "stage 2, inference", on, shown(rate), shown(1 / least), f"{least * rate:.0%}")


def test_share_of_the_roofline_on_the_processor(tables):
    name = "cpu"
    _, infer = stage_2(name, "cbam", batch=8)
    infer()
    seconds = min(timed(infer)[0] for _ in range(5)) / 8
    least = least_seconds(PROFILES[name].frames.net, *ceilings("cpu", torch.float32), width=4)
    add_share(tables, f"{name}, float32", 1 / seconds, least)


WAYS = {
    "float32": {"layout": torch.contiguous_format},
    "bfloat16": {"layout": torch.contiguous_format, "bf16": True},
    "bfloat16, channels last": {"bf16": True},
    "bfloat16, channels last, compiled": {"bf16": True, "compiled": True},
}


@pytest.mark.skipif(not CUDA, reason="no GPU on this machine")
@pytest.mark.parametrize("way", WAYS)
def test_on_a_gpu(tables, way):
    options = dict(WAYS[way])
    bf16 = options.pop("bf16", False)
    kind = torch.bfloat16 if bf16 else torch.float32
    autocast = (lambda: torch.autocast("cuda", kind)) if bf16 else nullcontext
    net = PROFILES["paper"].frames.net
    least = least_seconds(net, *ceilings("cuda", kind), width=kind.itemsize)
    made = {
        kind_of: stage_2("paper", kind_of, batch=16, device="cuda", autocast=autocast, **options)
        for kind_of in ("plain", "cbam")
    }
    on = f"{torch.cuda.get_device_name()}, paper, {way}"
    compare(tables, "stage 2, training", on, 16, [made["plain"][0], made["cbam"][0]], turns=10)
    makers = [made["plain"][1], made["cbam"][1]]
    rate = compare(tables, "stage 2, inference", on, 8, makers, turns=20, aim=f"{4 * FPS} frames/s")
    add_share(tables, on, rate, least)
    tables.add("real time", "stage 2", on, f"{rate / FPS:.2f}", "4")


@pytest.mark.skipif(not CUDA, reason="no GPU on this machine")
def test_stage_1_on_a_gpu(tables):
    plain, ours = (stage_1("paper", net, "cuda") for net in ("joint", "full"))
    on = f"{torch.cuda.get_device_name()}, paper"
    compare(tables, "stage 1, training", on, ours[2], [plain[0], ours[0]], turns=10)
    compare(tables, "stage 1, inference", on, 100, [plain[1], ours[1]], turns=10)
