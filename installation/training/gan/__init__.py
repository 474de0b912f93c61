"""A folder of an artist's images in, a StyleGAN2 that a live show can play out: `installation train gan FOLDER`.

Stop with Ctrl-C or by any other means, and start the same line again: it goes on from the last checkpoint.
"""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from types import FrameType

import torch
from tqdm import tqdm

from installation.memory import keep_pages
from installation.training.corpus import open_corpus
from installation.training.gan.run import Run, train
from installation.training.gan.settings import Settings

HELP = {
    "size": "px of the pictures the model will draw, a power of two",
    "method": "auto | adversarial (a GAN; the default on CUDA) | reconstruct (redraw first; the default on a CPU)",
    "minutes": "how long to train, in minutes of active time",
    "batch": "pictures in one step; 0: 32 on CUDA, 8 on a CPU",
    "threads": "CPU threads to use; 0: all",
    "seed": "of everything random",
    "device": "auto | cpu | cuda | cuda:1 ...",
    "z_dim": "numbers in a z code",
    "w_dim": "numbers in a w code",
    "mapping_layers": "layers of the mapping network",
    "channel_base": "channels x px of a layer: 3072 plays live on two CPU cores, 16384 is for a GPU",
    "channel_max": "most channels in a layer",
    "channel_min": "fewest channels in a layer",
    "start": "a model to start from, by name or folder: its network is taken over, whatever the options say",
    "lr": "learning rate",
    "sharpen_from": "method reconstruct: part of the run after which critics sharpen; 1: never, for short runs",
    "sheet_minutes": "minutes between two sample sheets and checkpoints",
    "judge_minutes": "minutes between two quality figures",
    "licence": "of the model, for its card",
    "credit": "the training set and its makers, for the model's card",
    "attribution": "file in the model folder that names the makers of the pictures, for the model's card",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Every field of Settings as an option."""
    parser.add_argument("folder", type=Path, help="your images, any sizes, in any sub-folders")
    parser.add_argument("--out", type=Path, help="model folder to write (default: models/<name of the images' folder>)")
    parser.add_argument(
        "--work", type=Path, help="where the run keeps its state (default: training/<the model's name>)"
    )
    parser.add_argument(
        "--export", action="store_true", help="train no further; write the model of the last checkpoint"
    )
    for field in fields(Settings):
        if field.name in HELP:
            kind = type(field.default)
            text = f"{HELP[field.name]} (default: {field.default})" if field.default != "" else HELP[field.name]
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default, help=text)


def settings_from(args: argparse.Namespace) -> Settings:
    """Resolve what was left to `auto` or out. Raises ValueError for a method or size there is not."""
    values = {field.name: getattr(args, field.name) for field in fields(Settings)}
    values["out"] = args.out or Path("models") / args.folder.resolve().name
    values["work"] = args.work or Path("training") / values["out"].name
    if args.device == "auto":
        values["device"] = "cuda" if torch.cuda.is_available() else "cpu"
    if args.method == "auto":
        values["method"] = "adversarial" if values["device"].startswith("cuda") else "reconstruct"
    if values["method"] not in ("adversarial", "reconstruct"):
        raise ValueError(f"expected method adversarial, reconstruct or auto, found {args.method!r}")
    if args.batch == 0:
        values["batch"] = 32 if values["device"].startswith("cuda") else 8
    if values["batch"] < 4 or values["batch"] % 2:
        raise ValueError(f"expected an even batch of 4 or more, found {args.batch}")
    if args.size < 32 or args.size & (args.size - 1):
        raise ValueError(f"expected a power of two from 32 up as size, found {args.size}")
    return Settings(**values)


def run(args: argparse.Namespace) -> int:
    """Train, or export. Returns the exit status."""
    try:
        settings = settings_from(args)
        prepare_machine(settings)
        corpus = open_corpus(settings.folder, settings.size, settings.work)
        for name, reason in corpus.skipped.items():
            print(f"skipped {name}: {reason}", file=sys.stderr)
        current = Run(settings, corpus)
    except (ValueError, FileNotFoundError) as error:
        print(f"installation train gan: {error}", file=sys.stderr)
        return 2
    if args.export:
        current.film()
        print(current.write_model())
        return 0
    _train(current)
    print(f"{settings.out}: {current.images:,} images seen; sheets and film in {settings.work}")
    return 0


def _train(current: Run) -> None:
    bar = tqdm(total=round(current.settings.minutes * 60), unit="s", desc="training", mininterval=2)
    bar.update(round(current.active_s))
    bar.unpause()

    def tell(current: Run, parts: dict[str, float]) -> None:
        text = " ".join(f"{name} {value:.3g}" for name, value in parts.items())
        bar.set_postfix_str(f"{current.images:,} images at {current.size} px, {text}", refresh=False)
        bar.update(int(current.active_s) - bar.n)

    with stop_request() as asked, bar:
        train(current, lambda: bool(asked), tell)


def prepare_machine(settings: Settings) -> None:
    """Threads, denormals, and an allocator that keeps its pages: all three matter on a CPU, by up to three times."""
    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.set_flush_denormal(True)
    torch.backends.cudnn.benchmark = True
    if settings.device == "cpu":
        keep_pages()


@contextmanager
def stop_request() -> Iterator[list[int]]:
    """A list that fills when Ctrl-C or a polite kill asks to stop: the step in hand is finished and all is saved."""
    asked: list[int] = []

    def ask(number: int, _: FrameType | None) -> None:
        asked.append(number)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, what in before.items():
            signal.signal(number, what)


def main() -> int:
    parser = argparse.ArgumentParser(prog="installation train gan", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args())


if __name__ == "__main__":
    raise SystemExit(main())
