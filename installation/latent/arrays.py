"""Somebody's .npz or .npy in, the arrays that are looked for in it out: no object is made, no size believed."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from installation.settings import SettingsError

LARGEST_BYTES = 1 << 28  # of a whole file, unpacked
TORN = (ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError, SyntaxError, TypeError)


def read_arrays(path: Path, names: Sequence[str], expected: str) -> dict[str, np.ndarray]:
    """Those of the arrays that are there; a .npy is one array, the first that is looked for.

    Raises SettingsError, in one line, for a file that is missing, torn, too large or of another kind.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX:
                file.seek(0)
                return {names[0]: _unpacked(file.read(LARGEST_BYTES + 1))}
        with zipfile.ZipFile(path) as archive:
            return _members(archive, names)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}") from error
    except TORN as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise SettingsError(
            f"{path}: expected {expected} as .npz or .npy, found another or a torn file ({why})"
        ) from error


def _members(archive: zipfile.ZipFile, names: Sequence[str]) -> dict[str, np.ndarray]:
    """What is there of an archive. Raises what is TORN."""
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    if sum(info.file_size for info in members.values()) > LARGEST_BYTES:
        raise ValueError(f"more than {LARGEST_BYTES >> 20} MB")
    found = {}
    for name in members.keys() & set(names):
        with archive.open(members[name]) as member:
            found[name] = _unpacked(member.read(LARGEST_BYTES + 1))
    return found


def _unpacked(packed: bytes) -> np.ndarray:
    """An array that is as large as it says: a header costs nothing, what it promises may. Raises what is TORN."""
    if len(packed) > LARGEST_BYTES:
        raise ValueError(f"more than {LARGEST_BYTES >> 20} MB")
    file = io.BytesIO(packed)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read(file)
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(packed) - file.tell():
        raise ValueError("an array is not as large as it says")
    order = "F" if by_columns else "C"
    return np.frombuffer(packed, dtype, offset=file.tell()).reshape(shape, order=order)  # type: ignore[call-overload, no-any-return]
