"""A few of the files of fuzz_files.py, always the same ones: the long run is `python tests/fuzz_files.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fuzz_files import run

SCRIPT = Path(__file__).with_name("fuzz_files.py")
DOORS = ("weights", "model", "show", "state", "moment", "job", "lab", "choices")
DOORS += ("log", "table", "venue", "effect", "archive", "picture", "training")


@pytest.fixture(scope="module")
def findings() -> list[dict[str, Any]]:
    found, doors = run(seed=7, count=15)
    assert doors == len(DOORS), "each door of fuzz_doors.py is named here"
    return found


@pytest.mark.parametrize("door", DOORS)
def test_no_foreign_file_gets_further_than_one_clear_line(findings: list[dict[str, Any]], door: str) -> None:
    assert not [found for found in findings if found["door"] == door]


@pytest.mark.parametrize(
    ("does", "found"),
    [
        ("raise KeyError('x')", "KeyError"),
        ("raise ValueError('two\\nlines')", "not one line"),
        ("open('/tmp/beside-the-box', 'a').close()", "wrote /tmp/beside-the-box"),
        ("import subprocess; subprocess.run(['true'])", "ran subprocess.Popen"),
        ("import pickle; pickle.loads(b'cos\\nmkdir\\n.')", "pickle.find_class"),
        ("bytearray(8 << 30)", "MemoryError"),
        ("import os; os.abort()", "died"),
        ("pass", ""),
    ],
)
def test_whoever_fuzzes_notices(tmp_path: Path, does: str, found: str) -> None:
    """Each fault that is looked for, made on purpose behind a door of its own."""
    (tmp_path / "fuzz_doors.py").write_text(
        "from fuzz_files import Door\n"
        "def make(folder):\n    (folder / 'a.bin').write_bytes(b'whole')\n    return [folder / 'a.bin']\n"
        f"def read(path):\n    if path.read_bytes() != b'whole':\n        {does}\n"
        "DOORS = {'x': Door(make, read, (ValueError,))}\n"
    )
    (tmp_path / "fuzz_files.py").write_text(SCRIPT.read_text("utf-8"))
    words = [sys.executable, str(tmp_path / "fuzz_files.py"), "--count", "6"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (found in done.stdout and done.returncode == 1) if found else done.returncode == 0, done.stdout + done.stderr
