"""A foreign file and what a person says of it in; a model folder among the user's own things out, or nothing at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from installation import files, weights
from installation.formats import opened as formats
from installation.formats.opened import Converted, Opened
from installation.machine.models.pictures import open_generator, save_samples
from installation.weight_files import WeightsError, digest

WEIGHTS = "weights.safetensors"
UNKNOWN = "unknown"


def add(options: Namespace) -> int:
    """`installation models add`: say what was found, keep it, draw it, and say how it is played."""
    keep(options.files, options.name, {"licence": options.licence, "credit": options.credit})
    return 0


def keep(paths: Sequence[Path], name: str, said: dict[str, str]) -> Path:
    """The new folder of a model; said: licence and credit, "" for unknown. Raises WeightsError and keeps nothing."""
    opened = formats.open_files(paths)
    by, what = formats.format_of(opened)
    name = name or usual_name(opened.path)
    target = free_place(name)
    print(f"{opened.path.name}: {what}", flush=True)
    made = formats.convert_by(opened, by)
    for note in made.notes:
        print(f"  note: {note}")
    source = {
        "name": opened.path.name,
        "sha256": digest(opened.path) if opened.path.is_file() else "",
        "format": by.__name__.rpartition(".")[2],
    }
    write(target, opened, made, card_of(made, opened, what, source, said | {"name": name}))
    print(f"kept as {name} in {target}")
    print(f"  its sheet:  {target / 'samples.png'}")
    print(f"  play it:    installation live --model {name}")
    print(f"  its seeds:  installation models render {name} --seeds 0-23 --psi 0.7 --out {name}-seeds")
    return target


def usual_name(path: Path) -> str:
    """A name for a file's model: its own, with what names of models cannot have left out."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem if path.is_file() else path.name).strip("-._")
    return plain[:80] or "model"


def free_place(name: str) -> Path:
    """Where a new model of this name goes. Raises WeightsError where a model has it already, here or anywhere."""
    if not files.is_one_name(name):
        raise WeightsError(f"--name {name!r}: expected a name without a path, such as flowers")
    place = files.places("models")[1]
    files.sweep(place)
    there = files.find("models", f"{name}/model.toml")
    if there or os.path.lexists(place / name):
        stands = there.parent if there else place / name
        raise WeightsError(f"{name}: there is a model of this name ({stands}); ask for another: --name NAME")
    return place / name


def card_of(made: Converted, opened: Opened, what: str, source: dict[str, Any], said: dict[str, str]) -> dict[str, Any]:
    """What model.toml says, but for the weights' checksum; what nobody knows is said to be unknown."""
    card = {
        "name": said["name"],
        "about": f"{what}, from {opened.path.name}",
        "kind": made.kind,
        "licence": said["licence"] or str(made.card.get("licence", UNKNOWN)),
        "credit": said["credit"] or str(made.card.get("credit", UNKNOWN)),
        "file": made.as_it_is or WEIGHTS,
    }
    more = {key: value for key, value in made.card.items() if key not in (*card, "sha256")}
    beside = {"beside": list(made.texts)} if made.texts else {}
    return card | more | {"source_file": source | beside, "network": made.config}


def write(target: Path, opened: Opened, made: Converted, card: dict[str, Any]) -> None:
    """The folder: weights, then the card that vouches for them, then the sheet. Raises OSError or WeightsError."""
    from safetensors.torch import save_file

    fresh = not target.parent.exists()
    try:
        with files.whole_folder(target) as folder:
            path = folder / card["file"]
            if made.as_it_is:
                shutil.copyfile(opened.path, path)
            else:
                own = {name: tensor.contiguous().clone() for name, tensor in made.tensors.items()}  # none in another
                save_file(own, path, {"format": "pt"})
                path.chmod(0o644)
            text = weights.to_toml(card | {"sha256": digest(path)})
            for name, words in ({"model.toml": text} | made.texts).items():
                (folder / name).write_text(words, "utf-8")
            save_samples(open_generator(folder), folder / "samples.png", card["name"])
    except BaseException:
        if fresh:
            with contextlib.suppress(OSError):
                target.parent.rmdir()
        raise
