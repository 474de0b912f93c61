"""A trainer's name and the words that follow it in; its run, begun, watched and politely stopped, out.

The options are the fields of the trainer's Settings; whatever is refused is refused in one line.
"""

from __future__ import annotations

import argparse
import ast
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import Field, fields
from pathlib import Path
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from installation import plugins
from installation.training.settings import Common

if TYPE_CHECKING:
    from installation.training.corpus import Corpus

ROOM = "training"
BAR = "{l_bar}{bar}| {n_fmt} of {total_fmt} {unit}, {remaining} left{postfix}"
GOES_ON = "Stop with Ctrl-C or by any other means, and start the same line again: it goes on from the last checkpoint."


class Run(Protocol):
    """What a trainer's `create(settings)` returns: a Body, or something that goes its own way."""

    unit: str  # of done and whole: "s" of active time, or whatever is counted

    @property
    def done(self) -> float:
        """How much of it is done."""
        ...

    @property
    def whole(self) -> float:
        """How much there is to do."""
        ...

    def train(self, stop: Callable[[], bool], tell: Callable[[str], None]) -> None:
        """Train until all is done or stop() says so, and write the model; tell(text) after every step."""
        ...

    def export(self) -> Path:
        """Write the model of the last checkpoint. Returns its folder."""
        ...

    def told(self) -> str:
        """What became of it, in one line."""
        ...


def main(name: str, words: list[str]) -> int:
    """Train, or export. Returns the exit status; raises what the trainer raises when it cannot begin."""
    module = plugins.load(ROOM, name)
    settings, only_export = read(name, module, words)
    prepare_machine(settings)
    run: Run = module.create(settings)
    if only_export:
        print(run.export())
        return 0
    _watch(run)
    print(run.told())
    return 0


def read(name: str, module: ModuleType, words: list[str]) -> tuple[Any, bool]:
    """The trainer's Settings, resolved, and whether only an export is asked for. Raises ValueError for what cannot be.

    --help prints every option and leaves with status 0.
    """
    found = vars(_parser(name, module).parse_args(words))
    only_export = found.pop("export")
    settings: Common = module.Settings(**found)
    return settings.resolve(), only_export


def trainers() -> str:
    """Every trainer with the first line of what it says of itself, read from its file."""
    lines = [f"  {name:<12}{_about(name)}" for name in plugins.available(ROOM)]
    return "\n".join(["usage: installation train TRAINER FOLDER [options]", "", *lines, "", "TRAINER --help says more"])


def open_pictures(settings: Common, size: int = 0) -> Corpus:
    """The corpus of a run at this size (default: settings.size); what is left out of it is said by name.

    Raises FileNotFoundError, ValueError as open_corpus does.
    """
    from installation.training.corpus import open_corpus

    s = settings
    corpus = open_corpus(s.folder, size or s.size, s.work, crop=s.crop, frames=s.frames)
    for name, reason in corpus.skipped.items():
        print(f"skipped {name}: {reason}", file=sys.stderr)
    return corpus


def prepare_machine(settings: Common) -> None:
    """Threads, denormals, and an allocator that keeps its pages: all three matter on a CPU, by up to three times."""
    import torch

    from installation import memory

    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.set_flush_denormal(True)
    torch.backends.cudnn.benchmark = True
    if settings.on_cpu:
        memory.keep_pages()


@contextmanager
def stop_request() -> Iterator[list[int]]:
    """A list that fills when Ctrl-C or a polite kill asks to stop: the step in hand is finished and all is saved.

    Whoever asks twice does not want to wait: KeyboardInterrupt, and what was saved last is whole.
    """
    asked: list[int] = []

    def ask(number: int, _: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        print("\nstopping: what was learnt is saved and the model written; once more stops at once", file=sys.stderr)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, what in before.items():
            signal.signal(number, what)


def _watch(run: Run) -> None:
    """Train under a bar that says how far it is and how long it will take."""
    from tqdm import tqdm

    whole = round(run.whole)
    bar = tqdm(total=whole, initial=int(run.done), unit=run.unit, desc="training", mininterval=2, bar_format=BAR)

    def tell(text: str) -> None:
        bar.set_postfix_str(text, refresh=False)
        bar.update(min(int(run.done), whole) - bar.n)

    with stop_request() as asked, bar:
        run.train(lambda: bool(asked), tell)


class _Parser(argparse.ArgumentParser):
    """One that refuses in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; --help lists what can be asked for\n")


def _parser(name: str, module: ModuleType) -> argparse.ArgumentParser:
    """Every field of the trainer's Settings as an option; its folder first."""
    prog, about = f"installation train {name}", f"{module.__doc__}\n{GOES_ON}"
    parser = _Parser(prog, description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    for item in fields(module.Settings):
        _add(parser, item)
    parser.add_argument(
        "--export", action="store_true", help="train no further; write the model of the last checkpoint"
    )
    return parser


def _add(parser: argparse.ArgumentParser, item: Field[Any]) -> None:
    """One field: the folder, a switch (bool), a list (tuple: the option may be given again), or a value."""
    told, default = item.metadata.get("help", ""), item.default
    if item.name == "folder":
        parser.add_argument("folder", type=Path, help=told)
        return
    flag = item.metadata.get("flag") or f"--{item.name.replace('_', '-')}"
    how: dict[str, Any] = {"dest": item.name, "default": default}
    if isinstance(default, bool):
        how["action"] = argparse.BooleanOptionalAction if default else "store_true"
    elif isinstance(default, tuple):
        how |= {"action": _Append, "metavar": "NAME"}
        told += "; may be given several times"
    else:
        how |= {"type": type(default), "choices": item.metadata.get("choices") or None, "metavar": item.name.upper()}
        told += "" if default in ("", Path()) or "(default" in told else f" (default: {default})"
    parser.add_argument(flag, help=told, **how)


class _Append(argparse.Action):
    """One more of a tuple."""

    def __call__(self, parser: object, found: argparse.Namespace, value: Any, option: str | None = None) -> None:
        setattr(found, self.dest, (*getattr(found, self.dest), value))


def _about(name: str) -> str:
    """The first line of a trainer's docstring; the file is read, not run."""
    room = Path(__file__).parent
    path = room / f"{name}.py" if (room / f"{name}.py").is_file() else room / name / "__init__.py"
    return (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition("\n")[0]
