"""Controls in, what a MagicQ console sends out: aliases for its playbacks, a table of messages for the rest."""

from __future__ import annotations

import csv
import io

from installation.machine.kits.plan import Plan, aliases

ABOUT = """
Setup > View Settings > Network: OSC mode on, transmit port {port}, transmit IP {host} (0.0.0.0 sends to all), on the
lighting network. Put `{show}_aliases.toml` into the show file: playback 1 is the master, 2 to 10 the first knobs (0..1,
as floats; where your console sends 0..100, write /percent for /norm there), their GO the next cue, DBO the blackout.
`{show}.csv` has address, type and range of everything, for the OSC head of the patch, and to be typed into the macro
field of a cue stack in the way that your version's manual writes OSC messages.
"""
PLAYBACKS = 10


def create(plan: Plan) -> dict[str, bytes]:
    """The table and the show file's aliases."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(["what", "address", "type", "lowest", "highest", "about"])
    for control in plan.controls:
        kind = "float" if control.kind == "fader" and not control.whole else "integer"
        low, high = (control.low, control.high) if control.kind == "fader" else (0.0, 1.0)
        table.writerow([control.label, control.address, kind, f"{low:g}", f"{high:g}", control.about])
    faders = [control for control in plan.of("fader") if not control.whole][:PLAYBACKS]
    rows = {f"/pb/{i}": f"{control.address}/norm" for i, control in enumerate(faders, 1)}
    rows |= {"/pb/1/go": "/installation/cue/go", "/dbo": "/installation/blackout"}
    return {f"{plan.name}.csv": out.getvalue().encode(), f"{plan.name}_aliases.toml": aliases(rows).encode()}
