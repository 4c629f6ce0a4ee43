"""Where pixels are compared: the processor, or a GPU."""

from __future__ import annotations

from .errors import TalkbenchError


def check_device(device: str) -> None:
    """Raise TalkbenchError where a device cannot be used here."""
    if device == "cpu":
        return
    if device != "cuda":
        raise TalkbenchError(f"--device {device}: expected cpu or cuda.")
    try:
        import torch
    except ImportError as error:
        raise TalkbenchError(
            "--device cuda: PyTorch is not installed. Install it (pip install torch), or leave --device out."
        ) from error
    if not torch.cuda.is_available():
        raise TalkbenchError(
            f"--device cuda: PyTorch {torch.__version__} finds no CUDA device here. Check nvidia-smi, and that PyTorch "
            "is built for CUDA, or leave --device out."
        )
