"""A network in an ONNX file, run on one thread of the processor: the same numbers for any number of workers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Tensor = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Network:
    """One input (N, *shape) to one output (N, size)."""

    session: Any
    size: int

    def __call__(self, given: Tensor) -> Tensor:
        """Return the first output for a batch."""
        name = self.session.get_inputs()[0].name
        return np.asarray(self.session.run(None, {name: given})[0], np.float32).reshape(len(given), -1)


@lru_cache(maxsize=4)
def load_network(weights: str, shape: tuple[int, ...]) -> Network:
    """Load an ONNX file. Raises ValueError in words where it is none, or takes something else than (N, *shape)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        network = Network(session, 0)
        return Network(session, network(np.zeros((1, *shape), np.float32)).shape[1])
    except Exception as error:  # onnxruntime's errors share no class
        reason = str(error).splitlines()[0][:150]
        expected = " × ".join(str(side) for side in shape)
        raise ValueError(f"cannot be used as an ONNX network that takes {expected} ({reason})") from error
