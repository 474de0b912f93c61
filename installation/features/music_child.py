"""A sound file in, its score in shared memory out: the process that hears a whole piece, once, behind the show."""

from __future__ import annotations

import threading

import numpy as np

from installation.children import enter, follow_parent, give_way
from installation.features.music import HEARD, LENGTH
from installation.features.score import open_score

NICENESS = 15


def main() -> None:
    memory, settings = enter()
    follow_parent()
    give_way(NICENESS)
    try:
        packed = np.frombuffer(open_score(settings["piece"]).to_bytes(), np.uint8)
        memory.bytes[: len(packed)] = packed
        memory.counts[LENGTH], memory.counts[HEARD] = len(packed), 1
    except Exception as error:  # there is nothing to try again: it waits to be closed
        memory.say(str(error) or repr(error))
        memory.counts[HEARD] = -1
    threading.Event().wait()


if __name__ == "__main__":
    main()
