"""An ONNX file in, what it asks for and a session that runs it out; nothing of it is believed before it is measured.

Only operators that the runtime itself has are run, and only tensors that lie in the model's own folder are read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from installation.weights import WeightsError

LARGEST_FILE = 2**31 - 1  # bytes: what the format itself allows
LARGEST = 8192  # px a picture may have each way, and numbers a vector
DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}  # whose operators come with the runtime
PROVIDERS = ("CUDAExecutionProvider", "DmlExecutionProvider", "CPUExecutionProvider")  # the best first
KINDS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
WHOLE = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(uint8)": np.uint8}
CARRYING = ("Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity")  # that leave a class what it is
CLASS = re.compile(r"class|label|categor|onehot|one_hot|^[yc]$", re.IGNORECASE)
TRUNCATION = re.compile(r"trunc|psi", re.IGNORECASE)


@dataclass(frozen=True)
class Input:
    """One thing that a graph asks for: vector | class | number | picture, as an array of this type and shape.

    A size of 0 is left to whoever feeds it.
    """

    name: str
    role: str
    dtype: Any
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        return math.prod(self.shape)


def check_file(path: Path) -> Any:
    """The graph's description, its large tensors unread. Raises WeightsError, one line, for what is not safe to run."""
    import onnx
    from google.protobuf.message import DecodeError

    if path.stat().st_size > LARGEST_FILE:
        raise WeightsError(f"{path}: expected at most {LARGEST_FILE} bytes, found {path.stat().st_size}")
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, ValueError, OSError) as error:
        raise WeightsError(f"{path}: not a whole ONNX file: {str(error).splitlines()[0][:200]}") from error
    if not model.graph.node:
        raise WeightsError(f"{path}: not an ONNX graph: it has no nodes")
    own = {function.domain for function in model.functions}
    graphs = [*_graphs(model.graph), *(part for function in model.functions for part in _within(function.node))]
    nodes = [node for graph in graphs for node in graph.node] + [node for f in model.functions for node in f.node]
    if strange := sorted({f"{node.domain}.{node.op_type}" for node in nodes if node.domain not in DOMAINS | own}):
        raise WeightsError(f"{path}: asks for operators that are not part of ONNX: {', '.join(strange)[:200]}")
    for tensor in (*_stored(graphs), *_constants(nodes)):
        _check_tensor(tensor, path)
    return model


def _graphs(graph: Any) -> Iterator[Any]:
    yield graph
    yield from _within(graph.node)


def _within(nodes: Any) -> Iterator[Any]:
    """The graphs inside loops and branches."""
    for node in nodes:
        for attribute in node.attribute:
            for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                yield from _graphs(inner)


def _stored(graphs: list[Any]) -> Iterator[Any]:
    for graph in graphs:
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)


def _constants(nodes: list[Any]) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            yield from [attribute.t] if attribute.HasField("t") else []
            yield from attribute.tensors


def _check_tensor(tensor: Any, path: Path) -> None:
    """Raises WeightsError where a tensor's numbers lie elsewhere, or are not as many as it says."""
    import onnx

    said = f"{path}: tensor {tensor.name!r}"
    if any(n < 0 for n in tensor.dims):
        raise WeightsError(f"{said}: has a size below 0")
    try:
        width = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except KeyError as error:
        raise WeightsError(f"{said}: of an unknown type") from error
    expected = math.prod(tensor.dims) * width
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        where = {entry.key: entry.value for entry in tensor.external_data}
        place = (path.parent / where.get("location", "")).resolve()
        if not place.is_relative_to(path.parent.resolve()) or not place.is_file():
            raise WeightsError(
                f"{said}: its numbers are not in the model's folder: {where.get('location', '')[:200]!r}"
            )
        try:
            begin, length = int(where.get("offset", "0")), int(where.get("length", str(expected)))
        except ValueError as error:
            raise WeightsError(f"{said}: where its numbers begin is no number") from error
        if length != expected or begin < 0 or begin + length > place.stat().st_size:
            raise WeightsError(f"{said}: expected {expected} bytes in {place.name}, found fewer")
    elif tensor.raw_data and width >= 1 and tensor.data_type not in _packed() and len(tensor.raw_data) != expected:
        raise WeightsError(f"{said}: expected {expected} bytes, found {len(tensor.raw_data)}")


def _packed() -> set[int]:
    """Types of which several numbers share a byte."""
    import onnx

    names = ("INT4", "UINT4", "FLOAT4E2M1", "INT2", "UINT2")
    return {getattr(onnx.TensorProto, name) for name in names if hasattr(onnx.TensorProto, name)}


def open_session(path: Path, threads: int) -> Any:
    """The graph, ready to run by the best provider that this machine has. Raises WeightsError."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    there = [provider for provider in PROVIDERS if provider in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=there)
    except Exception as error:  # the runtime's own errors share no class
        raise WeightsError(f"{path}: does not run: {str(error).splitlines()[0][:200]}") from error


def inputs_of(session: Any, path: Path) -> list[Input]:
    """What a graph asks for, in its order. Raises WeightsError where that is nothing that can be played."""
    for one in session.get_outputs():
        if math.prod(size for size in one.shape if isinstance(size, int)) > 4 * LARGEST**2:
            raise WeightsError(f"{path}: output {one.name!r} is larger than any picture: {one.shape}")
    found = [_input(one, path) for one in session.get_inputs()]
    vectors = [one for one in found if one.role == "vector"]
    if len(vectors) == 2 and not any(one.role == "class" for one in found):
        label = next((one for one in vectors if CLASS.search(one.name)), vectors[1])
        found = [Input(one.name, "class", one.dtype, one.shape) if one is label else one for one in found]
    roles = [one.role for one in found]
    plays = (roles.count("vector"), roles.count("picture"), roles.count("class"))
    if plays not in ((1, 0, 0), (1, 0, 1), (0, 1, 0)):
        asked = ", ".join(f"{one.name} ({one.role} of {' x '.join(map(str, one.shape)) or 1})" for one in found)
        raise WeightsError(f"{path}: plays with a vector, a vector and a class, or a picture; it asks for {asked}")
    return found


def _input(one: Any, path: Path) -> Input:
    """An input's role by its type, its shape and, of two that look alike, its name."""
    dtype = (KINDS | WHOLE).get(one.type)
    shape = tuple(size if isinstance(size, int) and size > 0 else 0 for size in one.shape)
    if dtype is None or len(shape) > 4 or any(size > LARGEST * 16 for size in shape):
        raise WeightsError(f"{path}: input {one.name!r} is {one.type} of {one.shape}: nothing that can be played")
    inner = shape[1:] if len(shape) > 1 else shape
    if len(shape) == 4 and any(size != 1 for size in shape[2:]) and (shape[1] in (1, 3, 4) or shape[3] in (1, 3, 4)):
        return Input(one.name, "picture", dtype, (1, *inner))
    full = tuple(1 if i == 0 and (len(shape) > 1 or size == 0) else size for i, size in enumerate(shape))
    if 0 in full:
        raise WeightsError(f"{path}: input {one.name!r}: how long is it? found {one.shape}")
    if one.type in WHOLE:
        return Input(one.name, "class", dtype, full)
    return Input(one.name, "number" if math.prod(full) == 1 else "vector", dtype, full)


def classes_of(model: Any, name: str) -> int:
    """How many classes a graph knows whose class is a number: rows of the table that it is looked up in; 0: unknown."""
    rows = {tensor.name: tensor.dims[0] for tensor in model.graph.initializer if len(tensor.dims) > 1}
    carried = {name}
    for node in model.graph.node:
        if node.op_type == "Gather" and node.input[0] in rows and node.input[1] in carried:
            return int(rows[node.input[0]])
        if node.op_type in CARRYING and carried & set(node.input):
            carried |= set(node.output)
    return 0
