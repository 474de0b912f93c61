"""A seed or a vector in; the same as the file of a vector out."""

from __future__ import annotations

from argparse import Namespace

from installation import files
from installation.latent import vectors
from installation.latent.pictures import painted
from installation.machine.latent.pictures import open_generator, save_sheet
from installation.settings import SettingsError


def run(options: Namespace) -> int:
    """`installation latent vector`."""
    if not files.is_one_name(options.name):
        raise SettingsError(f"--as: {options.name!r} is no file's name")
    generator = open_generator(options.model)
    point = vectors.point_of(options.point, generator, options.truncation)
    path = (options.out or vectors.folder()) / f"{options.name}.npz"
    vectors.write(path, point, str(options.model), generator.weights_sha256)
    save_sheet(path.with_suffix(".png"), [(options.point, painted(generator, point))], 1, options.name)
    print(f"wrote {path}\nwrote {path.with_suffix('.png')}")
    print(f'in a show: [[vectors]] name = "{options.name}", file = "{path}"; in a cue: vector = "{options.name}"')
    return 0
