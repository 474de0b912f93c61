"""A checkpoint of FastGAN's training in; its averaged generator, without spectral norm, out."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from installation.formats.opened import Converted, Opened, plain_tensors, table_of
from installation.generators.fastgan.network import NetworkConfig
from installation.generators.folding import without_spectral_norm
from installation.networks.reading import strip

FIRST = ("init.init.0.weight_orig", "init.init.0.weight")
BUFFERS = ("_u", "_v", "running_mean", "running_var", "num_batches_tracked")


def recognise(opened: Opened) -> str | None:
    """{g, d} of its snapshots, or all_N.pth with the average as a list beside."""
    tensors = _generator(opened)
    if not any(name in tensors for name in FIRST) or not any(name.startswith("feat_8.1.weight") for name in tensors):
        return None
    return "a FastGAN"


def convert(opened: Opened) -> Converted:
    """Raises WeightsError for an average that does not belong to the network it lies beside."""
    found, notes = dict(_generator(opened)), []
    average = table_of(opened.found).get("g_ema")
    if isinstance(average, list):
        found |= _averaged(opened, found, average)
    elif "g_ema" not in table_of(opened.found):
        notes.append("the averaged weights are taken to be in it, as the authors' snapshots (N.pth) have them")
    wanted = {name: value for name, value in found.items() if not name.endswith("num_batches_tracked")}
    tensors = without_spectral_norm(plain_tensors(opened, wanted))
    first = tensors["init.init.0.weight"]
    config = NetworkConfig(
        resolution=next(size for size in (1024, 512, 256) if f"feat_{size}.1.weight" in tensors),
        z_dim=first.shape[0],
        width=first.shape[1] // 32,
        planes=len(tensors["to_big.weight"]),
    )
    return Converted("fastgan", config.to_dict(), tensors, notes)


def _generator(opened: Opened) -> dict[str, Tensor]:
    table: Any = table_of(opened.found).get("g")
    if isinstance(table, dict):
        return strip({str(name): value for name, value in table.items() if isinstance(value, Tensor)})
    return opened.tensors


def _averaged(opened: Opened, found: dict[str, Tensor], average: list[Any]) -> dict[str, Tensor]:
    """The average, which lies in a list as the network's parameters do, under their names."""
    names = [name for name in found if not name.endswith(BUFFERS)]
    fits = len(names) == len(average) and all(
        isinstance(value, Tensor) and value.shape == found[name].shape
        for name, value in zip(names, average, strict=True)
    )
    if not fits:
        raise opened.refuse("a FastGAN whose average is of another network", "take the snapshot N.pth of its training")
    return dict(zip(names, average, strict=True))
