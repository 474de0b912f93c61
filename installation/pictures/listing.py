"""A folder in; the pictures in it out, and every other file that someone may take for one, with its reason."""

from __future__ import annotations

import os
from pathlib import Path

SUFFIXES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"),
    *(".avif", ".jp2", ".j2k", ".jpx", ".heic", ".heif", ".hif"),  # HEIC by an extra, of which its reader says which
}
COMPANIONS = {  # what lies beside pictures and is none
    *(".txt", ".md", ".rst", ".html", ".pdf", ".json", ".jsonl", ".toml", ".yaml", ".yml", ".csv", ".tsv", ".xml"),
    *(".log", ".xmp", ".aae", ".icc", ".icm", ".db", ".ini", ".sha256", ".npy", ".npz", ".safetensors", ".part"),
}


def below(folder: Path) -> list[Path]:
    """Every file in a folder and below, links that lead nowhere too, by name; linked folders are followed, each once.

    What is hidden, or lies in a hidden folder, is left out.
    """
    found, seen, ahead = [], set(), [folder]
    while ahead:
        for at, folders, names in os.walk(ahead.pop()):
            real = os.path.realpath(at)
            folders[:] = [] if real in seen else [name for name in folders if not name.startswith(".")]
            if real not in seen:
                found += [Path(at, name) for name in names if not name.startswith(".")]
                ahead += [path for name in folders if (path := Path(at, name)).is_symlink()]
            seen.add(real)
    return sorted(found)


def pictures_below(folder: Path) -> tuple[list[Path], dict[Path, str]]:
    """Every picture file in a folder and below, by name; and why each other one is not read.

    What is hidden, and texts and tables that lie beside pictures, are in neither.
    """
    found: list[Path] = []
    left_out: dict[Path, str] = {}
    for path in below(folder):
        suffix = path.suffix.lower()
        if path.is_dir() or suffix in COMPANIONS:
            continue
        if not path.is_file():
            left_out[path] = "a link that leads to no file"
        elif suffix in SUFFIXES:
            found.append(path)
        else:
            left_out[path] = "not a picture that is read here; save it as PNG, TIFF or JPEG"
    return found, left_out
