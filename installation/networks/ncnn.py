"""An ncnn network's .param and .bin in, its weights out, in the order in which the network uses them.

Only what the upscalers are made of is read: convolutions and PReLU slopes, stored as float16 or float32.
Format: ncnn's wiki, "param and model file structure".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MAGIC = "7767517"
FLOAT16 = 0x01306B47
WITHOUT_WEIGHTS = {"Input", "Split", "Concat", "Eltwise", "BinaryOp", "Interp", "PixelShuffle", "ReLU", "Noop"}


@dataclass(frozen=True)
class Layer:
    """weight [shape=(out, in, k, k) of a Convolution, (n,) of a PReLU, float32]; bias [shape=(out,)] or None."""

    kind: str
    name: str
    weight: np.ndarray
    bias: np.ndarray | None = None


def read_layers(param: Path, binary: Path) -> list[Layer]:
    """All layers with weights, in the network's order.

    Raises ValueError naming the file when it is torn, has bytes left over, or holds layers or kinds of number that are
    not read here.
    """
    stream = _Stream(binary)
    try:
        layers = [layer for line in _read_lines(param) if (layer := _read_layer(line, stream)) is not None]
    except (LookupError, OverflowError, struct.error) as error:
        raise ValueError(f"{param}: torn: a layer lacks what ncnn says of each ({error})") from error
    if stream.at != len(stream.bytes):
        raise ValueError(f"{binary}: {len(stream.bytes) - stream.at} bytes left after the last layer of {param.name}")
    return layers


class _Stream:
    """The bytes of a .bin, taken one piece after another."""

    def __init__(self, path: Path) -> None:
        self.path, self.bytes, self.at = path, path.read_bytes(), 0

    def take(self, length: int) -> bytes:
        piece = self.bytes[self.at : self.at + length]
        if len(piece) != length:
            raise ValueError(f"{self.path}: torn: ends at byte {len(self.bytes)}, expected {self.at + length} or more")
        self.at += length
        return piece

    def floats(self, count: int) -> np.ndarray:
        """Plain float32, as biases and slopes are."""
        return np.frombuffer(self.take(count * 4), "<f4").astype(np.float32)

    def tagged(self, count: int) -> np.ndarray:
        """Numbers behind a tag that says how they are stored; float16 fills up to whole words of 4 bytes."""
        tag = struct.unpack("<I", self.take(4))[0]
        if tag == 0:
            return self.floats(count)
        if tag == FLOAT16:
            return np.frombuffer(self.take((count * 2 + 3) // 4 * 4), "<f2")[:count].astype(np.float32)
        raise ValueError(
            f"{self.path}: numbers stored as {tag:#010x}; expected float16 ({FLOAT16:#010x}) or float32 (0)"
        )


def _read_lines(param: Path) -> list[list[str]]:
    lines = [line.split() for line in param.read_text("utf-8", errors="replace").splitlines() if line.strip()]
    if len(lines) < 2 or lines[0] != [MAGIC]:
        raise ValueError(f"{param}: expected an ncnn .param beginning with {MAGIC}")
    if len(lines) != int(lines[1][0]) + 2:
        raise ValueError(f"{param}: torn: {len(lines) - 2} layers, expected {lines[1][0]}")
    return lines[2:]


def _read_layer(words: list[str], stream: _Stream) -> Layer | None:
    """words: kind, name, how many inputs and outputs, their names, then number=value pairs."""
    kind, name = words[:2]
    if kind in WITHOUT_WEIGHTS:
        return None
    pairs = words[4 + int(words[2]) + int(words[3]) :]
    options = dict(pair.split("=", 1) for pair in pairs)
    if kind == "PReLU":
        return Layer(kind, name, stream.floats(int(options["0"])))
    if kind != "Convolution":
        raise ValueError(f"{stream.path}: layer {name} is a {kind}; only Convolution and PReLU are read")
    out, width = int(options["0"]), int(options["1"])
    height, count = int(options.get("11", width)), int(options["6"])
    weight = stream.tagged(count).reshape(out, -1, height, width)
    return Layer(kind, name, weight, stream.floats(out) if options.get("5") == "1" else None)
