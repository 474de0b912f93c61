"""A show file and an input log that an earlier version wrote play as they did then."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from installation.live.journal import read_log


def test_an_input_log_is_played_with_the_controls_that_it_was_played_with_then(written_before: Path) -> None:
    show, log, report = (written_before / name for name in ("old.toml", "show.log.gz", "report.json"))
    frames = list(read_log(log))
    moved = {name for name in frames[0].controls["values"] if len({f.controls["values"][name] for f in frames}) > 3}
    assert {"generator.x", "generator.kick", "bend.heart.amount"} <= moved, "hands and sound are in it"
    words = ["--show", str(show), "--headless", "--osc-port", "0", "--replay", str(log), "--report", str(report)]
    command = [sys.executable, "-m", "installation", "live", *words, "--moments", str(written_before / "new")]
    subprocess.run(command, check=True, timeout=300)
    told = json.loads(report.read_text())
    assert told["replay_differences"] == 0 and told["frames_presented"] == len(frames) - 1
