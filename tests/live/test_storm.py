"""A short storm, and a few kills of everything: the long ones are `python tests/storm.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

STORM = Path(__file__).resolve().parents[1] / "storm.py"


@pytest.mark.parametrize("words", [["--minutes", "0.1", "--seed", "1"], ["--kills", "2", "--seed", "1"]], ids=" ".join)
def test_whatever_comes_the_show_goes_on_black_when_asked_to_and_ends_in_order(
    words: list[str], tmp_path: Path
) -> None:
    answer = subprocess.run(
        [sys.executable, str(STORM), *words], capture_output=True, text=True, cwd=tmp_path, timeout=900, check=False
    )
    print(answer.stdout)  # frame intervals and memory are for people: no test depends on them
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "all of it holds" in answer.stdout
