"""What somebody who waits for a job reads: a line for each piece, bars in a terminal, how much is left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import select
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from installation.stills import watching
from installation.stills.archive import Archive
from installation.stills.tasks import Task
from installation.stills.watching import Watcher


def task(stage: str, name: str = "rose") -> Task:
    return Task(stage, {}, "", (), 0, name, "key", "")


@contextlib.contextmanager
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """A terminal in place of standard error; called, it says what was drawn since."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    os.set_blocking(ours, False)
    with os.fdopen(theirs, "w", encoding="utf-8") as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)

        def drawn() -> str:
            terminal.flush()
            told = b""
            while select.select([ours], [], [], 0.3)[0]:  # the kernel hands a terminal's text on in its own time
                told += os.read(ours, 1 << 16)
            return told.decode()

        yield drawn
    os.close(ours)


def test_without_a_terminal_each_piece_that_was_made_is_one_line_with_its_share_and_what_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    watcher = Watcher(Archive(tmp_path), 2)
    watcher.expect("clean", 4)
    watcher.done(task("clean"), 100.0)
    watcher.done(task("clean", "was finished"), 0.0)
    watcher.done(task("clean", "failed"), None)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 and lines[0].split()[:4] == ["clean", "rose", "100.0", "s"]
    assert "25%, about 2 min left" in " ".join(lines[0].split())
    assert watcher.share() == 0.75 and watcher.left_s() == 50.0, "one of 100 s is left, and two work at once"


def test_what_has_not_been_measured_yet_is_judged_by_how_long_such_a_stage_takes(tmp_path: Path) -> None:
    watcher = Watcher(Archive(tmp_path), 1)
    watcher.expect("colour", 1)
    watcher.expect("clean", 10)
    for _ in range(10):
        watcher.done(task("clean"), 0.0)
    assert 0 < watcher.share() < 0.5 and watcher.left_s() > 10, "ten quick pieces are not most of the job"
    watcher.done(task("colour"), 5.0)
    assert watcher.share() == 1.0 and watcher.left_s() == 0.0


def test_nothing_is_expected_and_nothing_is_left(tmp_path: Path) -> None:
    watcher = Watcher(Archive(tmp_path), 1)
    assert watcher.share() == 0.0 and watcher.left_s() == 0.0


def test_in_a_terminal_the_job_has_a_bar_and_each_piece_under_way_one_that_goes_when_it_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = Archive(tmp_path)
    monkeypatch.setattr(watching, "LOOK_EVERY_S", 0)

    async def look(drawn: Callable[[], str]) -> str:
        drawn()
        for _ in range(4):  # a few turns of the loop: the watcher looks in each second one
            await asyncio.sleep(0)
        return drawn()

    async def watch(drawn: Callable[[], str]) -> tuple[str, str]:
        async with Watcher(archive, 1) as watcher:
            watcher.expect("clean", 2)
            watcher.done(task("clean"), 3.0)
            with archive.begin("clean", "abc") as part, archive.begin("colour", "def") as torn:
                told = {"stage": "clean", "name": "blossom", "fraction": 0.4, "note": "line 7"}
                (part / "progress.json").write_text(json.dumps(told))
                (torn / "progress.json").write_text("{")
                during = await look(drawn)
            await look(drawn)
            return during, await look(drawn)

    with screen(monkeypatch) as drawn:
        during, after = asyncio.run(watch(drawn))
    assert "job: 1 of 2 pieces" in during and "50%, about 3 s left" in during
    assert "clean blossom" in during and "40%" in during and "line 7" in during
    assert "blossom" not in after
    assert not capsys.readouterr().out, "a line would tear the bars apart"


def test_a_bar_is_never_fuller_than_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(tmp_path)
    with screen(monkeypatch) as drawn, contextlib.suppress(ZeroDivisionError), archive.begin("clean", "k") as part:
        told = {"stage": "clean", "name": "rose", "fraction": 1.7, "note": ""}
        (part / "progress.json").write_text(json.dumps(told))
        watcher = Watcher(archive, 1)
        watcher._whole = watching.tqdm(total=1.0, leave=False)
        watcher._draw()
        assert watcher._bars[part.name].n == 1.0
        drawn()
        for bar in (watcher._whole, *watcher._bars.values()):
            bar.close()
        raise ZeroDivisionError
