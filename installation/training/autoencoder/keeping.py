"""A trained network in, a model folder that a show can play out: weights, card, samples, and a show of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from installation import files, weights
from installation.generators.autoencoder.network import Generator
from installation.training.autoencoder import hanging, judging, span
from installation.training.autoencoder.network import Trained
from installation.training.autoencoder.running import Run, Studio
from installation.training.export import write_weights

SAMPLES, SAMPLE_PX = 24, 192
STATIONS = 64  # squares that the walk of a show may pass
SHOW = """\
about = "Pictures that leak into each other: two hands pull them, the beat pushes"
seed = 7

[generator]
name = "autoencoder"
settings = {{ model = "{model}" }}

[[inputs]]
name = "recording"
[[inputs]]
name = "camera"
[[inputs]]
name = "microphone"

[[features]]
name = "hands"
[[features]]
name = "motion"
[[features]]
name = "sound"

# ---- the right hand leads from picture to picture, the left one pulls another picture into this one
[[routes]]
source = "hands.right.x"
target = "generator.x"
gain = 1.6
offset = -0.5
attack_s = 0.2
release_s = 0.8
[[routes]]
source = "hands.right.height"
target = "generator.y"
gain = 1.6
offset = -0.5
attack_s = 0.2
release_s = 0.8
[[routes]]
source = "hands.left.height"
target = "generator.mix"
gain = 0.7
attack_s = 0.3
release_s = 1.2
[[routes]] # a closing hand draws the voices of a picture apart
source = "hands.right.pinch"
target = "bend.apart.amount"
gain = 0.12
curve = "smooth"
attack_s = 0.2
release_s = 0.8
[[routes]]
source = "sound.bass"
target = "generator.kick"
gain = 0.5
curve = "square"
attack_s = 0.03
release_s = 0.3
[[routes]]
source = "motion.energy"
target = "generator.speed"
gain = 1.2
attack_s = 0.5
release_s = 2.0

[[bends]]
name = "apart"
layer = "voices"
operation = "translate"
share = 0.5
seed = 4

[[effects]]
file = "film.fs"
knobs = {{ amount = 0.8, contrast = 1.06, clarity = 0.2, saturation = 1.0, grain = 0.05, edge = 0.2 }}

[screen]
size = [1280, 720]
working_size = [512, 288]
fps = 30.0
"""


def keep(studio: Studio, run: Run) -> Path:
    """Train a run once more, as it was, and write its model; the card that vouches for the weights last."""
    found = studio.train(run.parameters)
    if found is None:
        raise RuntimeError("stopped before it was kept")
    trained, pictures, _ = found
    generator = as_generator(studio, trained, run)
    settings, folder = studio.settings, studio.settings.out
    sha256 = write_weights(folder, generator.state_dict())
    _write_samples(generator, folder / "samples.png")
    files.write_text(folder / "show.toml", SHOW.format(model=folder.name if folder.parent.name == "models" else folder))
    card: dict[str, Any] = {
        "name": folder.name,
        "about": f"A constrained autoencoder of {len(pictures)} pictures, run {run.number}",
        "licence": settings.licence,
        "credit": settings.credit,
        "training": {"pictures": len(pictures), **run.parameters.to_dict(), "share": round(trained.share, 4)},
        "knobs": {"generator.truncation": 1.0, "generator.dwell": 0.7},
        "kind": "autoencoder",
        "file": "weights.safetensors",
        "sha256": sha256,
        "network": generator.config.to_dict(),
    }
    files.write_text(folder / "model.toml", weights.to_toml(card))
    return folder


@torch.no_grad()
def as_generator(studio: Studio, trained: Trained, run: Run) -> Generator:
    """What a show plays: the decoder, and what it mixes; its walk passes the codes of the squares worth a look."""
    net, config = trained.net.eval(), trained.net.decoder.config
    state = net.decoder.state_dict()
    if config.kind == "dense":
        there = studio.span(run.pictures)
        inputs, widths = there.coordinates, (*config.widths[:-1], len(run.pictures))
        config = replace(config, size=studio.settings.size, planes=studio.squares.planes, widths=widths)
        last = f"layers.{len(widths) - 2}"
        to_pictures = (there.axes * (there.scale / there.lengths)).T  # (D, n)
        state[f"{last}.weight"] = (state[f"{last}.weight"].double().T @ to_pictures).T.float()
        state[f"{last}.bias"] = (state[f"{last}.bias"].double() @ to_pictures).float() + 1 / len(run.pictures)
    else:
        inputs = studio.small[run.pictures]
    average, spread, codes = _whitened(net.encoder(inputs))
    judged = studio.judge(run)
    order = np.argsort(-judged.score, kind="stable")
    worth = [i for i in order if judged.verdict(i) == judging.WORTH][:STATIONS]
    best = sorted(worth if len(worth) >= 4 else order[:4].tolist())
    generator = Generator(replace(config, codes=len(best))).eval()
    generator.average, generator.spread, generator.codes = average, spread, codes[best]
    generator.decoder.load_state_dict(state)
    if config.kind == "dense":
        generator.pictures = span.stacked(studio.squares, run.pictures)
    return generator


def _whitened(middle: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The middle's numbers (n, M) of all pictures: their mean, the spread (M, M) that brings codes of unit deviation to
    them, and these codes (n, M)."""
    average = middle.mean(0)
    _, strength, axes = torch.linalg.svd((middle - average).double(), full_matrices=False)
    deviation = strength / max(1, len(middle) - 1) ** 0.5
    there = deviation > 1e-4 * deviation[0].clamp_min(1e-9)
    width = middle.shape[1]
    spread, to_codes = torch.zeros(width, width), torch.zeros(width, width)
    count = int(there.sum())
    spread[:count] = (deviation[there, None] * axes[there]).float()
    to_codes[:, :count] = (axes[there] / deviation[there, None]).T.float()
    return average, spread, (middle - average) @ to_codes


@torch.no_grad()
def _write_samples(generator: Generator, path: Path) -> None:
    """Squares of the walk: every other one half-way between two pictures."""
    codes = generator.codes[torch.linspace(0, len(generator.codes) - 1, SAMPLES // 2).long()]
    z = torch.stack([codes, (codes + codes.roll(-1, 0)) / 2], 1).flatten(0, 1)
    pictures = torch.cat([generator.float()(part[None]) for part in z])
    small = torch.nn.functional.interpolate(pictures, (SAMPLE_PX,) * 2, mode="bilinear", antialias=True)
    page = torch.cat([torch.cat(list(row), 2) for row in small.split(6)], 1)
    hanging.save(page.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy(), path)
