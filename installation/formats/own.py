"""A model folder of this program's own in, from anywhere; the same model out, under the names it has already."""

from __future__ import annotations

from installation import plugins, weights
from installation.formats.opened import FOLDER, Converted, Opened

OF_THE_FOLDER = (
    "name",
    "about",
    "kind",
    "file",
    "sha256",
    "network",
    "source_file",
    "source",
    "shipped",
    "attribution",
)


def recognise(opened: Opened) -> str | None:
    """A folder with a model.toml."""
    if opened.kind != FOLDER:
        return None
    return f"a model folder of this program ({weights.read_config(opened.path).get('kind', 'of no kind')})"


def convert(opened: Opened) -> Converted:
    """Raises WeightsError where its card and its weights do not agree, or it paints nothing."""
    from safetensors.torch import load_file

    card, path = weights.open_model(opened.path)
    kind, network = str(card.get("kind", "")), card.get("network")
    kinds = plugins.available("generators")
    if kind not in kinds or not isinstance(network, dict):
        raise opened.refuse(f"a model of kind {kind[:40]!r}", "kinds that paint: " + ", ".join(kinds))
    more = {key: value for key, value in card.items() if key not in OF_THE_FOLDER}
    return Converted(kind, network, load_file(path), [], more)
