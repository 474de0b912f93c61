"""Movement is felt where it is; a standing person is noticed; a price is placed in its range."""

import numpy as np
import pytest

from installation.features import motion, ticker
from installation.signals import CameraFrame, Number


def frame(i: int, x: float | None = None, noise: float = 3.0) -> CameraFrame:
    """A noisy grey room, with a bright square at x (0..1) when somebody is in it."""
    rgb = 90 + noise * np.random.default_rng(i).standard_normal((180, 320, 1)) * np.ones((1, 1, 3))
    if x is not None:
        left = int(x * 280)
        rgb[40:120, left : left + 40] = 220
    return CameraFrame(np.clip(rgb, 0, 255).astype(np.uint8), i / 25, i)


def shown(made: motion.Motion, places: list[float | None], begin: int = 0) -> list[dict[str, float]]:
    return [made.extract(frame(begin + i, x), (begin + i) / 25) for i, x in enumerate(places)]


def test_an_empty_room_with_a_noisy_camera_is_still():
    values = shown(motion.create(motion.Settings()), [None] * 50)[-1]
    assert values["motion.energy"] < 0.02 and values["motion.presence"] < 0.02


def test_movement_is_felt_where_it_happens():
    for side in (0.1, 0.9):
        made = motion.create(motion.Settings())
        shown(made, [None] * 10)
        values = shown(made, [side + 0.05 * np.sin(i) for i in range(30)], 10)[-1]
        assert values["motion.energy"] > 0.15 and abs(values["motion.x"] - side) < 0.15 and values["motion.y"] < 0.6


def test_somebody_who_stands_still_is_present_but_does_not_move():
    made = motion.create(motion.Settings())
    shown(made, [None] * 25)
    values = shown(made, [0.5] * 50, 25)[-1]
    assert values["motion.presence"] > 0.15 and values["motion.energy"] < 0.05


def test_a_clock_that_begins_anew_does_not_stop_the_motion():
    made = motion.create(motion.Settings())
    for i in range(50):
        made.extract(frame(i), 100 + i / 25)
    values = shown(made, [0.1 + 0.02 * i for i in range(40)])
    assert values[-1]["motion.energy"] > 0.1


def test_without_a_camera_everything_eases_to_rest():
    made = motion.create(motion.Settings())
    shown(made, [0.1 + 0.02 * i for i in range(40)])
    values = {}
    for i in range(200):
        values = made.extract(None, 1.6 + 0.04 * i)
    assert values["motion.energy"] < 0.02 and values["motion.x"] == pytest.approx(0.5, abs=0.03)


def test_a_price_is_placed_in_its_own_range_and_its_change_has_a_direction():
    made, now_s, values = ticker.create(ticker.Settings()), 0.0, {}
    for price in (100.0, 50.0, 150.0):
        for _ in range(200):
            values = made.extract(Number(price, now_s, price, price), now_s)
            now_s += 0.05
    assert values["ticker.value"] > 0.95 and values["ticker.change"] == pytest.approx(0.5, abs=0.03)
    rising = made.extract(Number(60.0, now_s, 50, 150), now_s + 0.5)
    assert rising["ticker.change"] < 0.5


def test_a_fixed_range_is_kept():
    made, values = ticker.create(ticker.Settings(low=0.0, high=200.0)), {}
    for i in range(200):
        values = made.extract(Number(50.0, 0.0, 50.0, 50.0), 0.1 * i)
    assert values["ticker.value"] == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("wrong", [0.0, 1e6])
def test_one_wrong_reading_does_not_squeeze_the_value_nor_its_change_for_ever(wrong):
    made, values, now_s = ticker.create(ticker.Settings()), [], 0.0
    for i in range(1000):
        price = wrong if i == 30 else 100.0 + 5.0 * np.sin(i / 3)
        for second in range(10):
            number = None if second else Number(price, now_s, price, price)
            values.append(made.extract(number, now_s))
            now_s += 1.0
    value, change = (np.array([each[f"ticker.{name}"] for each in values[-2000:]]) for name in ("value", "change"))
    assert value.min() < 0.1 and value.max() > 0.9 and change.min() < 0.3 and change.max() > 0.7


def test_a_series_that_moves_to_another_level_fills_its_range_there_again():
    made, values = ticker.create(ticker.Settings(window=100)), []
    for i in range(400):
        price = (100.0 if i < 200 else 300.0) + 5.0 * np.sin(i / 3)
        values.append(made.extract(Number(price, 10.0 * i, price, price), 10.0 * i)["ticker.value"])
    assert min(values[-60:]) < 0.1 and max(values[-60:]) > 0.9
