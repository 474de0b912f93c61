"""A model in; a map of what it paints, drawn once and kept, and a page on which the show is led over it, out."""

from __future__ import annotations

import webbrowser
from argparse import Namespace

from tqdm import tqdm

from installation.latent import maps
from installation.latent.atlas import Atlas
from installation.machine.latent.pictures import open_generator
from installation.pages.server import PageServer


def run(options: Namespace) -> int:
    """`installation latent map`: draw it where there is none yet, then serve the page until ctrl-c."""
    generator = open_generator(options.model, dtype="auto")
    found = maps.read(options.model, generator.weights_sha256)
    if found is None or options.anew:
        bars: dict[str, tqdm] = {}

        def watch(what: str, step: int, steps: int) -> None:
            bar = bars.setdefault(what, tqdm(total=steps, desc=what, disable=None))
            bar.update(step - bar.n)

        found, picture = maps.draw(generator, options.count, options.truncation, options.tidy, watch)
        for bar in bars.values():
            bar.close()
        folder = maps.keep(options.model, generator.weights_sha256, found, picture)
        print(f"wrote {folder / maps.FILE}\nwrote {folder / maps.ATLAS}")
    print('in a show: a cue with vector = "map", and routes to generator.map_x and generator.map_y')
    if options.no_page:
        return 0
    atlas = Atlas(options.model, found, options.desk)
    with PageServer({"map": atlas}, options.port) as server:
        try:
            print(f"the map of {options.model}: {server.guard.address}\nctrl-c ends", flush=True)
            from installation.live.opening import has_display

            if has_display():
                webbrowser.open(server.guard.address)
            server.wait()
        except KeyboardInterrupt:
            print()
    return 0
