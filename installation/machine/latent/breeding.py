"""A model and some of its points in; a page on which their children are bred, looked at and kept, out."""

from __future__ import annotations

import webbrowser
from argparse import Namespace

from installation.latent import bred, vectors
from installation.latent.breeding import Family
from installation.latent.door import Door
from installation.machine.latent.pictures import open_generator
from installation.pages.server import PageServer
from installation.settings import SettingsError


def run(options: Namespace) -> int:
    """`installation latent breed`: serve the page until ctrl-c."""
    from installation.live.opening import has_display

    generator = open_generator(options.model, dtype="auto")
    names = options.points or ["seed 0", "seed 1", "seed 2", "seed 3"]
    if len(names) < 2:
        raise SettingsError("expected 2 vectors or more, to be parents")
    founders = {name: vectors.point_of(name, generator) for name in names}
    bred.folder_of(options.model).mkdir(parents=True, exist_ok=True)  # so that a show that begins now can be led there
    family = Family(generator, options.model, founders, options.seed, Door(options.desk))
    with PageServer({"breed": family}, options.port) as server:
        try:
            print('a show that begins from now on is led to whom you point at; in a cue: vector = "bred"')
            print(f"breeding {options.model}: {server.guard.address}\nctrl-c ends", flush=True)
            if has_display():
                webbrowser.open(server.guard.address)
            server.wait()
        except KeyboardInterrupt:
            print()
    return 0
