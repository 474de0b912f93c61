"""A model that turns light into dark, for shows that are played by another model than their own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

SIDE = 128


@pytest.fixture(scope="session")
def negative(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that turns light into dark: 1 - x."""
    folder, shape = tmp_path_factory.mktemp("models") / "negative", [1, 3, SIDE, SIDE]
    folder.mkdir()
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
    nodes = [helper.make_node("Sub", ["one", "x"], ["y"])]
    one = numpy_helper.from_array(np.array(1, np.float32), "one")
    graph = helper.make_graph(nodes, "negative", values[:1], values[1:], [one])
    packed = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()
    (folder / "model.onnx").write_bytes(packed)
    sha256 = hashlib.sha256(packed).hexdigest()
    (folder / "model.toml").write_text(f'name = "negative"\nkind = "onnx"\nfile = "model.onnx"\nsha256 = "{sha256}"\n')
    return folder
