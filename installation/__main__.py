"""The command line: words in, a running show, a print, a trained model or a report out."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from pathlib import Path

from installation import __version__
from installation.live import options as live_options
from installation.machine import options as machine_options
from installation.machine.latent import options as latent_options
from installation.machine.models import options as models_options
from installation.stills import options as stills_options

PASSIVE = {  # idle pools must not spin: the show shares its cores
    "OMP_WAIT_POLICY": "passive",
    "OPENCV_THREAD_POOL_ACTIVE_WAIT_MAIN": "0",
    "OPENCV_THREAD_POOL_ACTIVE_WAIT_WORKER": "0",
}
ABOUT = """\
A live neural-art runtime for galleries.

A camera, visitors' hands and sound steer the latent point of a GAN and the glitches bent into its layers;
ISF effects are drawn over it and a projector shows it; a lighting desk runs it over OSC.
Every part works without a GPU, camera, microphone or display: then a packaged performance plays.
"""
EXAMPLES = """\
examples:
  installation live                         the show on the first projector, with the devices that exist
  installation live --headless --seconds 20 --record out/live.mp4
  installation shows list                   shows to choose from
  installation live --osc-table             every address that a desk may send to
  installation calibrate                    fit the picture to the wall, by mouse, keys or a camera
  installation film song.ogg --show tide --out film.mp4    a film to a piece of music, frame by frame
  installation still moments/X.json --width 1m              a moment of the show as a print
  installation still cutouts/ --style scream.jpg            prints composed of your own references
  installation select prints/                               keep and reject takes
  installation train gan my_pictures/       your own pictures -> a generator
  installation train autoencoder my_pictures/ --explore 500   pictures that leak into each other
  installation corpus sheet my_pictures/    what of them would be learnt from
  installation latent project rose.jpg --model bloom         the point of a model that looks most like a picture
  installation service install --show mine.toml             the same at every start of this machine, for months
  installation models add network.pkl       your own model, as the show plays it
  installation doctor                       what this machine has, what is missing, how to get it
  installation desk sheet sheet.pdf show.gdtf --show mine.toml     the show as a fixture, for a DMX console
  installation kits OUT --host 10.0.0.5     layouts, macros and cues for TouchOSC, QLab, grandMA3, Eos, Chataigne ...
  installation bench gpu                    what a GPU does here, whether it is right, how fast it is
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line; every option says its unit and default."""
    top = argparse.ArgumentParser(
        "installation", description=ABOUT, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--verbose", "-v", action="store_true", help="log more")
    top.add_argument("--version", action="version", version=f"installation {__version__}")
    commands = top.add_subparsers(dest="command", metavar="command", required=True)
    plain = argparse.ArgumentDefaultsHelpFormatter
    live_options.add_arguments(commands.add_parser("live", help="run the show", formatter_class=plain))
    live_options.add_calibrating(
        commands.add_parser(
            "calibrate", help="fit the picture to the wall", formatter_class=argparse.RawDescriptionHelpFormatter
        )
    )
    film = commands.add_parser("film", help="make a film of a show to a piece of music", formatter_class=plain)
    live_options.add_filming(film)
    still = commands.add_parser(
        "still",
        help="make prints of moments, pictures or references",
        description=stills_options.ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    stills_options.add_arguments(still)
    select = commands.add_parser("select", help="keep and reject takes of a job on a local page")
    stills_options.add_selecting(select)
    train = commands.add_parser("train", help="train networks on a folder of your own pictures", add_help=False)
    train.add_argument("what", nargs="?")
    train.add_argument("-h", "--help", action="store_true", dest="listing")
    train.add_argument("rest", nargs=argparse.REMAINDER)
    corpus = commands.add_parser("corpus", help="what a training run would learn from, on one sheet")
    machine_options.add_learning_from(corpus)
    latent_options.add_arguments(commands.add_parser("latent", help="explore what a model can paint"))
    models_options.add_arguments(commands.add_parser("models", help="bring a model of your own, list, render, remove"))
    machine_options.add_showing(commands.add_parser("shows", help="shows to choose from: list, describe, look at"))
    doctor = commands.add_parser("doctor", help="list devices, monitors, GL, CUDA, models, sound, and what is missing")
    machine_options.add_reporting(doctor)
    machine_options.add_measuring(commands.add_parser("bench", help="measure each part, side by side in one run"))
    machine_options.add_serving(commands.add_parser("service", help="play a show for months, as a systemd service"))
    machine_options.add_patching(commands.add_parser("desk", help="a fixture sheet of the show for a lighting console"))
    machine_options.add_kits(commands.add_parser("kits", help="layouts, macros and cues of the show for other desks"))
    effects = commands.add_parser("effects", help="check ISF effect files on a real GL context")
    effects.add_argument("what", choices=["check"])
    effects.add_argument("files", nargs="+", type=Path, metavar="FILE")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code. A mistake in what was asked for is one clear line, not a traceback."""
    options = parser().parse_args(arguments)
    level = logging.INFO if options.verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%F %T")
    for name, value in PASSIVE.items():
        os.environ.setdefault(name, value)
    try:
        return _dispatch(options, arguments)
    except (ValueError, LookupError, OSError, RuntimeError) as error:
        if options.verbose:
            raise
        print(f"installation {options.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _dispatch(options: argparse.Namespace, words: list[str] | None) -> int:
    if options.command == "live":
        from installation.live import keeper

        return keeper.main(options, sys.argv[1:] if words is None else words)
    if options.command == "calibrate":
        from installation.live import calibrate

        return calibrate.main(options)
    if options.command == "film":
        from installation.live import filming

        return filming.main(options, sys.argv[1:] if words is None else words)
    if options.command == "still":
        from installation.stills import chain

        return chain.main(options)
    if options.command == "select":
        from installation.stills import choosing

        return choosing.main(options)
    if options.command == "train":
        return _train(options)
    if options.command == "corpus":
        from installation.machine import corpus

        return corpus.main(options)
    if options.command == "latent":
        from installation.machine import latent

        return latent.main(options)
    if options.command == "models":
        from installation.machine import models

        return models.main(options)
    if options.command == "doctor":
        from installation.machine import doctor

        return doctor.main(options)
    if options.command == "shows":
        from installation.machine import shows

        return shows.main(options)
    if options.command == "service":
        from installation.machine import service

        return service.main(options)
    if options.command == "desk":
        from installation.machine import desk

        return desk.main(options)
    if options.command == "kits":
        from installation.machine import kits

        return kits.main(options)
    if options.command == "bench":
        name = {"live": "bench_live", "still": "bench_still", "gpu": "gpu"}[options.what]
        code: int = importlib.import_module(f"installation.machine.{name}").main(options)
        return code
    from installation.rendering import check

    return check.check_files(options.files)


def _train(options: argparse.Namespace) -> int:
    """`train NAME ...` hands the rest of the line to the trainer, whose own --help teaches it."""
    from installation.training import line

    if options.what is None:
        print(line.trainers())
        return 2 if options.rest else 0
    return line.main(options.what, options.rest)


if __name__ == "__main__":
    sys.exit(main())
