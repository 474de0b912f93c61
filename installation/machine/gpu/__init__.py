"""A machine with a GPU in; one table out: what works there, what agrees with the CPU, how fast it is.

The most important lines come first, and each is printed and written as soon as it is known, so that a run that is cut
off has told most. Without CUDA the same lines are measured on the CPU, and those that cannot be say why.
"""

from __future__ import annotations

from argparse import Namespace

from installation.machine.gpu.plan import TINY, WHOLE, steps_of
from installation.machine.gpu.running import run
from installation.machine.rows import LEFT_OUT, OK, Row, Table, processor


def main(options: Namespace) -> int:
    """`installation bench gpu`: print the table; --json writes the same. 0 when all ran that this machine can have."""
    steps = steps_of(TINY if options.tiny else WHOLE)
    machine = processor() | {"gpu": ""}
    table = Table(("high", "peak_mb"), options.json, options.markdown, machine=machine)
    for row in run(steps, options.minutes * 60):
        if row.part == "GPU" and row.state == OK:
            machine["gpu"] = row.note
        table.add(row)
    return verdict(table.rows)


def verdict(rows: list[Row]) -> int:
    """The exit code."""
    return int(any(row.state not in (OK, LEFT_OUT) for row in rows))
