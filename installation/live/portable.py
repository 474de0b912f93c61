"""A show and another model in; the same show as that model can play it out, whatever kind of network it is."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Mapping
from typing import Any

from installation import plugins, weights
from installation.control.addresses import AliasError, Space
from installation.control.looks import takes
from installation.settings import Cue, Part, SettingsError, Show
from installation.signals import Knob

OF_ITS_MODEL = ("stations",)  # settings that mean nothing to another model
OF_A_MODEL = ("generator.", "bend.")  # how knobs begin that another model may lack
SHARES = "generator.model."  # how much of each model is seen
log = logging.getLogger("installation.live")


def with_model(generator: Part, model: str) -> Part:
    """The part of a show that paints, with another model. What the other kind cannot do is left out, with one line.

    One that stands before another (slomo) hands on what is not of its own kind. Raises WeightsError where there is no
    such model, and SettingsError for one that paints no show.
    """
    said = weights.read_config(model).get("kind")
    kind, inner = str(said or generator.name), generator.settings.get("generator")
    if isinstance(inner, dict) and said != generator.name:
        behind = with_model(Part(**inner), model)
        return Part(generator.name, generator.settings | {"generator": dataclasses.asdict(behind)})
    if kind not in (there := plugins.available("generators")):
        raise SettingsError(f"--model {model}: {kind} paints no show; those that do: {', '.join(there)}")
    wished = {name: value for name, value in generator.settings.items() if name not in OF_ITS_MODEL}
    known = {field.name for field in dataclasses.fields(plugins.load("generators", kind).Settings)}
    if left := sorted(set(wished) - known):
        log.warning("%s: %s has no %s: left out", model, kind, ", ".join(left))
    return Part(kind, {name: value for name, value in wished.items() if name in known} | {"model": model})


def own_model(generator: Part) -> str:
    """The model that a generator plays, or the one behind it."""
    inner = generator.settings.get("generator")
    return own_model(Part(**inner)) if isinstance(inner, dict) else str(generator.settings.get("model", ""))


def awaited(show: Show) -> set[str]:
    """The knobs of a model that cues name while another model than the show's own plays: that one may have them."""
    found: set[str] = set()
    model = own = own_model(show.generator)
    for cue in show.cues:
        model = cue.model or model
        if model != own:
            found |= {name for name in cue.values if name.startswith(OF_A_MODEL) and not name.startswith(SHARES)}
    return found


def fitted(show: Show, knobs: Mapping[str, Knob]) -> Show:
    """The show without the routes, values of cues and ways from desks that another model's knobs do not take; one line
    says so. What its own model does not take stays in it, and is refused."""
    if not show.ported:
        return show
    left: list[str] = []
    routes = tuple(route for route in show.routes if _plays(route.target, knobs, left))
    others = awaited(show) - knobs.keys()
    cues = tuple(_cue(cue, knobs, left, others) for cue in show.cues)
    lines = {way: to for way, to in (show.midi.map if show.midi else {}).items() if _plays(_goal(to), knobs, left)}
    midi = show.midi and dataclasses.replace(show.midi, map=lines)
    turned = tuple(name if _plays(name, knobs, left) else "" for name in (show.dmx.knobs if show.dmx else ()))
    dmx = show.dmx and dataclasses.replace(show.dmx, knobs=turned)
    osc = dataclasses.replace(show.osc, aliases=_aliases(show, knobs, left))
    _say(str(show.generator.settings.get("model", show.generator.name)), left)
    return dataclasses.replace(show, routes=routes, cues=cues, midi=midi, dmx=dmx, osc=osc)


def _goal(to: Any) -> str:
    """Where a line of a desk leads: `"generator.x"`, or the `to` of a table."""
    return str(to["to"] if isinstance(to, dict) and "to" in to else to)


def _aliases(show: Show, knobs: Mapping[str, Knob], left: list[str]) -> dict[str, Any]:
    """Without those that lead to knobs of a model that this one has not."""
    space, kept = Space(knobs, show.cues), {}
    for there, to in show.osc.aliases.items():
        try:
            space.lead(there, to)
        except AliasError:
            if any(beginning.strip(".") in str(to) for beginning in OF_A_MODEL):
                left.append(there)
                continue
        kept[there] = to
    return kept


def say_what_lacks(generator: Any, show: Show) -> None:
    """A cue's other model was opened: what the show moves that it has not."""
    left: list[str] = []
    for route in show.routes:
        _plays(route.target, generator.knobs, left)
    others = awaited(show)
    for name, value in [one for cue in show.cues for one in cue.values.items()]:
        _plays(name, generator.knobs, left, value if name in others else None)
    _say(str(getattr(getattr(generator, "settings", None), "model", type(generator).__name__)), left)


def _cue(cue: Cue, knobs: Mapping[str, Knob], left: list[str], others: Collection[str]) -> Cue:
    values = {n: v for n, v in cue.values.items() if n in others or _plays(n, knobs, left, v)}
    return dataclasses.replace(cue, values=values)


def _plays(name: str, knobs: Mapping[str, Knob], left: list[str], value: float | None = None) -> bool:
    """Whether a knob is there, and reaches so far; one of a model that does not goes on the list."""
    knob = knobs.get(name)
    plays = knob is not None if value is None else takes(knob, value)
    if plays or not name.startswith(OF_A_MODEL) or name.startswith(SHARES):
        return True
    left.append(name if knob is None else f"{name} of {value:g}")
    return False


def _say(model: str, left: Collection[str]) -> None:
    if left:
        log.warning("%s has no %s: left out", model, ", ".join(dict.fromkeys(left)))
