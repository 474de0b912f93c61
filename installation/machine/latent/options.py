"""Words of a command line in; what is to be done in a model's latent space out."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

ABOUT = """\
Explore what a model can paint. A point of its latent space is "seed 23" (a seed means what it means in NVIDIA's tools)
or the file of a vector: one that was kept with the key v, one that `latent project` found, or NVIDIA's projected_w.npz.
"""
EXAMPLES = """\
examples:
  installation latent directions bloom                          64 directions, on a sheet from -3 to 3
  installation latent directions bloom --from "seed 3" --to "seed 9" --as open
  installation latent project rose.jpg --model bloom --plus     the point whose picture looks most like rose.jpg
  installation latent map bloom                                 what it paints, laid out; click to lead the show
  installation latent breed bloom "seed 3" rose.npz             their children, zone by zone
  installation latent vector "seed 23" --model bloom --as dawn  a seed as a file
  installation latent blend faces flowers --middle 1 --as chimera
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All of `installation latent`."""
    parser.description, parser.epilog = ABOUT, EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="what", metavar="what", required=True)
    _add_directions(commands.add_parser("directions", help="find and name directions in which pictures change"))
    _add_projecting(commands.add_parser("project", help="find the vector whose picture looks most like a picture"))
    _add_vector(commands.add_parser("vector", help="write a seed, or another vector, as a vector's file"))
    _add_mapping(commands.add_parser("map", help="lay out what a model paints by likeness, and lead the show over it"))
    _add_breeding(commands.add_parser("breed", help="children of two pictures, and theirs, on a page"))
    _add_blending(commands.add_parser("blend", help="mix two models of one shape, zone by zone, as a model of its own"))


def _add_directions(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", help="a model's name or folder")
    add("--method", choices=["ganspace", "sefa", "pair"], default="ganspace", help="default: ganspace")
    add("--count", type=int, default=64, help="how many directions (default: 64)")
    add("--from", dest="this", default="", metavar="VECTOR", help="pair: where the direction begins")
    add("--to", dest="that", default="", metavar="VECTOR", help="pair: where it leads")
    add("--as", dest="name", default="", help="pair and --import: what it is called here")
    add("--import", dest="file", type=Path, default=None, metavar="FILE.npz", help="GANSpace's own components")
    add("--at", default="", metavar="VECTOR", help="the point that the sheet starts from (default: the average)")
    add("--sheet", type=Path, default=None, metavar="FILE.png", help="default: directions-MODEL.png")


def _add_projecting(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("picture", type=Path, help="any picture; its middle is taken, in the model's shape")
    add("--model", required=True, help="a model's name or folder")
    add(
        "--plus",
        action="store_true",
        help="also w+, a vector for every layer, or z and class: nearer, and less at home",
    )
    add("--quick", action="store_true", help="read it with the model's encoder, at once; --plus goes on from there")
    add("--encoder", default="", metavar="NAME", help="which encoder reads, instead (default: MODEL-encoder)")
    add("--effort", type=float, default=1.0, help="how many steps, in parts of the usual (default: 1)")
    add("--as", dest="name", default="", help="the vector's name (default: the picture's)")
    add("--out", type=Path, default=None, metavar="DIR", help="where it is kept (default: with the user's vectors)")


def _add_vector(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("point", metavar="VECTOR", help='"seed 23" or a file')
    add("--model", required=True, help="a model's name or folder")
    add("--truncation", type=float, default=1.0, help="psi: towards the average picture (default: 1)")
    add("--as", dest="name", required=True, help="the vector's name")
    add("--out", type=Path, default=None, metavar="DIR", help="where it is kept (default: with the user's vectors)")


def _add_mapping(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", help="a model's name or folder")
    add("--count", type=int, default=2000, help="how many seeds (default: 2000)")
    add("--truncation", type=float, default=1.0, help="psi: towards the average picture (default: 1)")
    add("--tidy", action="store_true", help="on an even grid rather than where likeness puts them")
    add("--anew", action="store_true", help="draw it again though there is one")
    add("--no-page", action="store_true", help="only draw it")
    _add_page(add)


def _add_breeding(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", help="a model's name or folder")
    add("points", nargs="*", metavar="VECTOR", help='founders: "seed 23" or files (default: seeds 0 to 3)')
    add("--seed", type=int, default=0, help="of chance (default: 0)")
    _add_page(add)


def _add_page(add: Callable[..., object]) -> None:
    add("--port", type=int, default=0, help="of the page; 0 = any free one")
    add("--desk", type=_host_and_port, default=("127.0.0.1", 9000), metavar="HOST:PORT", help="of the show's OSC")


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"expected HOST:PORT such as 127.0.0.1:9000, found {text!r}")
    return host or "127.0.0.1", int(port)


def _add_blending(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("first", help="the model whose mapping and anchors the blend has")
    add("second", help="another of the same shape, best one that was trained on from the first")
    for zone in ("coarse", "middle", "fine"):
        add(f"--{zone}", type=float, default=float(zone == "fine"), help=f"share of the second, 0..1 ({zone} layers)")
    add("--as", dest="name", required=True, help="the new model's name")
