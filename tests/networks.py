"""Made-up networks in the files that real ones come in: small, and of known behaviour."""

from __future__ import annotations

import json
from pathlib import Path


def onnx_file(path: Path, shape: tuple[int, int, int], cells: int) -> Path:
    """Write an ONNX network that returns the means of cells × cells squares of each channel."""
    from onnx import TensorProto, checker, helper, save

    side = shape[1] // cells
    nodes = [
        helper.make_node("AveragePool", ["x"], ["pooled"], kernel_shape=[side, side], strides=[side, side]),
        helper.make_node("Flatten", ["pooled"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *sides])
        for name, sides in (("x", shape), ("y", (shape[0] * cells * cells,)))
    ]
    graph = helper.make_graph(nodes, "means", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    checker.check_model(model)
    save(model, str(path))
    return path


def classifier(folder: Path, labels: tuple[str, ...] = ("angry", "happy", "sad"), **changes: object) -> Path:
    """Write a classifier for which a red face is the first label, a green the second and a blue the third."""
    path = onnx_file(folder / "classifier.onnx", (3, 16, 16), 1)
    described = {"labels": list(labels), "size": 16, "std": [0.1, 0.1, 0.1], **changes}
    Path(f"{path}.json").write_text(json.dumps(described))
    return path


def i3d_file(path: Path) -> Path:
    """Write a TorchScript network that is called as StyleGAN-V's I3D is, and returns 400 means of a piece."""
    import torch

    class Means(torch.nn.Module):
        def forward(
            self, x: torch.Tensor, rescale: bool = True, resize: bool = True, return_features: bool = True
        ) -> torch.Tensor:
            pooled = torch.nn.functional.adaptive_avg_pool3d(x, [4, 5, 7]).flatten(1)
            return pooled[:, :400] / 255.0

    torch.jit.script(Means()).save(str(path))
    return path
