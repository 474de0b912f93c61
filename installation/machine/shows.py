"""The show files that are here in; what each one is, what it needs and how to play it out: `installation shows`."""

from __future__ import annotations

import textwrap
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from installation import files, plugins, weights
from installation.live import loop
from installation.live import options as live_options
from installation.live.portable import own_model
from installation.settings import SettingsError, Show, open_show

DEVICES = ("camera", "microphone")
WIDTH = 96  # columns of a terminal


def main(options: Namespace) -> int:
    """`installation shows list | show NAME | sheet NAME`; returns the exit code. Raises SettingsError, OSError."""
    if options.what == "list":
        return list_all()
    if not options.name:
        raise SettingsError(f"{options.what}: which one? There are: {', '.join(names())}")
    show = open_show(options.name)
    return sheet(show.name, options) if options.what == "sheet" else describe(show, options.name)


def names() -> list[str]:
    """Every show that can be played by its name: those of this folder, of this user, and those that came along."""
    return [path.stem for path in files.there_are("shows", "*.toml")]


def list_all() -> int:
    """One paragraph a show; one that cannot be read is listed with its reason. 1 when there is such a one."""
    code = 0
    for name in names():
        try:
            show = open_show(name)
            lines = [show.about, _here(show), f"installation live --show {name}"]
        except (SettingsError, OSError) as error:
            lines, code = [f"cannot be played: {error}"], 1
        print(name)
        for line in filter(None, lines):
            print(textwrap.fill(line, WIDTH, initial_indent="    ", subsequent_indent="    "))
    return code


def describe(show: Show, name: str) -> int:
    """All that somebody who is about to play it wants to know."""
    print(f"{show.name}: {show.about}")
    rows = {
        "painted by": " ".join(filter(None, (show.generator.name, own_model(show.generator)))),
        "drawn over": ", ".join(effect.name or Path(effect.file).stem for effect in show.effects) or "nothing",
        "listens to": ", ".join(dict.fromkeys(route.source for route in show.routes)) or "nobody",
        "cues": "\n".join(f"{cue.number}  {cue.name}  ({cue.fade_s:g} s)" for cue in show.cues) or "none",
        "aliases": "\n".join(show.osc.aliases),
        "here": _here(show),
        "play it": f"installation live --show {name}",
        "look at it": f"installation shows sheet {name}",
    }
    for word, text in rows.items():
        for i, line in enumerate(text.splitlines()):
            print(f"  {word if i == 0 else '':<12}{line}")
    return 0


def sheet(name: str, options: Namespace) -> int:
    """Twelve instants of it, as `make run` writes them; the packaged recording plays, so that nobody is seen on it."""
    out = options.out or Path("out") / f"{name}.jpg"
    words = ("--show", options.name, "--headless", "--camera", "none", "--microphone", "none", "--osc-port", "0")
    asked = live_options.parse(*words, "--seconds", str(options.seconds))
    asked.sheet = out
    return loop.main(asked)


def _here(show: Show) -> str:
    """What it is made for, and whether that is here."""
    return "; ".join((*_weights(show), *_devices(show))) or "needs nothing beside this program"


def _weights(show: Show) -> Iterator[str]:
    model = own_model(show.generator)
    if not model:
        yield "no weights"
        return
    try:
        weights.find(model)
        yield f"model {model}: here"
    except weights.WeightsError:
        yield f"model {model}: NOT HERE; `installation models list` says which are"


def _devices(show: Show) -> Iterator[str]:
    for part in show.inputs:
        if part.name in DEVICES:
            there = part.settings.get("device") or plugins.load("inputs", part.name).devices()
            yield f"{part.name}: {'here' if there else 'none yet, the recording plays its part'}"
