"""Pictures in shared memory in, sent to other software out: an output's own process, which may be killed."""

from __future__ import annotations

import os
import time
from typing import Any

from installation import plugins
from installation.children import Memory, enter, give_way
from installation.frames import FrameSlots
from installation.rendering.outputs.choosing import ROOM
from installation.settings import check

NICENESS = 10  # where cores are shared, the wall goes before its copies
SENT, OFFERED, AWAKE, HOW_MANY = 0, 1, 2, 3  # places in the memory's counts: the newest picture that was sent, the
# newest that was handed over, the process that is ready, how many were sent; in its times: when the last was


def main() -> None:
    memory, asked = enter()
    give_way(NICENESS)
    try:
        send(memory, asked)
    except Exception as error:  # FFmpeg's errors name the address, and with it perhaps a stream's key: not their text
        memory.say(str(getattr(error, "strerror", None) or error or repr(error)))
        os._exit(1)
    os._exit(0)


def send(memory: Memory, asked: dict[str, Any]) -> None:
    """Send the newest picture whenever there is a newer one, until the parent ends. Raises what the output raises."""
    module = plugins.load(ROOM, asked["name"])
    settings = check(module.Settings, asked["settings"], f"outputs.{asked['name']}")
    width, height = asked["size"]
    sender = module.create(settings, (width, height), asked["fps"])
    slots = FrameSlots(memory, OFFERED, most_px=width * height, channels=4)
    number = int(memory.counts[OFFERED])  # what was shown before this process is past
    memory.counts[SENT] = number
    memory.counts[AWAKE] = os.getpid()
    while os.read(0, 4096):  # a wake, or several; nothing when the parent has ended
        fresh = slots.read(number)
        if fresh is not None:
            rgba, time_s, number = fresh
            sender.send(rgba, time_s)
            memory.counts[HOW_MANY] += 1
            memory.counts[SENT] = number
            memory.times[SENT] = time.monotonic()


if __name__ == "__main__":
    main()
