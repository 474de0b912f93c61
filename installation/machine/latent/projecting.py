"""A picture and a model in; the vector whose picture looks most like it, and a sheet that shows how near, out."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from installation import files
from installation.latent import vectors
from installation.latent.pictures import read_picture, to_bytes
from installation.latent.projection import Effort, Found, Projector
from installation.machine.latent.pictures import open_generator, save_sheet
from installation.networks.encoder import encoder_of, open_encoder
from installation.settings import SettingsError

if TYPE_CHECKING:
    from torch import Tensor

    from installation.generators.gan import Gan

SHOWN_PX = 256
PREVIEW_EVERY = 20  # steps


def run(options: Namespace) -> int:
    """`installation latent project`."""
    name = options.name or options.picture.stem
    if not files.is_one_name(name) or not 0 < options.effort <= 100:
        raise SettingsError(f"expected a file's name and an effort above 0, found {name!r}, {options.effort:g}")
    generator = open_generator(options.model)
    target = read_picture(options.picture, generator.size)
    folder = options.out or vectors.folder()
    path, sheet = folder / f"{name}.npz", folder / f"{name}.png"
    read = _read(options, generator, target) if options.quick or options.encoder else None
    with Progress(sheet, target) as progress:
        found = Projector(generator, target, progress.note).find(effort_of(options.effort), options.plus, read)
    vectors.write(path, found[-1].point, str(options.model), generator.weights_sha256)
    _show(sheet, target, found, f"{options.picture.name}   {Path(options.model).name}")
    if options.plus and len(generator.spaces) < 2:
        print(f"{options.model}: this kind of network has {generator.spaces[0]} alone: --plus finds no more")
    for one in found:
        print(f"{one.name}: {one.apart:.3f} from {options.picture.name}")
    print(f"wrote {path}\nwrote {sheet}")
    print(f'in a show: [[vectors]] name = "{name}", file = "{path}"; in a cue: vector = "{name}"')
    return 0


def _read(options: Namespace, generator: Gan, target: Tensor) -> Tensor:
    """The w (1, D) that the model's encoder reads in a picture. Raises WeightsError where there is none for it."""
    encoder = open_encoder(options.encoder or encoder_of(options.model), generator.weights_sha256)
    return encoder.invert(target)


def effort_of(share: float) -> Effort:
    """So much of the usual."""
    usual = Effort()
    return Effort(**{f.name: max(2, round(getattr(usual, f.name) * share)) for f in dataclasses.fields(usual)})


class Progress:
    """A bar for each thing that is being done, and the picture by now where the sheet will be."""

    def __init__(self, sheet: Path, target: Tensor) -> None:
        self.sheet, self.target = sheet, target
        self._bar: tqdm | None = None
        self._what = ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def note(self, what: str, step: int, steps: int, picture: Tensor | None) -> None:
        """One more step; now and then the picture too."""
        if what != self._what:
            self.__exit__()
            self._what, self._bar = what, tqdm(total=steps, desc=what, disable=None)
        assert self._bar is not None
        self._bar.update(step - self._bar.n)
        if picture is not None and step % PREVIEW_EVERY == 0:
            cells = [("target", to_bytes(self.target)), (f"{what}, step {step}", to_bytes(picture))]
            save_sheet(self.sheet, cells, 2, "a preview", SHOWN_PX)


def _show(sheet: Path, target: Tensor, found: list[Found], title: str) -> None:
    cells = [("target", to_bytes(target))]
    cells += [(f"{one.name}\n{one.apart:.3f} apart", to_bytes(one.picture)) for one in found]
    save_sheet(sheet, cells, len(cells), title, SHOWN_PX)
