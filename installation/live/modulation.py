"""The one rule: base + features through routes -> controls. Pure: the same inputs always give the same controls."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from installation.settings import Route, SettingsError
from installation.signals import Controls, Features, Knob

CURVES: dict[str, Callable[[float], float]] = {
    "linear": lambda x: x,
    "smooth": lambda x: x * x * (3.0 - 2.0 * x),
    "square": lambda x: x * x,
    "root": math.sqrt,
    "step": lambda x: 1.0 if x >= 0.5 else 0.0,
    "triangle": lambda x: 1.0 - abs(2.0 * x - 1.0),
}
SETTLED = 1e-3  # nearer than this to its goal, an eased feature has arrived
LONGEST_STEP_S = 1.0  # what was stopped for longer goes on from where it was on its walk
SPEED = "generator.speed"  # laps a minute of the generator's closed walk


@dataclass(frozen=True, slots=True)
class State:
    """What the rule remembers between frames: each route's eased feature, and the place on the walk."""

    eased: tuple[float, ...]
    turns: float = 0.0
    time_s: float = -1.0


def begin(routes: Sequence[Route]) -> State:
    """The state before the first frame."""
    return State(eased=(0.0,) * len(routes))


LONGEST_WALK = 1e9  # turns: years of them


def resume(state: State, turns: Any) -> State:
    """The state of a show that goes on where another stopped on its walk."""
    known = isinstance(turns, int | float) and abs(turns) < LONGEST_WALK  # nan is not
    return replace(state, turns=float(turns)) if known else state


def check_routes(routes: Sequence[Route], knobs: Mapping[str, Knob]) -> None:
    """Raise SettingsError for a route whose curve or target does not exist."""
    for i, route in enumerate(routes):
        if route.curve not in CURVES:
            raise SettingsError(f"routes[{i}]: unknown curve {route.curve!r}; there are: {', '.join(CURVES)}")
        if route.target not in knobs:
            near = _nearest(route.target, knobs)
            raise SettingsError(f"routes[{i}]: no knob {route.target!r}; did you mean {near!r}?")


def modulate(
    knobs: Mapping[str, Knob],
    routes: Sequence[Route],
    base: Mapping[str, float],
    features: Features,
    state: State,
    now_s: float,
) -> tuple[Controls, State]:
    """Controls of this frame, and the state for the next one.

    value = base + sum(gain x (curve(feature) + offset)), clamped to the knob's range; a feature that is absent counts
    as 0 and takes its offset with it. Easing is a one-pole filter with the route's attack or release time constant.
    """
    step_s = min(max(0.0, now_s - state.time_s), LONGEST_STEP_S) if state.time_s >= 0 else 0.0
    values = {name: base.get(name, knob.default) for name, knob in knobs.items()}
    eased = []
    for route, before in zip(routes, state.eased, strict=True):
        now = _ease(before, _shape(route, features), route, step_s)
        eased.append(now)
        values[route.target] += route.gain * now
    for name, knob in knobs.items():
        low, high = knob.low, knob.high
        if knob.kind == "event":  # its base counts presses; a route that rises is one more
            low = base.get(name, knob.default)
            high = low + 1.0
        values[name] = min(max(values[name], low), high)
    turns = state.turns + values.get(SPEED, 0.0) * step_s / 60.0
    return Controls(now_s, values, turns), State(tuple(eased), turns, now_s)


def _shape(route: Route, features: Features) -> float:
    value = features.get(route.source)
    if value is None or not math.isfinite(value):
        return 0.0
    return CURVES[route.curve](min(max(value, 0.0), 1.0)) + route.offset


def _ease(before: float, now: float, route: Route, step_s: float) -> float:
    constant_s = route.attack_s if now > before else route.release_s
    if constant_s <= 0:
        return now
    eased = before + (now - before) * (1.0 - math.exp(-step_s / constant_s))
    return eased if abs(eased - now) > SETTLED else now  # an effect at exactly 0 is not drawn at all


def _nearest(name: str, knobs: Mapping[str, Knob]) -> str:
    import difflib

    return (difflib.get_close_matches(name, knobs, 1, 0.0) or ["none at all"])[0]
