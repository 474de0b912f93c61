"""The nets of quick colouring: every CPU paints the same picture, and what is painted is the style."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from installation import weights
from installation.networks import arbitrary

Level = onnxruntime.GraphOptimizationLevel


def draw_meadow(px: int = 64) -> np.ndarray:
    """Grass under a pale sky, with a soft sun."""
    y, x = (np.mgrid[:px, :px] + 0.5) / px
    picture = np.where((y > 0.6)[..., None], (0.2, 0.5, 0.15), (0.6, 0.7, 0.8))
    sun = np.clip(1 - np.hypot(x - 0.3, y - 0.3) * 4, 0, 1)[..., None]
    return np.asarray(picture * (1 - sun) + sun, np.float32)


def draw_style(first: tuple[float, ...], second: tuple[float, ...]) -> np.ndarray:
    y, x = np.mgrid[:96, :128]
    return np.array((first, second), np.float32)[(y + x) // 6 % 2]


RED, BLUE = draw_style((0.9, 0.1, 0.0), (0.3, 0.0, 0.0)), draw_style((0.0, 0.2, 0.8), (0.0, 0.0, 0.3))


def redness(picture: np.ndarray) -> float:
    return float((picture[..., 0] - picture[..., 2]).mean())


def paint_by(level: Level, style: np.ndarray) -> np.ndarray:
    """The meadow, painted by other kernels than the house's: ONNX Runtime chooses them by how far it may optimise."""
    net, options = arbitrary.ArbitraryStyle(), onnxruntime.SessionOptions()
    options.graph_optimization_level, options.log_severity_level, options.intra_op_num_threads = level, 3, 1
    for name, file in (("_paint", arbitrary.TRANSFORM), ("_predict", arbitrary.PREDICT)):
        model = arbitrary.open_net(file).SerializeToString()
        setattr(net, name, onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]))
    return net.paint(draw_meadow(), net.read(style))


def test_a_red_style_makes_a_picture_red_and_a_blue_one_makes_it_blue() -> None:
    net = arbitrary.load()
    red, blue = (net.paint(draw_meadow(), net.read(style)) for style in (RED, BLUE))
    assert redness(red) > 0.1 and redness(blue) < -0.1
    light = [picture.mean(2) for picture in (red, draw_meadow())]
    assert np.corrcoef(*(values.ravel() for values in light))[0, 1] > 0.15, "the meadow cannot be seen"


@pytest.mark.parametrize("level", [Level.ORT_DISABLE_ALL, Level.ORT_ENABLE_BASIC, Level.ORT_ENABLE_ALL])
@pytest.mark.parametrize("style", [RED, BLUE], ids=["red", "blue"])
def test_whichever_kernels_paint_it_the_picture_is_the_same(level: Level, style: np.ndarray) -> None:
    net = arbitrary.load()
    ours = net.paint(draw_meadow(), net.read(style))
    assert np.abs(paint_by(level, style) - ours).max() < 1 / 255


@pytest.mark.parametrize("file", [arbitrary.TRANSFORM, arbitrary.PREDICT])
def test_nothing_is_rounded_to_integers_between_the_layers(file: str) -> None:
    graph = arbitrary.open_net(file).graph
    stored = {tensor.name for tensor in graph.initializer}
    assert not [node.name for node in graph.node if node.op_type == "QuantizeLinear"]
    assert all(node.input[0] in stored for node in graph.node if node.op_type == "DequantizeLinear")


def test_prints_coloured_by_the_quantised_nets_are_not_taken_for_these() -> None:
    quantised = "".join(str(source["sha256"]) for source in weights.read_config(arbitrary.MODEL)["source"])
    assert arbitrary.fingerprint() != quantised and quantised in arbitrary.fingerprint()
