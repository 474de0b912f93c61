"""Words of a command line in; what a report on this machine was asked for out."""

from __future__ import annotations

import argparse
from pathlib import Path

NETWORKS = ("stylegan2", "stylegan3-t", "stylegan3-r")  # of which a standard one can be made


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
    add("--frames", type=int, default=60, help="frames a measurement (default: 60)")
    standard = "measure a network of NVIDIA's standard channels, this many px wide, random weights, at 1080p"
    add("--standard", type=int, default=0, metavar="PX", help=standard)
    add("--network", choices=NETWORKS, default=NETWORKS[0], help=f"of --standard (default: {NETWORKS[0]})")
    add("--model", default=None, help="live: another model of the show's generator: a name in models/ or a folder")
    add("--pixels", type=int, default=1000, metavar="PX", help="still: side of the print (default: 1000)")
    add("--effort", choices=["proof", "draft", "print"], default="draft", help="still: default draft")
    add("--tiny", action="store_true", help="gpu: every line, but so small that a CPU is soon through")
    add("--minutes", type=float, default=8.0, help="gpu: end within so long, the most important first (default: 8)")
    add("--markdown", action="store_true", help="print the table as Markdown")
    add("--json", type=Path, metavar="FILE", help="write the table as JSON too, anew after every line")


def add_patching(parser: argparse.ArgumentParser) -> None:
    """All of `installation desk`."""
    parser.description = "What a lighting console needs to know of a show that it runs over DMX (sACN, Art-Net)."
    add = parser.add_argument
    add("what", choices=["sheet"], help="the fixture sheet: its channels, values, cues and knobs")
    suffixes = "by the suffix: .pdf or .png to print, .csv for a table, .gdtf to patch it in the console"
    add("out", nargs="+", type=Path, metavar="OUT", help=suffixes)
    add("--show", default="bloom", help="show name or path (default: bloom)")


def add_kits(parser: argparse.ArgumentParser) -> None:
    """All of `installation kits`."""
    parser.description = (
        "A folder for each desk, made from the show's own knobs and cues: a TouchOSC layout, QLab's network cues, "
        "grandMA3 macros, Eos strings, MagicQ, a Chataigne module, a table for Resolume and TouchDesigner. "
        "The README.md in OUT says how each of them is loaded. Only files that this program wrote are replaced."
    )
    add = parser.add_argument
    add("out", type=Path, metavar="OUT", help="the folder")
    add("kits", nargs="*", metavar="KIT", help="only these: touchosc, qlab, grandma3, eos, magicq, chataigne, json_map")
    add("--show", default="bloom", help="show name or path (default: bloom)")
    add("--host", default=None, help="this machine's address in the desks' network (default: the show's [osc] host)")
    add("--port", type=int, default=None, help="where the show hears OSC (default: the show's [osc] port)")


def add_serving(parser: argparse.ArgumentParser) -> None:
    """All of `installation service`; the words after the verb are read by `serving`, as most are the show's."""
    parser.description = (
        "A systemd service that plays one show for months: it starts with the machine, and again whatever happens. "
        "`installation service install --help` tells what it can be asked for."
    )
    add = parser.add_argument
    add("what", choices=["install", "remove", "status", "print"], help="print: the unit that install would write")
    add("words", nargs=argparse.REMAINDER, help="options of the service, and any of `installation live` for the show")


def serving() -> argparse.ArgumentParser:
    """What the service itself is asked for; every other word is the show's."""
    parser = argparse.ArgumentParser(
        "installation service",
        usage="%(prog)s {install,remove,status,print} [--system] [--as NAME] [--no-start] [options of live] [-- words]",
        description="Every other word is handed to `installation live` as it is; so is all that follows --.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--show", default=None, help="a show's name, or the path of its .toml file (default: bloom, or the only one)")
    add("--system", action="store_true", help="the machine's systemd rather than the user's own; needs root")
    add(
        "--as",
        dest="user",
        default="",
        metavar="NAME",
        help="--system: who it runs as (default: who typed sudo)",
    )
    add("--no-start", action="store_true", help="install: it starts with the next login or boot, not at once")
    return parser


def add_showing(parser: argparse.ArgumentParser) -> None:
    """All of `installation shows`."""
    parser.description = (
        "Shows to choose from: this folder's (shows/*.toml), your own, and those that came along. list: what each "
        "is, whether its model and devices are here, the line that plays it; show NAME: its cues, and what it listens "
        "to; sheet NAME: twelve instants of it while the packaged recording plays, as one picture."
    )
    add = parser.add_argument
    add("what", choices=["list", "show", "sheet"])
    add("name", nargs="?", default="", help="a show's name, or the path of its .toml file")
    add("--seconds", type=float, default=24.0, help="sheet: how long it plays (default: 24)")
    add("--out", type=Path, default=None, metavar="FILE", help="sheet: .jpg or .png (default: out/NAME.jpg)")


def add_learning_from(parser: argparse.ArgumentParser) -> None:
    """All of `installation corpus`."""
    parser.description = (
        "Read a folder of pictures and films as a training run would, and show what would be learnt from: every "
        "picture with its crop, frames of films with their time, and each file that is left out, with the reason."
    )
    add = parser.add_argument
    add("what", choices=["sheet"], help="one contact sheet")
    add("folder", type=Path, metavar="FOLDER")
    add("--size", type=int, default=256, metavar="PX", help="px that would be learnt at (default: 256)")
    add("--crop", choices=["centre", "interest"], default="centre", help="of what is not square (default: centre)")
    add("--frames", type=int, default=100, metavar="N", help="most frames of one film (default: 100)")
    add("--out", type=Path, default=Path("corpus.png"), metavar="FILE", help=".png or .jpg (default: corpus.png)")
