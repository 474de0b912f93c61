"""What every generator of the room promises: knobs, layers, one closed walk, the same picture for the same controls."""

from contextlib import nullcontext

import pytest
import small
import torch

from installation import plugins, weights
from installation.generators import stylegan2, stylegan3
from installation.generators.stylegan2.network import Generator, NetworkConfig
from installation.latent import directions, reaching
from installation.live import opening
from installation.machine import bench_live
from installation.pen.squares import Sheet
from installation.settings import Bend, Cue, Direction, Part, SettingsError, Show
from installation.signals import Controls

Z_KINDS = {"autoencoder", "biggan", "dcgan", "fastgan", "lightweight"}  # small ones are made in small.py
SHARED_KNOBS = {f"generator.{k}" for k in ("speed", "truncation", "x", "y", "z", "kick", "mix", "noise")}
OF_THE_LAP = {
    "pattern",
    "slomo",
    "crossfade",
    "camera",
    "dream",
    "translator",
    "veil",
}  # whose colours go by the lap, not by the point alone


def make(name: str, bends=(), seed: int = 3, rim_px: int = 0, net_seed: int = 0, **settings):
    """A generator as a show makes it; a StyleGAN2 gets a small network of random weights instead of a model."""
    module = plugins.load("generators", name)
    if name == "stylegan2":
        torch.manual_seed(net_seed)
        net = Generator(NetworkConfig(32, 16, 24, 2, {4: 24, 8: 24, 16: 16, 32: 12}))
        for parameter in net.synthesis.parameters():
            if parameter.ndim == 0:
                parameter.data.fill_(0.1)  # noise that is seen
        return module.StyleGAN2(net, module.Settings(**settings), bends, "cpu", seed, rim_px=rim_px)
    if name == "blend":
        ends = [make("stylegan2", net_seed=i).net for i in (0, 1)]
        return module.Blend(*ends, module.Settings(**settings), bends, "cpu", seed)
    if name == "feedback":
        return module.Feedback(make("stylegan2", bends, seed, **settings), small.small_encoder(), seed)
    if name == "onnx":
        return small.play_onnx(small.onnx_painter(), bends, seed, **settings)
    if name in Z_KINDS:
        return small.make(name, bends, seed, **settings)
    if name == "stylegan3":
        return module.StyleGAN3(small_stylegan3(), module.Settings(**settings), bends, "cpu", seed)
    if name == "translator":
        return small.play_translator(bends, seed, **settings)
    if module.Settings is stylegan2.Settings:
        pytest.fail(f"say here how to make {name} without a model")
    if name in ("slomo", "crossfade", "camera", "dream"):
        settings = {"generator": Part("pattern")} | settings  # what it lays its glitch over, or stands before
    if name == "plotter":
        settings = {"sheet": Sheet(rows=2, columns=3, nest=5, line=12.0)} | settings  # what 48 pixels can show
    return module.create(module.Settings(**settings), bends, (48, 32), "cpu", seed)


def small_stylegan3() -> stylegan3.network.Generator:
    """A T of random weights, whose picture has the strength of a trained one's."""
    torch.manual_seed(0)
    config = stylegan3.network.NetworkConfig(
        32, 16, 24, channel_base=512, channel_max=24, num_layers=6, margin_size=4, output_scale=0.5
    )
    return stylegan3.network.Generator(config)


@pytest.fixture(params=plugins.available("generators"))
def name(request) -> str:
    return request.param


def paint(generator, turns: float = 0.2, **knobs: float) -> torch.Tensor:
    values = {f"generator.{k}": v for k, v in knobs.items()}
    return generator.render(Controls(0.0, values, turns)).pixels


def cannot(generator) -> frozenset[str]:
    """Knobs that a kind says to move nothing."""
    return getattr(generator, "cannot", frozenset())


def test_the_room_has_the_two_generators_of_the_show():
    assert {"pattern", "stylegan2"} <= set(plugins.available("generators"))


def test_a_picture_has_three_planes_of_minus_one_to_one_on_its_device(name):
    generator = make(name)
    picture = generator.render(Controls(1.5, {}, 0.2))
    width, height = generator.size
    assert picture.pixels.shape == (3, height, width)
    assert picture.pixels.dtype == torch.float32
    assert picture.pixels.device == generator.device
    assert -1 <= picture.pixels.min() < picture.pixels.max() <= 1
    assert picture.pixels.std() > 0.1, "a picture, not a plain surface"
    assert picture.controls.time_s == 1.5
    assert picture.seconds > 0


def test_every_generator_offers_the_knobs_that_shows_are_written_for(name):
    generator = make(name, [Bend("tear", generator_layer(name), "multiply")])
    assert set(generator.knobs) >= SHARED_KNOBS | {"bend.tear.amount"}
    for key, knob in generator.knobs.items():
        assert key == knob.name
        assert knob.low <= knob.default <= knob.high
        assert knob.about


def generator_layer(name: str) -> str:
    layers = make(name).layers
    return layers[min(1, len(layers) - 1)][0]


def test_the_same_controls_give_the_same_picture_bit_for_bit(name):
    one, other = make(name), make(name)
    for turns in (0.9, 0.2):  # what was painted before must not matter
        first = paint(one, turns, x=0.3, kick=0.2)
    assert first.equal(paint(other, 0.2, x=0.3, kick=0.2))
    assert first.equal(paint(one, 0.2, x=0.3, kick=0.2))
    assert one.weights_sha256 == other.weights_sha256


def test_the_live_bench_measures_it(name, monkeypatch):
    monkeypatch.setattr(bench_live.opening, "open_generator", lambda show: make(name))
    monkeypatch.setattr(bench_live, "plainly", lambda *asked: nullcontext(None))  # another process, in tests/machine
    monkeypatch.setattr(bench_live, "peak_gflops", lambda *asked: 1.0)
    rows = {row.part: row for row in bench_live.measure_generator(Show(name, generator=Part(name)), 2)}
    assert rows["generator"].value > 0 and rows["generator + bends"].value > 0
    assert rows["generator"].note.startswith(f"{name} on cpu")


def test_another_seed_is_another_walk(name):
    assert not paint(make(name, seed=1)).equal(paint(make(name, seed=2)))


def test_the_walk_is_closed_and_smooth(name):
    generator = make(name)
    assert torch.allclose(paint(generator, 0.0), paint(generator, 1.0), atol=1e-4)
    assert (paint(generator, 0.9999) - paint(generator, 7.0001)).abs().mean() < 0.005
    points = torch.stack([generator.where(Controls(0.0, {}, i / 200)).flatten() for i in range(201)])
    far = points.diff(dim=0).norm(dim=1)
    assert far.max() < 8 * far.mean(), "no jump anywhere on the lap"
    seen = range(0, 200, 1 if name in OF_THE_LAP - {"slomo", "dream"} else 10)
    painted = {i: paint(generator, i / 200) for i in sorted({*seen, *(i + 1 for i in seen)})}
    steps = [float((painted[i] - painted[i + 1]).abs().mean()) for i in seen]
    assert max(steps) < 0.12, "nor in its pictures"
    assert max(float((painted[0] - one).abs().mean()) for one in painted.values()) > 0.1, "it leads somewhere"


@pytest.mark.parametrize("knob", ["x", "y", "z", "kick", "mix"])
def test_steering_moves_the_picture_and_comes_back(name, knob):
    generator = make(name)
    if f"generator.{knob}" in cannot(generator):
        pytest.skip(f"{name} says that it cannot")
    rest, pushed = paint(generator), paint(generator, **{knob: 1.0})
    assert (rest - pushed).abs().mean() > 0.005
    assert paint(generator, **{knob: 0.0}).equal(rest)


def test_a_show_leads_every_kind_to_a_seed_and_along_a_direction(name):
    generator = make(name)
    show = Show("s", cues=(Cue("1", vector="seed 4"),), directions=(Direction("open", "sefa 1"),))
    reaching.reach(generator, show)
    one, other = (paint(generator, turns, **{"to.seed_4": 1.0}) for turns in (0.2, 0.7))
    there = Controls(0.0, {"generator.to.seed_4": 1.0}, 0.2)
    assert torch.allclose(generator.where(there), generator.where(Controls(0.0, there.values, 0.7)), atol=1e-5)
    if name not in OF_THE_LAP:
        assert torch.allclose(one, other, atol=2e-2)
    assert (one - paint(generator, 0.2)).abs().mean() > 0.005
    assert (paint(generator, open=3.0) - paint(generator)).abs().mean() > 0.005


@pytest.mark.parametrize("kind", sorted(Z_KINDS))
def test_a_model_that_paints_from_chance_opens_from_its_folder_and_finds_what_was_kept_beside_it(kind, tmp_path):
    folder = str(small.save(small.net(kind), kind, tmp_path / kind))
    opened = opening.open_generator(Show("small", generator=Part(kind, {"model": folder, "dtype": "float32"}), seed=3))
    assert paint(opened).equal(paint(make(kind, dtype="float32")))
    way = torch.ones(1, 1, opened.of_seed(0).shape[1])
    directions.keep(folder, opened.weights_sha256, {"mine": way})
    named = Direction("open", "mine")
    show = Show("small", generator=Part(kind, {"model": folder}), directions=(named,))
    assert opening.open_generator(show).latent.named["generator.open"].equal(way[0])


def test_noise_is_frozen_and_its_knob_takes_it_away(name):
    generator = make(name)
    full = paint(generator)
    if "generator.noise" in cannot(generator):
        assert paint(generator, noise=0.0).equal(full)
        return
    assert paint(generator).equal(full)
    none = paint(generator, noise=0.0)
    assert not none.equal(full)
    assert paint(generator, noise=1.0).equal(full)


def test_no_truncation_gives_the_average_picture_wherever_the_walk_is():
    generator = make("stylegan2")
    assert torch.allclose(paint(generator, 0.1, truncation=0.0), paint(generator, 0.6, truncation=0.0), atol=1e-5)


def test_a_bend_changes_the_picture_and_shedding_it_brings_the_plain_one_back(name):
    plain = paint(make(name))
    generator = make(name, [Bend("tear", generator_layer(name), "invert", 1.0, share=0.5)])
    bent = paint(generator)
    assert (bent - plain).abs().mean() > 0.005
    assert generator.render(Controls(0.0, {"bend.tear.amount": 0.0}, 0.2)).pixels.equal(plain)
    generator.shed(1)
    assert paint(generator).equal(plain)
    generator.shed(0)
    assert paint(generator).equal(bent)


def test_every_layer_it_lists_can_be_bent(name):
    plain = paint(make(name))
    for layer, channels, _ in make(name).layers:
        bent = paint(make(name, [Bend("one", layer, "multiply", 1.0, channels=(channels - 1,))]))
        assert not bent.equal(plain), layer


def test_a_bend_at_a_layer_that_is_not_there_is_refused(name):
    if name == "onnx":
        pytest.skip("a graph is closed: what names a layer is left out")
    with pytest.raises(SettingsError, match="no layer 'b7"):
        make(name, [Bend("tear", "b7.conv9", "invert")])


def test_controls_of_another_generator_do_no_harm(name):
    values = {"generator.of_another": 3.0, "bend.unknown.amount": 1.0}
    assert make(name).render(Controls(0.0, values, 0.2)).pixels.equal(paint(make(name)))


def test_a_missing_model_says_which_and_what_to_do():
    with pytest.raises(weights.WeightsError, match="no model 'nowhere'"):
        stylegan2.create(stylegan2.Settings(model="nowhere"))


@pytest.mark.parametrize("wrong", [{"noise": "loud"}, {"dtype": "int8"}, {"anchors": 2}, {"extend": 5}])
def test_wrong_settings_of_stylegan2_are_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        make("stylegan2", **wrong)


def test_stylegan2_goes_on_painting_beyond_its_square():
    square, wide = make("stylegan2"), make("stylegan2", extend=1)
    assert wide.size == (48, 32)
    near, far = paint(square), paint(wide)
    assert far.shape == (3, 32, 48)
    middle = far[:, :, 8:-8]
    assert torch.corrcoef(torch.stack([near.flatten(), middle.flatten()]))[0, 1] > 0.7
    assert far[:, :, :8].std() > 0.1


def test_a_model_that_names_its_rim_is_shown_without_it():
    whole, inner = make("stylegan2"), make("stylegan2", rim_px=3)
    assert inner.size == (26, 26)
    assert torch.equal(paint(inner), paint(whole)[:, 3:-3, 3:-3])
