"""Knobs and cues in, the table that explains every OSC address out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from installation.control.places import KEPT, MASTER, ROOT, SWITCHES, TRIGGERS, groups_of, path_of
from installation.settings import Cue
from installation.signals import Knob

Row = tuple[str, str, str, str]


def osc_table(knobs: Mapping[str, Knob], cues: Sequence[Cue]) -> str:
    """Markdown table of every address: arguments, range, what it does."""
    rows = [("address", "arguments", "range", "what it does"), ("---", "---", "---", "---")]
    rows += [(f"`{ROOT}/{word}`", "[i f T F]", "0 or 1", about) for word, (_, about) in SWITCHES.items()]
    rows += [_level_row("master", MASTER)]
    for word, (verb, about) in TRIGGERS.items():
        rows.append((f"`{ROOT}/{word}`", "[press]" if verb in KEPT else "[press] [fade s]", "fires on a press", about))
    rows.append((f"`{ROOT}/cue`", "number [fade s]", _numbers(cues), "fade to that cue (text, int or float)"))
    rows.append((f"`{ROOT}/cue/NUMBER`", "[press] [fade s]", "fires on a press", "for desks that send no text"))
    rows.append((f"`{ROOT}/release`", "[press] [fade s]", "fires on a press", "give every held knob back to the cue"))
    rows.append((f"`{ROOT}/release/KNOB`", "[press] [fade s]", "fires on a press", "give one back"))
    rows.append((f"`{ROOT}/ping`", "", "", f"answers `{ROOT}/pong` version, frame"))
    subscribed = f"sends what is set, each change, and `{ROOT}/status/...`, until 10 minutes after you were last heard"
    rows.append((f"`{ROOT}/status/subscribe`", "[port]", "1024..65535", subscribed))
    groups = {members[0].name: _group_row(name, members, least) for name, members, least in groups_of(knobs)}
    for knob in knobs.values():
        rows += [groups[knob.name]] if knob.name in groups else []
        rows.append(_level_row(path_of(knob.name), knob))
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + _NOTES


def _level_row(path: str, knob: Knob) -> Row:
    if knob.kind == "event":
        return f"`{ROOT}/{path}`", "[press]", "fires on a press", knob.about
    unit = {"bool": "0 or 1", "int": f"{knob.low:g}..{knob.high:g} whole"}.get(
        knob.kind, f"{knob.low:g}..{knob.high:g}"
    )
    return f"`{ROOT}/{path}`", "[i f T F] [fade s]", f"{unit}, at start {knob.default:g}", knob.about


def _group_row(name: str, members: Sequence[Knob], least: int) -> Row:
    """A point or a colour as one address."""
    counts = " or ".join("f" * count for count in range(least, len(members) + 1))
    ranges = list(dict.fromkeys(f"{knob.low:g}..{knob.high:g}" for knob in members))
    last = [knob.name.rpartition(".")[2] for knob in members]
    letters = " ".join(last[:least]) + "".join(f" [{letter}]" for letter in last[least:])
    begin = " ".join(f"{knob.default:g}" for knob in members)
    return f"`{ROOT}/{path_of(name)}`", counts, f"{', '.join(ranges)}, at start {begin}", f"{letters} at once"


def _numbers(cues: Sequence[Cue]) -> str:
    return ", ".join(cue.number for cue in cues) or "no cues in this show"


_NOTES = f"""

Every knob, point, colour and the master also take `{ROOT}/.../norm` (0..1), `/percent` (0..100) and `/dmx` (0..255),
each over the whole range. True, or no argument at all, is the top of the range; false is the bottom. What lies outside
is brought to the nearest end and counted. Points and colours take their numbers one by one or as a list, colours also
as OSC's type r, and no fade time. A press is a value above 0 after a 0, after nothing, or the same value again (for
senders that never let go), so a fader moved through a trigger fires it once. `?`, `*`, `[a-z]` and `{{a,b}}` work in
addresses; bundles work, and their time tags are ignored: everything happens on the next frame.
"""
