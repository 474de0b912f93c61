"""Words of a command line in; what a report on this machine was asked for out."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_reporting(parser: argparse.ArgumentParser) -> None:
    """All of `installation doctor`."""
    parser.description = (
        "List what this machine has, what is missing and what to do. Listens to the default sound input for half a "
        "second, keeping nothing of it, and fetches the hand model when it is not here. Exit code 1: something that "
        "the show or the print chain needs is missing."
    )
    parser.add_argument("--json", action="store_true", help="say the same as JSON")


def add_measuring(parser: argparse.ArgumentParser) -> None:
    """All of `installation bench`."""
    add = parser.add_argument
    add("what", choices=["live", "still", "gpu"], help="the show, the print chain, or all that a GPU should do")
    add("--show", default="bloom", help="show name or path (default: bloom)")
    add("--model", metavar="NAME", help="live: another model than the show's, by name or folder")
    add("--frames", type=int, default=60, help="frames a measurement (default: 60)")
    standard = "measure a network of NVIDIA's standard channels, this many px wide, random weights, at 1080p"
    add("--standard", type=int, default=0, metavar="PX", help=standard)
    add("--pixels", type=int, default=1000, metavar="PX", help="still: side of the print (default: 1000)")
    add("--effort", choices=["proof", "draft", "print"], default="draft", help="still: default draft")
    add("--tiny", action="store_true", help="gpu: every line, but so small that a CPU is soon through")
    add("--minutes", type=float, default=8.0, help="gpu: end within so long, the most important first (default: 8)")
    add("--markdown", action="store_true", help="print the table as Markdown")
    add("--json", type=Path, metavar="FILE", help="write the table as JSON too, anew after every line")
