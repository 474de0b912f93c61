"""Words of a command line in; what a batch of prints, or its select page, was asked for out."""

from __future__ import annotations

import argparse
from pathlib import Path

from installation.live.options import size

ABOUT = """\
Make print-ready files, with proofs and a sidecar each that makes the same print again.

  references (folders)  are matted, put together into --variants compositions, glitched, selected, coloured
                        after --style, cleaned, drawn over with lines, upscaled and written as 16-bit TIFF
  a moment, a picture   is coloured if a --style is given, upscaled and written; --stages asks for more
  job.toml              says all that options say, and a table of settings for each stage
  prints/x.json         a print's sidecar: makes it again

stages: saliency matting composition slomo_glitch selection colour clean lines upscale print_file
        and on request: dream (before colour), plotter or drawing (before lines), which also leave an SVG
Kill it at any time: the same command goes on where it was. Finished work is in DIR/.work.
What it has not made itself is never replaced: it is named, and kept.

  installation still cutouts/ --style scream.jpg:0.6 --style wreck.jpg:0.4 --variants 4 --out prints
  installation still moments/X.json --width 1m --dpi 254 --effort print
  installation still page.png --width 1m --sheets a4 --stages print_file
  installation still photo.jpg --style wave.jpg --set lines.strength=0.3 --stages colour,lines,upscale,print_file
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All of `installation still`."""
    add = parser.add_argument
    add(
        "inputs", nargs="+", type=Path, metavar="INPUT", help="moment, picture, folder of references, job file, sidecar"
    )
    add("--out", type=Path, default=None, metavar="DIR", help="where prints go (default: prints)")
    add("--size", type=size, default=None, metavar="WxH", help="pixels of the print (default: 2000 px the longer side)")
    add("--width", default=None, metavar="LENGTH", help="print width, such as 1m, 400mm, 40in (with --dpi)")
    add("--height", default=None, metavar="LENGTH", help="print height; one of both is enough")
    add("--dpi", type=float, default=None, help="pixels an inch (default: 254, which makes 10,000 px of 1 m)")
    add(
        "--sheets",
        default=None,
        metavar="PAPER",
        help="cut the print into sheets of a4, a3, letter ... to glue together",
    )
    add(
        "--style", action="append", metavar="IMAGE[:W]", help="painting to colour after, with a weight; may be repeated"
    )
    add("--variants", type=int, default=None, help="compositions to make of the references (default: 4)")
    add(
        "--effort",
        choices=["proof", "draft", "print"],
        default=None,
        help="proof: seconds; draft (default); print: full",
    )
    add("--seed", type=int, default=None, help="the same seed, composition and glitch in all efforts (default: 0)")
    add("--stages", default=None, metavar="A,B,...", help="only these stages")
    add("--set", action="append", metavar="STAGE.KEY=VALUE", help="one setting of one stage; may be repeated")
    add("--keep-both", action="store_true", help="where something stands that is not its own, name the print x-2")
    add("--anyway", action="store_true", help="make a sidecar's print although its pictures have changed")
    add("--jobs", type=int, default=1, metavar="N", help="pieces of work at once on this machine (default: 1)")
    add("--threads", type=int, default=0, metavar="N", help="threads of each (default: the cores over --jobs)")
    add("--engine", choices=["local", "ray"], default="local", help="ray shares the batch out over a cluster")
    add("--address", default="", help="of the Ray cluster (default: one on this machine)")


def add_selecting(parser: argparse.ArgumentParser) -> None:
    """All of `installation select`."""
    add = parser.add_argument
    add("job", type=Path, help="the folder that `still` wrote to (--out), or a folder of pictures")
    add("--port", type=int, default=0, help="port of 127.0.0.1 to serve at (default: any free one)")
    add("--taste", type=Path, default=None, metavar="FILE", help="learn from it and add to it, over jobs")
    add("--no-browser", action="store_true", help="only print the address")
