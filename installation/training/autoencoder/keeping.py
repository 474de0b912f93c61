"""A trained network in, a model folder that a show can play out: weights, card, samples, and a show of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from installation import files, weights
from installation.generators.autoencoder.network import Generator, NetworkConfig
from installation.training.autoencoder import hanging, span
from installation.training.autoencoder.network import Trained
from installation.training.autoencoder.running import Run, Studio
from installation.training.export import write_weights

SAMPLES, SAMPLE_PX = 24, 192
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
    generator = as_generator(studio, trained, pictures)
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
        "knobs": {"generator.truncation": 1.0},
        "kind": "autoencoder",
        "file": "weights.safetensors",
        "sha256": sha256,
        "network": generator.config.to_dict(),
    }
    files.write_text(folder / "model.toml", weights.to_toml(card))
    return folder


@torch.no_grad()
def as_generator(studio: Studio, trained: Trained, pictures: list[int]) -> Generator:
    """What a show plays: the decoder, its last layer and the span made one basis of pictures, -1..1."""
    net, size = trained.net.eval(), studio.settings.size
    if net.decoder.config.kind == "conv":
        config = net.decoder.config
        inputs = studio.small[pictures]
        rows = ground = None
    else:
        there = studio.span(pictures)
        inputs = there.coordinates
        rows, shift = _rows(net.decoder.layers[-1], there)
        widths = net.decoder.config.widths
        folded = len(widths) > 2 and widths[-2] <= widths[-1]
        widths = widths[:-1] if folded else widths
        config = NetworkConfig("dense", size, studio.squares.planes, widths, 1, folded, len(pictures))
        if not folded:
            rows, shift = _rows(None, there)
        whole = torch.zeros(len(rows) + 1, len(studio.squares))
        whole[:, pictures] = torch.cat([rows, shift + 1 / len(pictures)]).float()
        laid = span.basis(studio.squares, whole)
        rows, ground = laid[:-1] * 2, laid[-1] * 2 - 1
    config = NetworkConfig(**{**config.to_dict(), "widths": tuple(config.widths), "pictures": len(pictures)})
    generator = Generator(config).eval()
    middle = net.encoder(inputs)
    generator.average, generator.spread, generator.codes = _whitened(middle)
    decoder = net.decoder.state_dict()
    generator.decoder.load_state_dict({name: decoder[name] for name in generator.decoder.state_dict()})
    if rows is not None and ground is not None:
        generator.basis, generator.ground = rows, ground
    return generator


def _rows(last: torch.nn.Module | None, there: span.Span) -> tuple[Tensor, Tensor]:
    """The last layer's inputs, or the coordinates themselves, as combinations (K, n) of the pictures; what its bias
    adds (1, n)."""
    to_pictures = (there.axes * (there.scale / there.lengths)).T  # (D, n)
    if last is None:
        return to_pictures, torch.zeros(1, to_pictures.shape[1], dtype=torch.float64)
    assert isinstance(last, torch.nn.Linear)
    return last.weight.double().T @ to_pictures, last.bias.double()[None] @ to_pictures


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
