"""A model's name and the labels of a run in; the network that the run begins with, its classes fitted, out."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import torch
from torch import Tensor

from installation.generators.classes import names_beside
from installation.generators.stylegan2 import read_model
from installation.generators.stylegan2.network import Generator
from installation.training.labels import Labels, move_columns
from installation.weights import find, open_model

EMBED = "mapping.embed.weight"


class Start(NamedTuple):
    """A trained network, and the anchors (K, w_dim) or (classes, K, w_dim) that it may have."""

    net: Generator
    anchors: Tensor | None


def open_start(name: str, size: int, labels: Labels | None) -> Start:
    """The model of that name, with the classes of this run: each knows what it knew under its own name.

    Raises WeightsError, ValueError for a model of another size, or one of classes where a run has none.
    """
    net, anchors = read_model(*open_model(name))
    config = net.config
    if config.resolution != size:
        raise ValueError(f"expected --size {config.resolution}, which is what {name} draws, found {size}")
    known = names_beside(find(name), config.classes)
    known += [f"class {number}" for number in range(len(known), config.classes)]
    if labels is None:
        if known:
            raise ValueError(f"{name} knows the classes {', '.join(known[:8])}: expected --labels and a folder of each")
        return Start(net, anchors)
    if not known:
        return Start(_with_classes(net, labels), anchors)
    state = net.state_dict()
    state[EMBED] = move_columns(state[EMBED], known, labels.names)
    if anchors is not None and anchors.ndim == 3:
        own = {name: anchors[number] for number, name in enumerate(known)}
        anchors = torch.stack([own.get(name, anchors.mean(0)) for name in labels.names])
    return Start(_filled(net, labels, state), anchors)


def _with_classes(net: Generator, labels: Labels) -> Generator:
    """A network that knew of no classes, and hears of them: whatever it hears, it draws at first what it drew."""
    state, first = net.state_dict(), "mapping.fc0.weight"
    if net.config.mapping_layers == 0:
        raise ValueError("this model has no mapping that could hear of classes; begin without --start")
    fresh = Generator(dataclasses.replace(net.config, classes=len(labels.names))).state_dict()
    width = net.config.z_dim
    fresh[first].zero_()[:, :width] = state.pop(first) * (fresh[first].shape[1] / width) ** 0.5  # the layer's own gain
    return _filled(net, labels, fresh | state)


def _filled(net: Generator, labels: Labels, state: dict[str, Tensor]) -> Generator:
    fitted = Generator(dataclasses.replace(net.config, classes=len(labels.names)))
    fitted.load_state_dict(state)
    return fitted
