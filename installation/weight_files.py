"""A file of weights in; what it is by its content, whether it is whole, and one clear line where it is not, out.

Nothing is unpickled and nothing of a file is believed here: a suffix says what somebody hoped, the bytes say what is.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

SAFETENSORS = "a safetensors file"
TORCH = "a PyTorch file"
TORCH_OLD = "a PyTorch file of before 1.6"
TORCH_PROGRAM = "a TorchScript program"
PICKLE = "a Python pickle"
HDF5 = "an HDF5 file"
ONNX = "an ONNX file"
NCNN = "a file of ncnn"
ZIP = "a zip file"
TORN_ZIP = "the beginning of a zip or PyTorch file, whose end is missing"
WEB_PAGE = "a web page"
POINTER = "a git-lfs pointer"
TEXT = "a text"
EMPTY = "an empty file"
UNKNOWN = "something else, or a torn one"
WHAT_TO_DO = {
    TORCH_PROGRAM: "programs are not run here: save the model's state_dict()",
    PICKLE: "pickles may hold programs and are not run here: save a state_dict(), or safetensors",
    TORN_ZIP: "fetch it again, to its end",
    WEB_PAGE: "a page was saved in the file's place: fetch the file itself",
    POINTER: "only the pointer to the file was fetched: run git lfs pull, or fetch the file itself",
    TEXT: "fetch the file itself",
    EMPTY: "fetch it again",
}
SIGNATURES = (
    (b"\x89HDF\r\n\x1a\n", HDF5),
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", TORCH_OLD),
    (b"7767517", NCNN),
    (b"\x47\x6b\x30\x01", NCNN),
    (b"version https://git-lfs", POINTER),
)
PAGE = re.compile(rb"\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body|\?xml)", re.IGNORECASE | re.DOTALL)
ONNX_START = re.compile(rb"\x08[\x01-\x1f][\x12\x1a\x22\x28\x32\x3a\x42]")  # protobuf: the version, then the next field
LOOKED_AT = 1024  # bytes
LONGEST_HEADER = 100_000_000  # bytes: what the safetensors format allows


class WeightsError(RuntimeError):
    """Weights are missing, torn or not what they should be; the text says what was expected, found and what to do."""


def digest(path: Path) -> str:
    """sha256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, sha256: str) -> Path:
    """Return path when its sha256 is the expected one. Raises WeightsError saying what to do when it is not."""
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; fetch it again or restore it")
    found = digest(path)
    if found != sha256.lower():
        raise WeightsError(
            f"{path}: expected sha256 {sha256}, found {found} ({path.stat().st_size} bytes): "
            "the file is torn or not the one the model.toml speaks of; delete it and fetch or copy it again"
        )
    return path


def recognise(path: Path) -> str:
    """What a file is by its first bytes (a zip also by its list of names), in words. Raises OSError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(LOOKED_AT)
    if not start:
        return EMPTY
    for signature, kind in SIGNATURES:
        if start.startswith(signature):
            return kind
    if start.startswith(b"PK\x03\x04"):
        return _recognise_zip(path)
    if 2 <= int.from_bytes(start[:8], "little") <= min(LONGEST_HEADER, size - 8) and start[8:9] == b"{":
        return SAFETENSORS
    if PAGE.match(start):
        return WEB_PAGE
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return PICKLE
    if ONNX_START.match(start):
        return ONNX
    return TEXT if _is_text(start) else UNKNOWN


def _recognise_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2] for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return TORN_ZIP
    if "constants.pkl" in names:
        return TORCH_PROGRAM
    return TORCH if "data.pkl" in names else ZIP


def _is_text(start: bytes) -> bool:
    """Whether bytes read as a text; the last letter may be cut in two."""
    return not re.search(rb"[\x00-\x08\x0e-\x1f]", start) and "\ufffd" not in start.decode("utf-8", "replace")[:-1]


def refuse(path: Path, expected: str, why: object = "") -> WeightsError:
    """The error for a file that is not what was expected: one line with what was found and what to do."""
    try:
        found = recognise(path)
    except OSError as error:
        return WeightsError(f"{path}: expected {expected}, cannot be read: {error.strerror}")
    what_to_do = WHAT_TO_DO.get(found, "fetch it again, or choose another file")
    reason = f" ({first_line(why)})" if str(why) else ""
    return WeightsError(f"{path}: expected {expected}, found {found}{reason}; {what_to_do}")


def first_line(why: object) -> str:
    """As much of another's words as fits into one line."""
    lines = str(why).strip().splitlines() or [type(why).__name__]
    return lines[0][:200]


def check_safetensors(path: Path) -> list[str]:
    """The names of the tensors in a safetensors file. Raises WeightsError when it is torn or another format."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as tensors:
            return list(tensors.keys())
    except (SafetensorError, OSError) as error:
        raise refuse(path, "a whole safetensors file", error) from error
