"""A small model in a folder, its generator, a show that it plays, and a user's folder that is empty."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_models import save_model

from installation.generators import stylegan2
from installation.settings import Part, Show


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own folder, empty, and a working folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "data" / "installation"


@pytest.fixture
def model(tmp_path: Path, own: Path) -> Path:
    return save_model(tmp_path / "small")


@pytest.fixture
def generator(model: Path) -> stylegan2.StyleGAN2:
    return stylegan2.create(stylegan2.Settings(model=str(model), dtype="float32"), device="cpu", seed=3)


@pytest.fixture
def show(model: Path) -> Show:
    return Show("small", generator=Part("stylegan2", {"model": str(model), "dtype": "float32"}), seed=3)
