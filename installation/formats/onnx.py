"""A graph in ONNX in; the same file, to be played as it is, out: generators/onnx looks into it when it opens."""

from __future__ import annotations

from installation import weight_files
from installation.formats.opened import Converted, Opened

FILE = "model.onnx"


def recognise(opened: Opened) -> str | None:
    """Any graph; whether it paints is seen when it is opened."""
    return "a graph in ONNX" if opened.kind == weight_files.ONNX else None


def convert(opened: Opened) -> Converted:
    """Nothing is rewritten: how many classes it knows and what its numbers mean is looked for (0, auto)."""
    return Converted("onnx", {"classes": 0, "range": "auto"}, {}, as_it_is=FILE)
