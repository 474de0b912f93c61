"""The command line: words in, a running show, a print, a trained model or a report out."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from pathlib import Path
from typing import Any

ABOUT = """\
A live neural-art runtime for galleries.

A camera, visitors' hands and sound steer the latent point of a GAN and the glitches bent into its layers;
ISF effects are drawn over it and a projector shows it; a lighting desk runs it over OSC.
Every part works without a GPU, camera, microphone or display: then a packaged performance plays.
"""
STILL = """\
Make print-ready files, with proofs and a sidecar each that makes the same print again.

  references (folders)  are matted, put together into --variants compositions, glitched, selected, coloured
                        after --style, cleaned, drawn over with lines, upscaled and written as 16-bit TIFF
  a moment, a picture   is coloured if a --style is given, upscaled and written; --stages asks for more
  job.toml              says all that options say, and a table of settings for each stage
  prints/x.json         a print's sidecar: makes it again

stages: saliency matting composition slomo_glitch selection colour clean lines upscale print_file
Kill it at any time: the same command goes on where it was. Finished work is in DIR/.work.

  installation still cutouts/ --style scream.jpg:0.6 --style wreck.jpg:0.4 --variants 4 --out prints
  installation still moments/X.json --width 1m --dpi 254 --effort print
  installation still photo.jpg --style wave.jpg --set lines.strength=0.3 --stages colour,lines,upscale,print_file
"""
EXAMPLES = """\
examples:
  installation live                         the show on the first projector, with the devices that exist
  installation live --headless --seconds 20 --record out/live.mp4
  installation live --osc-table             every address that a desk may send to
  installation still moments/X.json --width 1m              a moment of the show as a print
  installation still cutouts/ --style scream.jpg            prints composed of your own references
  installation select prints/                               keep and reject takes
  installation train gan my_pictures/       your own pictures -> a generator
  installation doctor                       what this machine has, what is missing, how to get it
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line; every option says its unit and default."""
    top = argparse.ArgumentParser(
        "installation", description=ABOUT, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--verbose", "-v", action="store_true", help="log more")
    commands = top.add_subparsers(dest="command", metavar="command", required=True)
    _live(commands.add_parser("live", help="run the show", formatter_class=argparse.ArgumentDefaultsHelpFormatter))
    _still(commands.add_parser("still", help="make prints of moments, pictures or references", **_taught(STILL)))
    select = commands.add_parser("select", help="keep and reject takes of a job on a local page")
    select.add_argument("job", type=Path, help="the folder that `still` wrote to (--out)")
    select.add_argument("--port", type=int, default=0, help="port of 127.0.0.1 to serve at (default: any free one)")
    select.add_argument(
        "--taste", type=Path, default=None, metavar="FILE", help="learn from it and add to it, over jobs"
    )
    select.add_argument("--no-browser", action="store_true", help="only print the address")
    train = commands.add_parser("train", help="train networks on a folder of your own pictures", add_help=False)
    train.add_argument("what", nargs="?", choices=["gan", "slomo"])
    train.add_argument("rest", nargs=argparse.REMAINDER)
    doctor = commands.add_parser("doctor", help="list devices, monitors, GL, CUDA, models, sound, and what is missing")
    doctor.add_argument("--json", action="store_true", help="say the same as JSON")
    bench = commands.add_parser("bench", help="measure each part, side by side in one run")
    bench.add_argument("what", choices=["live", "still"], help="the show, or the print chain")
    bench.add_argument("--show", default="bloom", help="show name or path (default: bloom)")
    bench.add_argument("--frames", type=int, default=60, help="frames a measurement (default: 60)")
    standard = "measure a network of NVIDIA's standard channels, this many px wide, random weights, at 1080p"
    bench.add_argument("--standard", type=int, default=0, metavar="PX", help=standard)
    bench.add_argument(
        "--pixels", type=int, default=1000, metavar="PX", help="still: side of the print (default: 1000)"
    )
    bench.add_argument("--effort", choices=["proof", "draft", "print"], default="draft", help="still: default draft")
    bench.add_argument("--json", type=Path, metavar="FILE", help="write the table as JSON too")
    effects = commands.add_parser("effects", help="check ISF effect files on a real GL context")
    effects.add_argument("what", choices=["check"])
    effects.add_argument("files", nargs="+", type=Path, metavar="FILE")
    return top


def _taught(text: str) -> dict[str, Any]:
    """A command's own page of explanation."""
    return {"description": text, "formatter_class": argparse.RawDescriptionHelpFormatter}


def _still(still: argparse.ArgumentParser) -> None:
    add = still.add_argument
    add(
        "inputs", nargs="+", type=Path, metavar="INPUT", help="moment, picture, folder of references, job file, sidecar"
    )
    add("--out", type=Path, default=None, metavar="DIR", help="where prints go (default: prints)")
    add("--size", type=size, default=None, metavar="WxH", help="pixels of the print (default: 2000 px the longer side)")
    add("--width", default=None, metavar="LENGTH", help="print width, such as 1m, 400mm, 40in (with --dpi)")
    add("--height", default=None, metavar="LENGTH", help="print height; one of both is enough")
    add("--dpi", type=float, default=None, help="pixels an inch (default: 254, which makes 10,000 px of 1 m)")
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
    add("--jobs", type=int, default=1, metavar="N", help="pieces of work at once on this machine (default: 1)")
    add("--threads", type=int, default=0, metavar="N", help="threads of each (default: the cores over --jobs)")
    add("--engine", choices=["local", "ray"], default="local", help="ray shares the batch out over a cluster")
    add("--address", default="", help="of the Ray cluster (default: one on this machine)")


def _live(live: argparse.ArgumentParser) -> None:
    add = live.add_argument
    add("--show", default="bloom", help="a show's name, or the path of its .toml file")
    add("--headless", action="store_true", help="draw without a window (EGL)")
    add("--seconds", type=float, default=0.0, help="stop after so long; 0 = run until esc")
    add(
        "--camera",
        default=None,
        metavar="DEVICE",
        help="index, /dev path, file or stream URL; 'none' for no camera; default: what the show says, if it is there",
    )
    add("--microphone", default=None, metavar="DEVICE", help="name, index or sound file; 'none' for none")
    add("--model", default=None, help="another model of the show's generator: a name in models/ or a folder")
    add("--size", type=size, default=None, metavar="WxH", help="projector size in pixels")
    add("--fps", type=float, default=None, help="frames a second to aim at")
    add("--monitor", default=None, help="monitor by name or index")
    add("--windowed", action="store_true", help="in a window rather than full screen")
    add("--record", type=Path, default=None, metavar="FILE.mp4", help="stream what is shown into a video")
    add("--report", type=Path, default=None, metavar="FILE.json", help="write what was measured when the show ends")
    add(
        "--log",
        type=Path,
        default=None,
        metavar="FILE",
        help="write the input log (features and commands, frame by frame)",
    )
    add("--replay", type=Path, default=None, metavar="FILE", help="play an input log instead of devices")
    add("--osc-host", default=None, help="address to listen on; 0.0.0.0 lets the whole network in (see the allow list)")
    add("--osc-port", type=int, default=None, help="UDP and TCP port to listen on; 0 = any free one")
    add("--osc-table", action="store_true", help="print every OSC address as a table, and end")
    add("--moments", type=Path, default=Path("moments"), metavar="DIR", help="where moments are written")


def size(text: str) -> tuple[int, int]:
    """'1280x720' -> (1280, 720)."""
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT such as 1280x720, found {text!r}") from None
    if not (0 < width <= 32768 and 0 < height <= 32768):
        raise argparse.ArgumentTypeError(f"each side must be 1..32768 pixels, found {text!r}")
    return width, height


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code. A mistake in what was asked for is one clear line, not a traceback."""
    options = parser().parse_args(arguments)
    level = logging.INFO if options.verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%F %T")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # idle pools must not spin: the show shares its cores
    try:
        return _dispatch(options)
    except (ValueError, LookupError, OSError, RuntimeError) as error:
        if options.verbose:
            raise
        print(f"installation {options.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _dispatch(options: argparse.Namespace) -> int:
    if options.command == "live":
        from installation.live import loop

        return loop.main(options)
    if options.command == "still":
        from installation.stills import chain

        return chain.main(options)
    if options.command == "select":
        from installation.stills import choosing

        return choosing.main(options)
    if options.command == "train":
        return _train(options)
    if options.command == "doctor":
        from installation.machine import doctor

        return doctor.main(options)
    if options.command == "bench":
        from installation.machine import bench_live, bench_still

        return bench_still.main(options) if options.what == "still" else bench_live.main(options)
    from installation.rendering import check

    return check.check_files(options.files)


def _train(options: argparse.Namespace) -> int:
    """`train gan ...` hands the rest of the line to the trainer, whose own --help teaches it."""
    if options.what is None:
        print("usage: installation train gan FOLDER [options]     a generator for the show")
        print("       installation train slomo FOLDER [options]   the nets of the slo-mo glitch")
        print("       installation train gan --help")
        return 0 if not options.rest else 2
    module = importlib.import_module(f"installation.training.{options.what}")
    trainer = argparse.ArgumentParser(f"installation train {options.what}", description=module.__doc__)
    module.add_arguments(trainer)
    code: int = module.run(trainer.parse_args(options.rest))
    return code


if __name__ == "__main__":
    sys.exit(main())
