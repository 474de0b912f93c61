"""A show in; the same show with a network of NVIDIA's standard channels and random weights out, for benches."""

from __future__ import annotations

import dataclasses
import importlib
import json
from pathlib import Path
from typing import Any

from installation.settings import Part, Show


def standard_show(
    show: Show,
    resolution: int,
    folder: Path,
    size: tuple[int, int] = (1920, 1080),
    network: str = "stylegan2",
    **shape: Any,
) -> Show:
    """The show as fast as it goes, drawn at `size`; shape changes the network's channels. Writes a model to folder.

    network: a kind, of a stylegan3 with -t or -r behind it.
    """
    import torch
    from safetensors.torch import save_file

    from installation import weights

    kind, _, letter = network.partition("-")
    room = importlib.import_module(f"installation.generators.{kind}.network")
    configured = room.NetworkConfig.r if letter == "r" else room.NetworkConfig
    torch.manual_seed(0)
    net = room.Generator(configured(resolution=resolution, **shape))
    path = folder / "weights.safetensors"
    save_file({name: tensor.half().contiguous() for name, tensor in net.state_dict().items()}, path)
    card = {"kind": kind, "file": path.name, "sha256": weights.digest(path), "licence": "none: random weights"}
    (folder / "model.toml").write_text(_toml(card | {"network": net.config.to_dict()}), "utf-8")
    screen = dataclasses.replace(show.screen, size=size, working_size=size, fps=240.0)
    return dataclasses.replace(show, generator=Part(kind, {"model": str(folder)}), screen=screen)


def _toml(table: dict[str, Any], name: str = "") -> str:
    """Texts, numbers and tables of them as TOML: single values first, as the format wants it."""
    lines = [f"[{name}]"] if name else []
    lines += [f"{key} = {json.dumps(value)}" for key, value in table.items() if not isinstance(value, dict)]
    tables = {key: value for key, value in table.items() if isinstance(value, dict)}
    return "\n".join(lines) + "\n" + "".join(_toml(value, f"{name}.{key}".strip(".")) for key, value in tables.items())
