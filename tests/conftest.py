"""Shared parts of the tests: real clips beside the checkout, and environment that every machine can give."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("LIBGL_ALWAYS_SOFTWARE", "1")
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real pictures, hands and sound that are not part of the product."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the clips in ../shared/data are not beside this clone")
    return folder.parent


@pytest.fixture
def written_before(tmp_path: Path) -> Path:
    """A copy of what version 0.1.0 wrote (see written_before/README.md), as if it had always lain in this folder."""
    folder = tmp_path / "written before"
    shutil.copytree(ROOT / "tests/written_before", folder)
    for path in folder.rglob("*.json"):
        path.write_text(path.read_text("utf-8").replace("{folder}", str(folder)), "utf-8")
    return folder


@pytest.fixture
def wait_for() -> Callable[..., object]:
    """wait_for(question, within_s): ask until the answer is true, fail when it has not become so in time."""

    def wait(question: Callable[[], object], within_s: float = 20.0) -> object:
        pause, deadline_s = threading.Event(), time.monotonic() + within_s
        while not (answer := question()):
            assert time.monotonic() < deadline_s, f"did not come true within {within_s} s"
            pause.wait(0.005)
        return answer

    return wait
