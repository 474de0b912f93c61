"""Controls in, QLab's network cues out: an AppleScript that makes them, and the same messages as plain lines."""

from __future__ import annotations

from installation.machine.kits.plan import Control, Plan, number

ABOUT = """
QLab reads no list of cues from a file; it is scripted. `{show}.applescript` makes one Network cue for each cue and
press of the show, and one for each knob as it stands at the start: open the workspace, then run it in Script Editor.
`{show}.txt` has the same messages, one a line, to paste into single cues. Workspace Settings > Network: a patch named
installation, type OSC Message, destination {host}, port {port}, UDP or TCP; give it to the cues that were made.
"""


def create(plan: Plan) -> dict[str, bytes]:
    """The script and the lines."""
    rows = [(control.label, message) for control in plan.controls for message in messages(control)]
    lines = [f"-- the network cues of {_one_line(plan.show)}: {plan.host} port {plan.port}"]
    lines += ['tell application id "com.figure53.QLab.5" to tell front workspace']
    for label, message in rows:
        lines += [
            '\tmake type "Network"',
            "\tset newCue to last item of (selected as list)",
            f"\tset q name of newCue to {_quoted(f'{plan.show}: {label}')}",
            f"\tset custom message of newCue to {_quoted(message)}",
        ]
    lines += ["end tell"]
    return {
        f"{plan.name}.applescript": ("\n".join(lines) + "\n").encode(),
        f"{plan.name}.txt": ("\n".join(message for _, message in rows) + "\n").encode(),
    }


def messages(control: Control) -> list[str]:
    """What QLab sends: address, a space, a number; whole ones as ints, those with a point as floats."""
    if control.kind == "press":
        return [f"{control.address} 1"]
    if control.kind == "switch":
        return [f"{control.address} 1", f"{control.address} 0"]
    return [f"{control.address} {number(control.start, control.whole)}"]


def _quoted(text: str) -> str:
    return '"' + _one_line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _one_line(text: str) -> str:
    return " ".join(text.split())
