"""Two models of one shape in; a third that has layers of both, as a model of the user's own, out."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from installation import files, weights
from installation.generators import stylegan2
from installation.generators.blend import ZONES, check_alike, mix
from installation.latent.pictures import painted
from installation.machine.latent.pictures import open_generator, save_sheet
from installation.settings import SettingsError
from installation.training.export import write_weights
from installation.weights import to_toml

SEEDS = 6
KEPT = ("kind", "file", "rim_px", "noise", "network", "knobs")  # what of the first model's card holds for the blend


def run(options: Namespace) -> int:
    """`installation latent blend`."""
    shares = {zone: getattr(options, zone) for zone in ZONES}
    if not files.is_one_name(options.name) or not all(0 <= share <= 1 for share in shares.values()):
        raise SettingsError(f"expected a folder's name and shares 0..1, found {options.name!r}, {shares}")
    folder = files.places("models")[1] / options.name
    if folder.exists():
        raise SettingsError(f"{folder} is there already; choose another name with --as")
    cards = [weights.read_config(name) for name in (options.first, options.second)]
    for name, card in zip((options.first, options.second), cards, strict=True):
        if card.get("kind") != "stylegan2":
            raise SettingsError(f"{name}: {card.get('kind', 'no kind')}: only stylegan2 can be blended")
    (config, net, (anchors, _, _)), (_, second, _) = map(stylegan2.open_model, (options.first, options.second))
    check_alike(net, second)
    mix(net, net, second, shares)
    _write(folder, net.state_dict() | ({} if anchors is None else {"anchors": anchors}), config, cards, options, shares)
    sheet = folder / "samples.png"
    cells = []
    for name in (options.first, options.second, str(folder)):
        generator = open_generator(name)
        points = [generator.of_seed(seed, 0.7) for seed in range(SEEDS)]
        cells += [(f"{Path(name).name}\nseed {seed}", painted(generator, p)) for seed, p in enumerate(points)]
    save_sheet(sheet, cells, SEEDS, f"{options.first}, {options.second}, and between them {options.name}")
    print(f"wrote {folder}\nwrote {sheet}\ninstallation live --model {options.name}")
    print(f'live, zone by zone: [generator] name = "blend", settings = {_line(options, shares)}')
    return 0


def _line(options: Namespace, shares: Mapping[str, float]) -> str:
    zones = ", ".join(f"{zone} = {share:g}" for zone, share in shares.items())
    return f'{{ model = "{options.first}", second = "{options.second}", {zones} }}'


def _write(
    folder: Path,
    tensors: Mapping[str, Any],
    config: Mapping[str, Any],
    cards: list[dict[str, Any]],
    options: Namespace,
    shares: Mapping[str, float],
) -> None:
    """The folder, in one step: whoever looks finds all of it or nothing. Raises OSError."""
    said = {
        word: " and ".join(dict.fromkeys(str(c.get(word, "unknown")) for c in cards)) for word in ("licence", "credit")
    }
    about = f"{options.first} and {options.second}, blended: " + ", ".join(f"{z} {s:g}" for z, s in shares.items())
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".blend-", dir=folder.parent) as made:
        whole = Path(made) / "model"
        sha256 = write_weights(whole, tensors)
        kept = {word: config[word] for word in KEPT if word in config and word != "file"}
        card = {"name": options.name, "about": about, **said, "file": "weights.safetensors", "sha256": sha256, **kept}
        files.write_text(whole / "model.toml", to_toml(card))
        whole.rename(folder)
