"""A picture that a network can paint is found in it, whatever kind it is; what it says beside stays as it was."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path

import pytest
import small
import torch
from PIL import Image
from test_generators import make

from installation.__main__ import main
from installation.generators import dcgan
from installation.generators.biggan import FARTHEST
from installation.generators.stylegan3 import StyleGAN3, reference
from installation.generators.stylegan3.fast import FastSynthesis
from installation.latent import projection, vectors
from installation.latent.projection import Effort, Projector
from installation.settings import SettingsError

QUICK, LONGER = Effort(samples=12, steps=10, plus=10, full=3), Effort(samples=12, steps=30, plus=30, full=6)
KINDS = ("biggan", "dcgan", "dcgan with classes", "fastgan", "lightweight", "stylegan3")


def opened(kind: str):
    if kind == "dcgan with classes":
        return dcgan.DCGAN(small.small_dcgan(5), dcgan.Settings("", dtype="float32"), (), "cpu", 3)
    return make(kind, dtype="float32")


@functools.cache
def projected(kind: str):
    """A generator, who looked for one of its pictures in it, and what was found."""
    generator = opened(kind)
    target = generator.trace(generator.of_seed(777, 1.0, 3 if generator.class_count else None)[None])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(projection, "LOOKED_PX", 64)  # leads there as well as 256 px do
        projector = Projector(generator, target.detach().clamp(-1, 1))
    return generator, projector, projector.find(LONGER if "dcgan" in kind else QUICK)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_found_is_nearer_than_any_of_many_by_chance(kind: str, tmp_path: Path) -> None:
    generator, projector, found = projected(kind)
    rows, width = generator.of_seed(0).shape
    assert [one.name for one in found] == ["best sample", *generator.spaces]
    chance = [projector.judge("", point[None]).apart for point in generator.samples(12, everywhere=True)]
    assert found[0].apart <= 1.2 * min(chance), "the first glance chooses well"
    assert found[-1].apart < 0.95 * min(chance)
    assert all(later.apart < before.apart for before, later in itertools.pairwise(found))

    path = vectors.write(tmp_path / "found.npz", found[-1].point, kind)
    again = vectors.fitting(vectors.read(path), generator)
    assert again.shape == (rows, width) and torch.allclose(again, found[-1].point)
    with torch.inference_mode():
        shown = generator.painted(again)
    assert (shown - found[-1].picture).abs().max() < 2 / 127.5, "as the show paints it"


@pytest.mark.parametrize("kind", ["biggan", "dcgan with classes"])
def test_the_class_stays_until_it_is_let_free_and_what_stands_beside_it_always(kind: str) -> None:
    generator, _, (sample, z, both) = projected(kind)
    told = slice(generator.z_dim, generator.z_dim + generator.class_width)
    beside = slice(generator.z_dim + generator.class_width, None)
    assert z.point[:, told].equal(sample.point[:, told]) and not both.point[:, told].equal(z.point[:, told])
    assert (both.point[:, beside] == 1.0).all(), "truncated by nothing, and saying itself which class it is"
    assert not z.point[:, : generator.z_dim].equal(sample.point[:, : generator.z_dim])


def test_a_picture_becomes_a_vector_of_a_network_without_w(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = small.save(small.net("dcgan"), "dcgan", tmp_path / "mine")
    Image.new("RGB", (40, 30), (200, 40, 90)).save("rose.png")
    words = ["--model", str(folder), "--plus", "--effort", "0.02", "--out", "kept"]
    assert main(["latent", "project", "rose.png", *words]) == 0
    assert "has z alone" in capsys.readouterr().out
    generator = dcgan.create(dcgan.Settings(str(folder)))
    assert vectors.point_of("kept/rose.npz", generator).shape == generator.of_seed(0).shape
    assert Image.open("kept/rose.png").width > 2 * generator.size[0]


@pytest.mark.parametrize("kind", ["biggan", "fastgan"])
def test_no_point_is_led_to_where_the_network_was_never_taught(kind: str) -> None:
    generator = opened(kind)
    far = generator.of_seed(1) * 100
    z = generator.at_home(far)[:, : generator.z_dim]
    assert z.abs().max() <= FARTHEST if kind == "biggan" else z.norm() <= generator.z_dim**0.5 + 1e-3
    near = generator.of_seed(1) * 0.5
    assert torch.allclose(generator.at_home(near), near)


def test_a_closed_graph_says_that_it_cannot_be_followed_backwards() -> None:
    generator = small.play_onnx(small.onnx_painter())
    with pytest.raises(SettingsError, match="closed graph"):
        Projector(generator, torch.zeros(1, 3, 16, 16)).find(QUICK)


def test_the_way_back_through_a_stylegan3_is_the_slope_of_the_textbooks_pictures() -> None:
    generator = opened("stylegan3")
    assert isinstance(generator, StyleGAN3)
    net, source = generator.net, torch.Generator().manual_seed(0)
    ws = generator.of_seed(5)[None].clone().requires_grad_()
    step = torch.randn(ws.shape, generator=source)
    picture = FastSynthesis(net.synthesis, followed=True).follow(ws)
    seen = torch.randn(picture.shape, generator=source)
    (picture * seen).sum().backward()
    assert ws.grad is not None
    with torch.no_grad():
        exact = net.double().synthesis
        ahead, behind = (reference.synthesize(exact, ws.double() + way * step.double()) for way in (1e-5, -1e-5))
        slope = float(((ahead - behind) * seen).sum() / 2e-5)
    assert float((ws.grad * step).sum()) == pytest.approx(slope, rel=0.02)
