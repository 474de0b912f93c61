"""A dream on the wall: it goes on from picture to picture, the same on the same clock, and comes back to its source."""

from __future__ import annotations

import pytest
import torch

from installation import plugins
from installation.generators import dream
from installation.networks import eyes
from installation.settings import Part, SettingsError
from installation.signals import Controls

SIZE = (48, 32)


def make(seed: int = 3, **settings: object) -> dream.Dream:
    values = {"generator": Part("pattern"), "layers": ("lite0/block2", "lite0/block4"), "steps": 1}
    return dream.create(dream.Settings(**values | settings), (), SIZE, "cpu", seed)  # type: ignore[arg-type]


def paint(one: dream.Dream, time_s: float, **knobs: float) -> torch.Tensor:
    values = {f"dream.{name}": value for name, value in knobs.items()}
    return one.render(Controls(time_s, values, 0.2)).pixels.clone()


def lap(one: dream.Dream, **knobs: float) -> list[torch.Tensor]:
    return [paint(one, n / 10, **knobs) for n in range(4)]


def seen(pixels: torch.Tensor, aim: str) -> float:
    return float(eyes.open_sight([eyes.read_aim(aim)])(pixels.add(1).div(2)[None]))


def test_a_dream_goes_on_from_picture_to_picture_and_the_same_clock_dreams_the_same() -> None:
    first, second = lap(make()), lap(make())
    assert all(one.equal(other) for one, other in zip(first, second, strict=True))
    assert not first[3].equal(paint(make(), 0.3)), "what was dreamt before is in it"
    assert not first[3].equal(lap(make(seed=4))[3])


def test_what_is_asked_twice_of_one_instant_is_painted_twice_alike() -> None:
    one, other = make(), make()
    lap(one)
    held = [paint(one, 0.4), paint(one, 0.4)]
    lap(other)
    paint(other, 0.4, zoom=1.0)
    assert held[0].equal(held[1]) and held[0].equal(paint(other, 0.4))


def test_a_clock_that_jumps_begins_a_dream_anew() -> None:
    one = make()
    fresh = paint(one, 0.0)
    lap(one)
    assert paint(one, 0.0).equal(fresh)
    one.reset()
    assert paint(one, 0.0).equal(fresh)


@pytest.mark.parametrize(
    ("knobs", "aim"), [({"layer": 1.0}, "lite0/block4"), ({"layer": 1.0, "channel": 8.0}, "lite0/block4/7")]
)
def test_more_and_more_is_seen_of_what_the_knobs_choose(knobs: dict[str, float], aim: str) -> None:
    still = {"zoom": 0.0, "turn": 0.0, "source": 0.0, "strength": 1.0}
    grown = [seen(picture, aim) for picture in lap(make(), **still | knobs)]
    assert grown[0] < grown[1] < grown[2] < grown[3]


def test_between_two_layers_both_see() -> None:
    low, between, high = (lap(make(), layer=place)[1] for place in (0.0, 0.5, 1.0))
    assert not between.equal(low) and not between.equal(high)
    assert (between - low).abs().mean() < (high - low).abs().mean()


def test_awake_it_is_the_source_and_asleep_it_falls_into_itself() -> None:
    source = plugins.load("generators", "pattern").create(
        plugins.load("generators", "pattern").Settings(), (), SIZE, "cpu", 3
    )
    real = source.render(Controls(0.3, {}, 0.2)).pixels
    awake = lap(make(), strength=0.0, source=1.0)[3]
    assert torch.allclose(awake, real, atol=1e-5)
    still, near = (lap(make(), strength=0.0, source=0.0, turn=0.0, zoom=zoom)[3] for zoom in (0.0, 1.0))
    middle = torch.nn.functional.interpolate(real[None, :, 3:-3, 4:-4], SIZE[::-1], mode="bicubic", align_corners=False)
    assert (near - middle[0]).abs().mean() < 0.85 * (still - middle[0]).abs().mean(), "its middle, larger"


def test_it_dreams_behind_others_who_paint_without_gradients() -> None:
    outside = lap(make())
    with torch.inference_mode():
        assert all(one.equal(other) for one, other in zip(lap(make()), outside, strict=True))


def test_before_a_camera_it_asks_for_it_and_hands_it_on() -> None:
    one = make(generator=Part("camera"))
    assert one.wants_camera
    found: list[str] = []
    one.each(lambda inner: found.append(type(inner).__name__))
    assert found == ["Camera"] and "generator.camera" in one.knobs


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"generator": Part("dream")}, "dream cannot stand behind dream"),
        ({"layers": ("lite0/block99",)}, "no layer 'block99' in lite0; there are: stem"),
        ({"layers": ("lite0/class/3",)}, "expected NET/LAYER, found 'lite0/class/3'"),
        ({"layers": ("eye/2",)}, "nets: lite0"),
        ({"layers": ()}, "a layer or more, found 288, 1, 0"),
        ({"steps": 0}, "found 288, 0, 2"),
    ],
)
def test_what_cannot_be_dreamt_is_said_in_one_line(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError, match=told) as refused:
        make(**wrong)
    assert "\n" not in str(refused.value)
