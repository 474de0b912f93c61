"""Shared by the tests of foreign files: a home of their own, the command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from installation.__main__ import main


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, and a user without anything."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def paint(home: Path) -> Callable[..., np.ndarray]:
    """paint(model, *words): the one picture that `models render` writes."""

    def render(model: str, *words: str) -> np.ndarray:
        out = home / "pictures"
        assert main(["models", "render", model, *words, "--out", str(out)]) == 0
        (path,) = out.glob("*.png")
        picture = np.asarray(Image.open(path))
        path.unlink()
        return picture

    return render
