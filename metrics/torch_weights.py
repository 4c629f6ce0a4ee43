"""Weights for PyTorch: only tensors are unpickled, one thread is used, what does not fit is said in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def read_state(weights: str) -> dict[str, torch.Tensor]:
    """Read a state dict. Raises ValueError where the file is none."""
    import torch

    torch.set_num_threads(1)  # sums of another number of threads round otherwise
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle and torch raise many kinds
        reason = str(error).splitlines()[0][:120]
        raise ValueError(f"cannot be read as a PyTorch state dict ({type(error).__name__}: {reason})") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError(f"is no PyTorch state dict but a {type(state).__name__}")
    return dict(state)


def fitted(network: torch.nn.Module, state: Mapping[str, torch.Tensor], expected: str) -> torch.nn.Module:
    """Put a state dict into a network and make it ready to measure. Raises ValueError where a weight does not fit."""
    wanted = network.state_dict()
    for name, value in wanted.items():
        if name.endswith("num_batches_tracked"):  # counts batches of training, and old files lack it
            continue
        if name not in state:
            raise ValueError(f"has no weights called {name}. Expected those of {expected}")
        if state[name].shape != value.shape:
            raise ValueError(f"{name} is {tuple(state[name].shape)}. Expected {tuple(value.shape)}, as {expected} has")
    network.load_state_dict({name: state[name] for name in wanted if name in state}, strict=False)
    return network.eval().requires_grad_(False)
