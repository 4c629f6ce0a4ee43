"""LPIPS and DISTS: how different two frames look to a network trained on photographs. Lower is better, 0 for the same.

    LPIPS   squared differences of AlexNet's unit-length features at five depths, weighted by what people said (v0.1):
            the `lpips` package, whose wheel carries the five sets of weights; AlexNet itself is torchvision's file
    DISTS   how little means and covariances of VGG16's features agree at five depths and in the picture: piq's form of
            it, with α and β of the package DISTS_pytorch; VGG16 itself is torchvision's file. The shorter side is
            scaled to 256 px where it is longer
A clip's value is the mean over its frames.

Source: Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018 (LPIPS); Ding
et al., "Image quality assessment: unifying structure and texture similarity", IEEE TPAMI 44(5), 2022 (DISTS).
Weights: alexnet-owt-7be5be79.pth and vgg16-397923af.pth of pytorch.org, by path.
Cannot see: small errors of great effect, such as closed lips; neither network was trained on faces.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

from .contract import Frame, Metric, mean_of_frames
from .frames import check_frames
from .torch_weights import fitted, read_state

if TYPE_CHECKING:
    import torch

Distance = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
"""Takes two (1, 3, H, W), values 0 to 1."""
_DEPTHS = ("3", "8", "15", "22", "29")
_CHANNELS = (3, 64, 128, 256, 512, 512)


def lpips(gt: Frame, gen: Frame, *, weights: str) -> float:
    """Return the LPIPS of two frames (H, W, 3), with AlexNet's weights in a file."""
    return _between(gt, gen, load_lpips(weights), at_least=32)


def dists(gt: Frame, gen: Frame, *, weights: str) -> float:
    """Return the DISTS of two frames (H, W, 3), with VGG16's weights in a file."""
    return _between(gt, gen, load_dists(weights), at_least=32)


def _between(gt: Frame, gen: Frame, distance: Distance, *, at_least: int) -> float:
    import torch

    check_frames(gt, gen, at_least=at_least)
    with torch.inference_mode():
        one, other = (torch.from_numpy(frame.copy()).permute(2, 0, 1)[None].float() / 255 for frame in (gt, gen))
        return max(0.0, float(distance(one, other)))


@lru_cache(maxsize=1)
def load_lpips(weights: str) -> Distance:
    """Load AlexNet into LPIPS. Raises ValueError in words where the file is another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package asks torchvision in a way that it calls outdated
        import lpips as package

        network = package.LPIPS(net="alex", pnet_rand=True, verbose=False)
    # The package spreads torchvision's `features.N` over five slices.
    places = {f"features.{name.split('.', 1)[1]}": f"net.{name}" for name, _ in network.net.named_parameters()}
    state = {places[name]: value for name, value in read_state(weights).items() if name in places}
    learnt = {name: value for name, value in network.state_dict().items() if not name.startswith("net.")}
    fitted(network, learnt | state, "torchvision's AlexNet")

    def distance(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = network(one, other, normalize=True)
        return found

    return distance


@lru_cache(maxsize=1)
def load_dists(weights: str) -> Distance:
    """Load VGG16 into DISTS. Raises ValueError in words where the file is another."""
    import piq
    import torch
    from piq.perceptual import ContentLoss
    from torchvision.models import vgg16

    network = vgg16(weights=None, init_weights=False).features
    state = {name.removeprefix("features."): value for name, value in read_state(weights).items()}
    fitted(network, state, "torchvision's VGG16")
    spread = [part / _agreed().sum() for part in _agreed()]
    shares = [piece for part in spread for piece in torch.split(part, list(_CHANNELS), dim=1)]
    distance = piq.DISTS.__new__(piq.DISTS)  # whose constructor would download both files
    ContentLoss.__init__(
        distance,
        feature_extractor=network,
        layers=_DEPTHS,
        weights=shares,
        replace_pooling=True,
        normalize_features=False,
        allow_layers_weights_mismatch=True,
    )
    return cast(Distance, distance)


def _agreed() -> torch.Tensor:
    """Return α and β (2, 1, 1475, 1, 1), which the package's wheel carries; it is found, and not imported."""
    import torch

    package = find_spec("DISTS_pytorch")
    folders = (package.submodule_search_locations or ()) if package else ()
    file = next(path for path in (Path(folder, "weights.pt") for folder in folders) if path.is_file())
    learnt = torch.load(file, map_location="cpu", weights_only=True)
    return torch.stack([learnt["alpha"], learnt["beta"]])


def _metric(
    name: str,
    function: Callable[..., float],
    load: Callable[[str], object],
    kind: str,
    libraries: tuple[str, ...],
    definition: str,
    source: str,
) -> Metric:
    return Metric(
        name=name,
        per_frame=function,
        frame_value=name,
        needs="frames",
        better="lower",
        unit="",
        decimals=3,
        version="1",
        definition=definition,
        source=source,
        perfect=0.0,
        clip=mean_of_frames,
        weights=kind,
        load=load,
        libraries=libraries,
    )


LPIPS = _metric(
    "LPIPS",
    lpips,
    load_lpips,
    "alexnet",
    ("torch", "torchvision", "lpips"),
    "distance of AlexNet's features, weighted by people's judgements, v0.1, of the frame at its own size",
    "Zhang et al., CVPR 2018, by the lpips package",
)
DISTS = _metric(
    "DISTS",
    dists,
    load_dists,
    "vgg16",
    ("torch", "torchvision", "piq", "DISTS_pytorch"),
    "1 − agreement of means and covariances of VGG16's features, α and β as published",
    "Ding et al., IEEE TPAMI 44(5), 2022, by piq",
)
