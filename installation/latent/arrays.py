"""Somebody's .npz in, the arrays that are looked for in it out: no object is made, no size believed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from installation.settings import SettingsError

LARGEST_BYTES = 1 << 28  # of a whole file, unpacked
TORN = (ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError, SyntaxError, TypeError)


def read_arrays(path: Path, names: Collection[str], expected: str) -> dict[str, np.ndarray]:
    """Those of the arrays that are there. Raises SettingsError, in one line, for a file that is missing, torn, too
    large or of another kind."""
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if sum(info.file_size for info in members.values()) > LARGEST_BYTES:
                raise ValueError(f"more than {LARGEST_BYTES >> 20} MB")
            for name in names & members.keys():
                with archive.open(members[name]) as member:
                    packed = member.read(LARGEST_BYTES + 1)
                _check_header(packed)
                found[name] = np.lib.format.read_array(io.BytesIO(packed), allow_pickle=False)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}") from error
    except TORN as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise SettingsError(f"{path}: expected {expected} as .npz, found another or a torn file ({why})") from error
    return found


def _check_header(packed: bytes) -> None:
    """Whether an array is as large as it says: a header costs nothing, what it promises may. Raises ValueError."""
    file = io.BytesIO(packed)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject or int(np.prod(shape, dtype=object)) * dtype.itemsize != len(packed) - file.tell():
        raise ValueError("an array is not as large as it says")
