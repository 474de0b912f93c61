"""Words of a command line in; what is to be done with a model out."""

from __future__ import annotations

import argparse
from pathlib import Path

ABOUT = """\
Bring your own model. A file of a generator that was trained elsewhere is opened (nothing in it is ever run), put under
your own data as a model of the show, and drawn as a sheet of 24 seeds.

Known: NVIDIA's StyleGAN2-ADA and StyleGAN3 .pkl, their older TensorFlow .pkl, rosinality's .pt, FastGAN,
lightweight-gan, BigGAN-deep, DCGAN, ONNX, and model folders of this program. What a file is, its content says, not its
name.
"""
EXAMPLES = """\
examples:
  installation models add network-snapshot.pkl --name flowers
  installation models add pytorch_model.bin config.json --name biggan
  installation models render flowers --seeds 0-23 --psi 0.7 --out seeds/
  installation live --model flowers
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All of `installation models`."""
    parser.description, parser.epilog = ABOUT, EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="what", metavar="what", required=True)
    add = commands.add_parser("add", help="open a file of somebody else's and keep it as a model")
    add.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="the weights, and settings that belong to them"
    )
    add_saying(add)
    commands.add_parser("list", help="every model that paints, and where it lies")
    show = commands.add_parser("show", help="what is known of a model")
    show.add_argument("name")
    remove = commands.add_parser("remove", help="delete what `models add` wrote")
    remove.add_argument("name")
    get = commands.add_parser("get", help="fetch a model of the catalogue; without a name, list it")
    get.add_argument("name", nargs="?", default="")
    _add_rendering(commands.add_parser("render", help="pictures of seeds or vectors, one PNG each"))


def add_saying(parser: argparse.ArgumentParser) -> None:
    """What a person says of a model beside its file."""
    parser.add_argument("--name", default="", help="what the model is called here (default: the file's name)")
    parser.add_argument("--licence", default="", help="its licence (default: said to be unknown)")
    parser.add_argument("--credit", default="", help="who trained it, on what (default: said to be unknown)")


def _add_rendering(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--seeds", metavar="N-N,N", help="such as 0-23 or 7,12,30-33: a seed means what NVIDIA's tools mean"
    )
    what.add_argument("--z", type=Path, metavar="FILE.npy", help="points z (N, z_dim)")
    what.add_argument("--w", type=Path, metavar="FILE.npz", help="points `w` (N, num_ws, w_dim), as NVIDIA's projector")
    add = parser.add_argument
    add("name", help="a model's name or folder")
    add("--psi", type=float, default=1.0, help="truncation: 0 the average picture, 1 the full variety (default: 1)")
    add("--class", dest="klass", type=int, default=None, help="of a conditional model (default: the first)")
    add("--noise", choices=["const", "none", "random"], default="const", help="default: const")
    add("--dtype", choices=["float32", "auto"], default="float32", help="auto: as the show plays it (default: float32)")
    add("--out", type=Path, required=True, metavar="DIR", help="where seed0000.png and so on are written")
