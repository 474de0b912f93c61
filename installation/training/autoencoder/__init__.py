"""A folder of pictures in, squares in which they leak into each other out: `installation train autoencoder FOLDER`.

A network is kept from doing its job properly: too few units, too small a middle, too many pictures, stopped early.
It is trained from scratch at each run; its squares are sorted, its weights thrown away. `--explore 500` makes as many
runs in the narrow band between noise and copies and hangs the best squares on one page; `--like 317` does a run again.
Stop it by any means and start the same line again: it goes on with the next run.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Container
from dataclasses import fields
from pathlib import Path

from tqdm import tqdm

from installation.memory import keep_pages
from installation.training.autoencoder import exploring, hanging, keeping
from installation.training.autoencoder.running import Run, Studio
from installation.training.autoencoder.settings import Settings
from installation.training.autoencoder.span import Squares
from installation.training.corpus import open_corpus
from installation.training.line import stop_request

FIRST_PAGE_S, PAGE_EVERY_S = 20.0, 120.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Every field of Settings as an option."""
    for item in fields(Settings):
        flag, text = item.metadata.get("flag", f"--{item.name.replace('_', '-')}"), item.metadata["help"]
        if item.name == "folder":
            parser.add_argument("folder", type=Path, help=text)
        elif item.default is dataclasses.MISSING:
            parser.add_argument(flag, type=Path, default=None, help=text)
        elif isinstance(item.default, bool):
            parser.add_argument(flag, action="store_true", help=text)
        elif isinstance(item.default, tuple):
            parser.add_argument(
                flag, dest=item.name, action="append", default=[], metavar="NAME", help=f"{text}; may be repeated"
            )
        else:
            told = f"{text} (default: {item.default})" if item.default != "" else text
            parser.add_argument(flag, type=type(item.default), default=item.default, help=told)


def settings_from(args: argparse.Namespace) -> Settings:
    """Resolve what was left out. Raises ValueError naming what cannot be."""
    values = {item.name: getattr(args, item.name) for item in fields(Settings)}
    values["out"] = args.out or Path("models") / args.folder.resolve().name
    values["work"] = args.work or Path("training") / values["out"].name
    values["named"] = tuple(args.named)
    return Settings(**values)


def run(args: argparse.Namespace) -> int:
    """Make runs, hang their squares, keep a model where it was asked for. Returns the exit status."""
    try:
        settings = settings_from(args)
        _prepare_machine(settings)
        corpus = open_corpus(settings.folder, settings.size, settings.work)
        for name, reason in corpus.skipped.items():
            print(f"skipped {name}: {reason}", file=sys.stderr)
        studio = Studio(settings, Squares(corpus, settings.colour, settings.contrast))
        studio.named()
        exploring.like(settings, studio.folder)
    except (ValueError, FileNotFoundError) as error:
        print(f"installation train autoencoder: {error}", file=sys.stderr)
        return 2
    if settings.explore:
        last = _explore(studio)
    else:
        wanted = exploring.next_parameters(settings, studio, studio.next_number())
        there = [run for run in studio.made.values() if run.parameters == wanted] if settings.keep else []
        last = there[0] if there else _once(studio)
    if last is None:
        return 130
    if settings.keep:
        folder = keeping.keep(studio, last)
        print(f"kept run {last.number}: installation live --show {folder / 'show.toml'}")
    return 0


def _once(studio: Studio) -> Run | None:
    """One more run, every square of it sorted."""
    with stop_request() as asked:
        made = _next(studio, lambda: bool(asked))
    if made is None:
        return None
    folder = hanging.sort(studio, made)
    hanging.hang(studio)
    print(f"run {made.number}: {_said(made)}; squares in {folder}, the best of all runs: {_page(studio)}")
    return made


def _explore(studio: Studio) -> Run | None:
    """As many runs as there shall be; the best of them all, or None where it was asked to stop."""
    settings, wanted = studio.settings, studio.settings.explore
    liked = {int(name.partition("-")[0]) for name in hanging.kept(studio)}
    due_s = time.monotonic() + FIRST_PAGE_S
    bar = tqdm(total=wanted, initial=min(wanted, len(studio.made)), unit="run", desc="exploring", mininterval=2)
    with stop_request() as asked, bar:
        while len(studio.made) < wanted and not asked:
            if (made := _next(studio, lambda: bool(asked), liked)) is None:
                break
            bar.set_postfix_str(f"run {made.number}: {_said(made)}", refresh=False)
            bar.update()
            if time.monotonic() > due_s:
                hanging.glance(studio)
                due_s = time.monotonic() + PAGE_EVERY_S
    if not studio.made:
        return None
    hung = hanging.hang(studio)
    print(f"{len(studio.made)} runs, {len(hung)} squares on {_page(studio)}")
    print(f"keep and reject: installation select {settings.work / hanging.FOLDER}")
    return None if asked else exploring.best(studio.made)[0]


def _next(studio: Studio, asked: Callable[[], bool], liked: Container[int] = ()) -> Run | None:
    number = studio.next_number()
    parameters = exploring.next_parameters(studio.settings, studio, number, liked)
    if studio.settings.error:
        parameters = dataclasses.replace(parameters, stop=studio.stop_at(parameters))
    return studio.run(number, parameters, asked)


def _said(made: Run) -> str:
    told = made.told
    return f"{told['worth']} worth a look, {told['faithful']} too faithful, {told['noise']} noise"


def _page(studio: Studio) -> Path:
    return studio.settings.work / f"{hanging.PAGE}.jpg"


def _prepare_machine(settings: Settings) -> None:
    import torch

    if settings.threads or settings.kind == "dense":
        torch.set_num_threads(settings.threads or 1)
    torch.set_flush_denormal(True)
    keep_pages()
