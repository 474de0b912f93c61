"""Controls in, a JSON table out: every address with type and range, for Resolume, TouchDesigner and scripts."""

from __future__ import annotations

import json

from installation.machine.kits.plan import Control, Plan

ABOUT = """
`{show}.json`: host, port and a list of everything that can be sent, with type, range, start and what it does.
TouchDesigner: read it with `json.load` in a Text DAT (or by a JSON DAT), make a channel or a custom parameter of each
entry, and send it through an OSC Out CHOP or DAT to {host} port {port}. Resolume: Preferences > OSC, output on, {host}
port {port}; in Shortcuts > Edit OSC give a parameter's output the address from the table, with /norm behind it, as
Resolume sends 0..1.
"""


def create(plan: Plan) -> dict[str, bytes]:
    """The table."""
    table = {
        "show": plan.show,
        "host": plan.host,
        "port": plan.port,
        "transports": ["UDP", "TCP"],
        "controls": [_row(control) for control in plan.controls],
    }
    return {f"{plan.name}.json": json.dumps(table, indent=1).encode()}


def _row(control: Control) -> dict[str, object]:
    row: dict[str, object] = {
        "address": control.address,
        "name": control.label,
        "kind": control.kind,
        "about": control.about,
    }
    if control.kind == "press":
        return row | {"type": "i", "send": 1}
    if control.kind == "switch":
        return row | {"type": "i", "min": 0, "max": 1, "start": int(control.start > control.low)}
    kind = "i" if control.whole else "f"
    norm = f"{control.address}/norm"
    return row | {"type": kind, "min": control.low, "max": control.high, "start": control.start, "norm": norm}
