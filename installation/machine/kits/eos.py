"""Controls in, what an Eos console sends out: strings for its cues, macros and show control, one a line."""

from __future__ import annotations

import csv
import io

from installation.machine.kits.plan import Control, Plan, number

ABOUT = """
`{show}.csv`: what, and the string that sends it. Setup > System > Show Control: OSC TX on; for TCP add {host} with
port {port} as an OSC TCP client (OSC 1.0 or 1.1, the show hears both), for UDP the OSC UDP TX port {port} and TX IP
address {host}. Then type a string into External Links > String of a cue, or into a macro. Numbers with a point go out
as floats, without one as whole numbers. A second number is a fade in seconds: `/installation/master=0.0,3.0`.
"""


def create(plan: Plan) -> dict[str, bytes]:
    """The table."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(["what", "string", "range", "about"])
    for control in plan.controls:
        reach = f"{control.low:g}..{control.high:g}" if control.kind == "fader" else ""
        for word, text in strings(control):
            table.writerow([f"{control.label} {word}".rstrip(), text, reach, control.about])
    return {f"{plan.name}.csv": out.getvalue().encode()}


def strings(control: Control) -> list[tuple[str, str]]:
    """What to type: with =, as Eos writes arguments."""
    if control.kind == "press":
        return [("", f"{control.address}=1")]
    if control.kind == "switch":
        return [("on", f"{control.address}=1"), ("off", f"{control.address}=0")]
    values = {"low": control.low, "start": control.start, "high": control.high}
    return [(word, f"{control.address}={number(value, control.whole)}") for word, value in values.items()]
