"""What crosses a process border is whole, whoever is killed meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys

import numpy as np
import pytest

from installation.children import Memory
from installation.frames import FrameSlots, Numbers, Words, frames_bytes

MOST = 1 << 16


def test_words_come_back_as_they_were_written() -> None:
    memory = Memory(Words.bytes_of(MOST))
    writer, reader = Words(memory, 0, MOST), Words(memory, 0, MOST)
    assert reader.read() == {}
    for n in range(5):
        writer.write({"n": n, "held": {"generator.x": [0.5, 0.5, 0.0]}})
        assert reader.read()["n"] == n and reader.read() is reader.read()
    assert Words(memory, 0, MOST).read()["n"] == 4, "who comes later reads the newest"
    with pytest.raises(ValueError, match="at most"):
        writer.write({"long": "x" * 2 * MOST})
    assert reader.read()["n"] == 4


def test_a_writer_killed_in_the_middle_leaves_the_table_before_whole() -> None:
    memory = Memory(Words.bytes_of(MOST))
    code = (
        "import os, signal, sys; import numpy as np; from installation.children import Memory\n"
        "from installation.frames import Words\n"
        f"words = Words(Memory(int(sys.argv[2]), int(sys.argv[1])), 0, {MOST})\n"
        "words.write({'blackout': True})\n"
        "class Torn(dict): pass\n"
        "real = np.frombuffer\n"
        "class Half:\n"
        "    size = 4\n"
        "    def __array__(self, *a, **k): os.kill(os.getpid(), signal.SIGKILL)\n"
        "np.frombuffer = lambda *a: Half()\n"
        "words.write({'blackout': False})"
    )
    line = [sys.executable, "-c", code, str(memory.descriptor), str(memory.size_bytes)]
    assert subprocess.run(line, pass_fds=(memory.descriptor,)).returncode == -signal.SIGKILL
    assert Words(memory, 0, MOST).read() == {"blackout": True}
    Words(memory, 0, MOST).write({"blackout": False, "cue": "2"})
    assert Words(memory, 0, MOST).read() == {"blackout": False, "cue": "2"}


def test_numbers_come_back_and_what_has_no_room_is_left_out() -> None:
    memory = Memory(Numbers.bytes_of(8))
    writer, reader = Numbers(memory, 0, 8), Numbers(memory, 0, 8)
    assert reader.read() is None
    writer.write(np.arange(3.0), np.arange(4.0))
    assert reader.read().tolist() == [0, 1, 2, 0, 1, 2, 3]
    writer.write(np.arange(3.0), np.arange(40.0))
    assert reader.read()[:8].tolist() == [0, 1, 2, 0, 1, 2, 3, 4] and reader.read().size < 43


def test_pictures_of_any_size_that_has_room_come_with_their_notes() -> None:
    memory = Memory(frames_bytes(64 * 36, 4))
    writer, reader = (FrameSlots(memory, most_px=64 * 36, channels=4) for _ in range(2))
    rng = np.random.default_rng(0)
    for n, (height, width) in enumerate([(36, 64), (18, 32), (36, 64), (1, 1)], 1):
        picture = rng.integers(0, 255, (height, width, 4), dtype=np.uint8)
        assert writer.write(picture, notes=(n, n - 1, 7)) == n
        pixels, _, number, notes = reader.read_noted(n - 1)
        assert np.array_equal(pixels, picture) and number == n and notes == (n, n - 1, 7)
        assert reader.read(n) is None
    for wrong in (np.zeros((37, 64, 4), np.uint8), np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 4))):
        with pytest.raises(ValueError, match="expected uint8"):
            writer.write(wrong)
