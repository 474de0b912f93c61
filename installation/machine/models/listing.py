"""A model's name, or none, in; what is known of it in a few lines out, or nothing of it left."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from installation import files, plugins, weights
from installation.weight_files import WeightsError

OVER_OTHERS = {
    "slomo",
    "translator",
}  # lay themselves over another generator: they have a model, and paint nothing alone


ENLARGES = "upscaler"  # paints nothing either, and is chosen by name


def list_all(options: Namespace) -> int:
    """`installation models list`: the models that paint, and those that enlarge, one line each."""
    kinds = {*plugins.available("generators"), ENLARGES} - OVER_OTHERS
    rows = [(folder, card) for folder in weights.find_all() if (card := _read(folder)).get("kind") in kinds]
    width = max((len(folder.name) for folder, _ in rows), default=0)
    for folder, card in rows:
        print(f"{folder.name:<{width}}  {card['kind']:<11} {_whose(folder):<14} {card.get('about', '')}")
    return 0


def _read(folder: Path) -> dict[str, Any]:
    """A model's card; one that cannot be read is no model."""
    try:
        return weights.read_config(folder)
    except WeightsError:
        return {}


def _whose(folder: Path) -> str:
    here, users, _ = files.places("models")
    return "yours" if folder.parent == users else "in this folder" if folder.parent == here else "comes along"


def show(options: Namespace) -> int:
    """`installation models show NAME`: what its card says, where it lies, how it is played."""
    folder = weights.find(options.name)
    card = weights.read_config(folder)
    for key in ("name", "about", "kind", "licence", "credit"):
        print(f"{key:<9}{card.get(key, 'unknown')}")
    if isinstance(source := card.get("source_file"), dict):
        name, kind, sha256 = (source.get(key, "unknown") for key in ("name", "format", "sha256"))
        print(f"{'from':<9}{name} ({kind}), sha256 {sha256}")
    print(f"{'lies in':<9}{folder}")
    network = card.get("network", {})
    for key, value in network.items() if isinstance(network, dict) else ():
        print(f"  {key:<16}{value}")
    if card.get("kind") == ENLARGES:
        print(f"{'use it':<9}installation still photo.jpg --width 1m --set upscale.model={options.name}")
    else:
        print(f"{'play it':<9}installation live --model {options.name}")
    return 0


def remove(options: Namespace) -> int:
    """`installation models remove NAME`: what `models add` wrote, and nothing else. Raises WeightsError for others."""
    place = files.places("models")[1]
    folder = place / options.name
    if not files.is_one_name(options.name) or folder.is_symlink() or not (folder / "model.toml").is_file():
        raise WeightsError(f"{options.name}: no model in {place}; only what `models add` wrote is removed")
    card = weights.read_config(folder)
    if not isinstance(card.get("source_file"), dict):
        raise WeightsError(f"{folder}: was not written by `models add`; remove the folder by hand")
    beside = [name for name in card["source_file"].get("beside", []) if files.is_one_name(name)]
    for name in (*beside, str(card.get("file", "weights.safetensors")), "samples.png", "model.toml"):
        (folder / name).unlink(missing_ok=True)
    left = sorted(path.name for path in folder.iterdir())
    if left:
        print(f"{folder}: removed the model; {', '.join(left)} is yours and stays")
    else:
        folder.rmdir()
        print(f"removed {folder}")
    return 0
