"""A folder of still pictures in, the two nets of the slo-mo glitch out: `installation train slomo FOLDER`.

The nets learn on synthetic motion of the stills (slomo/motion.py), where every flow and the frame between are known.
Stop with Ctrl-C or by any other means, and start the same line again: it goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

import torch
from tqdm import tqdm

from installation.training.corpus import open_corpus
from installation.training.gan import prepare_machine, stop_request
from installation.training.slomo.run import Run, Settings, read_widths, train

HELP = {
    "size": "px of a scene, a multiple of 32",
    "minutes": "how long to train, in minutes of active time",
    "batch": "scenes in one step; more while they are still small",
    "threads": "CPU threads to use; 0: all",
    "seed": "of everything random",
    "device": "auto | cpu | cuda | cuda:1 ...",
    "widths": "channels of the encoder's six pairs of convolutions; 32,64,128,256,512,512 are the published ones",
    "lr": "learning rate at the start; it falls to a twentieth",
    "perceptual": "weight of the perceptual loss (VGG-16); 0: none",
    "sheet_minutes": "minutes between two sample sheets and checkpoints",
    "licence": "of the model, for its card",
    "credit": "the training set and its makers, for the model's card",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Every field of Settings as an option."""
    parser.add_argument("folder", type=Path, help="still pictures, any sizes, in any sub-folders")
    parser.add_argument("--out", type=Path, default=Path("models/slomo"), help="model folder (default: models/slomo)")
    parser.add_argument(
        "--work", type=Path, help="where the run keeps its state (default: training/<the model's name>)"
    )
    parser.add_argument(
        "--export", action="store_true", help="train no further; write the model of the last checkpoint"
    )
    for item in fields(Settings):
        if item.name in HELP:
            text = f"{HELP[item.name]} (default: {item.default})" if item.default != "" else HELP[item.name]
            name = f"--{item.name.replace('_', '-')}"
            parser.add_argument(name, type=type(item.default), default=item.default, help=text)


def settings_from(args: argparse.Namespace) -> Settings:
    """Resolve what was left out. Raises ValueError for a size or widths there cannot be."""
    values = {item.name: getattr(args, item.name) for item in fields(Settings)}
    values["work"] = args.work or Path("training") / args.out.name
    if args.device == "auto":
        values["device"] = "cuda" if torch.cuda.is_available() else "cpu"
    if args.size < 32 or args.size % 32:
        raise ValueError(f"expected a multiple of 32 as size, found {args.size}")
    read_widths(args.widths)
    return Settings(**values)


def run(args: argparse.Namespace) -> int:
    """Train, or export. Returns the exit status."""
    try:
        settings = settings_from(args)
        prepare_machine(settings)  # type: ignore[arg-type]  # reads threads and device only
        corpus = open_corpus(settings.folder, 2 * settings.size, settings.work)
        for name, reason in corpus.skipped.items():
            print(f"skipped {name}: {reason}", file=sys.stderr)
        current = Run(settings, corpus)
    except (ValueError, FileNotFoundError) as error:
        print(f"installation train slomo: {error}", file=sys.stderr)
        return 2
    if args.export:
        print(current.write_model())
        return 0
    bar = tqdm(total=round(settings.minutes * 60), unit="s", desc="training", mininterval=2)
    bar.update(round(current.active_s))
    bar.unpause()

    def tell(current: Run, parts: dict[str, float]) -> None:
        text = " ".join(f"{name} {value:.3g}" for name, value in parts.items())
        bar.set_postfix_str(f"{current.scenes_seen:,} scenes, {text}", refresh=False)
        bar.update(int(current.active_s) - bar.n)

    with stop_request() as asked, bar:
        train(current, lambda: bool(asked), tell)
    print(f"{settings.out}: {current.scenes_seen:,} scenes seen, {current.figures}; sheet in {settings.work}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="installation train slomo", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args())


if __name__ == "__main__":
    raise SystemExit(main())
