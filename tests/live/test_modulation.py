import math

import pytest

from installation.live.modulation import SPEED, begin, check_routes, modulate
from installation.settings import Route, SettingsError
from installation.signals import Knob

KNOBS = {"bend.melt.amount": Knob("bend.melt.amount"), SPEED: Knob(SPEED, 0, 10, 6)}


def run(routes, frames, base=None, fps=50):
    state, out = begin(routes), []
    for n, features in enumerate(frames):
        controls, state = modulate(KNOBS, routes, base or {}, features, state, n / fps)
        out.append(controls)
    return out


def test_a_feature_moves_the_knob_it_is_routed_to_and_no_further_than_its_range() -> None:
    route = Route("sound.bass", "bend.melt.amount", gain=0.5)
    assert run([route], [{"sound.bass": 0.6}])[0]["bend.melt.amount"] == pytest.approx(0.3)
    assert run([route], [{"sound.bass": 1.0}], {"bend.melt.amount": 0.9})[0]["bend.melt.amount"] == 1.0


def test_a_feature_beyond_its_range_does_what_its_end_does() -> None:
    route = Route("sound.bass", "bend.melt.amount", gain=0.5)
    for heard, held in ((-2.0, 0.0), (7.0, 1.0)):
        moved, wanted = (run([route], [{"sound.bass": v}], {"bend.melt.amount": 0.25})[0] for v in (heard, held))
        assert moved["bend.melt.amount"] == wanted["bend.melt.amount"]


def test_a_feature_that_is_absent_or_not_a_number_leaves_the_base() -> None:
    route = Route("hands.right.x", "bend.melt.amount", offset=-0.5)
    for features in ({}, {"hands.right.x": math.nan}):
        assert run([route], [features], {"bend.melt.amount": 0.2})[0]["bend.melt.amount"] == 0.2


def test_attack_and_release_are_time_constants_in_seconds() -> None:
    route = Route("sound.bass", "bend.melt.amount", attack_s=0.1, release_s=1.0)
    frames = [{"sound.bass": 0.0}] + [{"sound.bass": 1.0}] * 5 + [{"sound.bass": 0.0}] * 50
    values = [c["bend.melt.amount"] for c in run([route], frames)]
    assert values[5] == pytest.approx(1 - math.exp(-1), abs=1e-6)
    assert values[-1] == pytest.approx(values[5] * math.exp(-1), abs=1e-6)


def test_a_released_knob_comes_back_to_rest_exactly_so_that_its_effect_costs_nothing() -> None:
    route = Route("sound.onset", "bend.melt.amount", release_s=0.2)
    values = run([route], [{"sound.onset": 1.0}] + [{"sound.onset": 0.0}] * 150)
    assert values[1]["bend.melt.amount"] > 0.5 and values[-1]["bend.melt.amount"] == 0.0


def test_easing_does_not_depend_on_the_frame_rate() -> None:
    route = Route("sound.bass", "bend.melt.amount", attack_s=0.5)
    slow = run([route], [{"sound.bass": 0.0}] + [{"sound.bass": 1.0}] * 10, fps=10)[-1]
    fast = run([route], [{"sound.bass": 0.0}] + [{"sound.bass": 1.0}] * 60, fps=60)[-1]
    assert slow["bend.melt.amount"] == pytest.approx(fast["bend.melt.amount"], abs=1e-9)


def test_the_walk_goes_round_as_often_a_minute_as_the_speed_says() -> None:
    assert run([], [{}] * 501)[-1].turns == pytest.approx(1.0)


def test_what_was_stopped_for_an_hour_goes_on_from_where_it_was_on_its_walk() -> None:
    state = begin([])
    _, state = modulate(KNOBS, [], {}, {}, state, 1.0)
    controls, _ = modulate(KNOBS, [], {}, {}, state, 3601.0)
    assert controls.turns <= 0.1 + 1e-9  # a second of it


def test_a_route_to_a_knob_that_does_not_exist_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"did you mean 'bend\.melt\.amount'"):
        check_routes([Route("sound.bass", "bend.melt.amout")], KNOBS)
    with pytest.raises(SettingsError, match="unknown curve 'wavy'"):
        check_routes([Route("sound.bass", "bend.melt.amount", curve="wavy")], KNOBS)


def test_a_clock_that_was_set_back_turns_no_walk_back() -> None:
    _, state = modulate(KNOBS, [], {}, {}, begin([]), 10.0)
    controls, state = modulate(KNOBS, [], {}, {}, state, 3.0)
    assert controls.turns == 0.0
    controls, _ = modulate(KNOBS, [], {}, {}, state, 3.5)
    assert controls.turns > 0.0
