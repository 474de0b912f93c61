"""A content picture and one style vector in, the picture painted in that style out: two small ONNX nets, in seconds."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from installation import weights

MODEL, TRANSFORM, PREDICT = "arbitrary-style", "arbitrary_transform.onnx", "arbitrary_predict.onnx"
ARITHMETIC = "float32"  # on every CPU; part of the fingerprint, since the pictures depend on it
STYLE_PX = 256  # what the net that reads styles looks at
MULTIPLE_PX = 4  # the painting net halves the picture twice


class ArbitraryStyle:
    """Arbitrary image stylisation (Ghiasi et al. 2017): style is a vector, so styles are mixed by mixing vectors.

    Its files hold quantised nets. Integer kernels differ between CPUs, and 8 bits between the layers lose the style, so
    only the weights are taken as they are stored: what flows between the layers is float32.
    """

    def __init__(self) -> None:
        for package in ("onnx", "onnxruntime"):
            if importlib.util.find_spec(package) is None:
                raise weights.WeightsError(f"quick colouring needs {package}; run: pip install {package}")
        self._paint, self._predict = (_session(open_net(file).SerializeToString()) for file in (TRANSFORM, PREDICT))

    def read(self, style: np.ndarray) -> np.ndarray:
        """A style picture (H, W, 3), 0..1 -> its vector (1, 1, 1, 100)."""
        small = cv2.resize(style, (STYLE_PX, STYLE_PX), interpolation=cv2.INTER_AREA)
        return np.asarray(self._predict.run(None, {self._predict.get_inputs()[0].name: small[None]})[0])

    def paint(self, content: np.ndarray, style: np.ndarray) -> np.ndarray:
        """Content (H, W, 3), 0..1, and a style vector -> (H, W, 3), 0..1. Memory grows with the size."""
        height, width = content.shape[:2]
        more = [(0, max(-side % MULTIPLE_PX, 2 * MULTIPLE_PX - side)) for side in (height, width)]
        whole = np.pad(content, (*more, (0, 0)), mode="edge").astype(np.float32)
        names = [value.name for value in self._paint.get_inputs()]
        painted = self._paint.run(None, {names[0]: whole[None], names[1]: style.astype(np.float32)})[0]
        return np.asarray(painted)[0, :height, :width]


@lru_cache(maxsize=1)
def load() -> ArbitraryStyle:
    """The nets, shared by all runs of this process. Raises WeightsError saying what to install."""
    return ArbitraryStyle()


def fingerprint() -> str:
    """sha256 of both nets, as their model.toml states them, and what they are calculated in."""
    return "".join(str(source["sha256"]) for source in weights.read_own(MODEL)["source"]) + ARITHMETIC


def open_net(file: str) -> Any:
    """One of the two nets as an onnx ModelProto that paints in float32 at any size. Raises WeightsError.

    The file of the painting net declares 384 x 384 pixels; nothing in it needs that, so the declaration is loosened and
    a picture is painted whole, at its own size.
    """
    import onnx

    model = onnx.load(weights.fetch(MODEL, file=file))
    if file == TRANSFORM:
        for value in (*model.graph.input, *model.graph.output):
            dimensions = value.type.tensor_type.shape.dim
            if dimensions[1].dim_value > 1:
                dimensions[1].dim_param, dimensions[2].dim_param = "height", "width"
    _stop_quantising(model.graph)
    return model


def _stop_quantising(graph: Any) -> None:
    """Take the rounding to 8 bits between the layers out of a graph; stored weights are unpacked as before."""
    from onnx.helper import make_node

    stored = {tensor.name for tensor in graph.initializer}
    between = [
        node
        for node in graph.node
        if node.op_type == "QuantizeLinear" or (node.op_type == "DequantizeLinear" and node.input[0] not in stored)
    ]
    before: dict[str, str] = {}  # the name of a value that is gone: the float that went into it (nodes lie in order)
    for node in between:
        before[node.output[0]] = before.get(node.input[0], node.input[0])
        graph.node.remove(node)
    for node in graph.node:
        node.input[:] = [before.get(name, name) for name in node.input]
    graph.node.extend(make_node("Identity", [before[v.name]], [v.name]) for v in graph.output if v.name in before)
    del graph.value_info[:]  # it says uint8 where floats flow now


def _session(model: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # loosened shapes are warned about at every load
    providers = [
        p for p in ("CUDAExecutionProvider", "CPUExecutionProvider") if p in onnxruntime.get_available_providers()
    ]
    return onnxruntime.InferenceSession(model, options, providers=providers)
