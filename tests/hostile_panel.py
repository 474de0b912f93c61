"""A million hostile messages at the panel's own socket, in a show's process: `python tests/hostile_panel.py [COUNT]`.

Says how many were refused by kind, the longest time that one frame spent on them, and what memory did.
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
import time
from argparse import Namespace
from pathlib import Path

from installation.control.heard import Heard
from installation.live.panel import Panel
from installation.memory import resident_mb
from installation.settings import Show
from installation.signals import Knob

KNOBS = {name: Knob(name) for name in ("generator.x", "generator.y", "effect.tear.amount")}
GOOD = [{"verb": "knob", "name": "generator.x", "value": 0.5}, {"verb": "go"}, {"verb": "release"}, {"verb": "moment"}]
CORNER = {"output": 0, "mask": -1, "columns": 2, "rows": 2, "point": 0}
GOOD += [{"wall": "move", **CORNER, "x": 0.1, "y": 0.1, "stroke": 1}, {"wall": "mask", "output": 0}]
GOOD += [{"wall": "dial", "output": 0, "dial": "masks.0.softness", "value": 0.1, "stroke": 1}]


def hostile(dice: random.Random) -> bytes:
    """A good message with a few bytes changed, cut, repeated; or noise."""
    message = bytearray(json.dumps(dice.choice(GOOD)).encode() * dice.choice((1, 1, 1, 30)))
    for _ in range(dice.randrange(6)):
        message[dice.randrange(len(message))] = dice.randrange(256)
    return bytes(message[: dice.randrange(1, len(message) + 1)]) if dice.random() < 0.3 else bytes(message)


def main() -> int:
    count, dice = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, random.Random(1)
    panel = Panel(Show("hostile"), Namespace(show="hostile", moments=Path("moments")), KNOBS, Heard(), {})
    theirs = [pair[1] for pair in panel._pairs]
    for one in theirs:
        one.setblocking(False)
    messages = [hostile(dice) for _ in range(5000)]
    begun_mb, longest_s, sent, wishes = 0.0, 0.0, 0, 0
    while sent < count:
        with contextlib.suppress(BlockingIOError):
            while sent < count:
                dice.choice(theirs).send(messages[sent % len(messages)])
                sent += 1
        before_s = time.perf_counter()
        wishes += len(panel.poll(time.monotonic()))
        longest_s = max(longest_s, time.perf_counter() - before_s)
        begun_mb = begun_mb or (resident_mb() if sent > count // 10 else 0.0)
    print(f"{sent} sent, {wishes} wishes, refused: {dict(panel.faults)}")
    print(f"longest frame {longest_s * 1e3:.1f} ms; memory {begun_mb:.1f} -> {resident_mb():.1f} MB")
    panel.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
