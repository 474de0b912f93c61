"""Controls in, a module for Chataigne out: commands for every cue and knob, values that follow the show."""

from __future__ import annotations

import json

from installation.machine.kits.plan import Control, Plan

ABOUT = """
Copy the folder to Documents/Chataigne/modules/installation-{show}, then File > Reload custom modules: it is in the menu
Add Module > Installation. It sends to {host} port {port}; its values follow what others set once the show knows the
module's input port (the command Subscribe tells it). With [oscquery] in the show file Chataigne's own OSCQuery module
finds every knob by itself, and this folder is not needed.
"""
INPUT_PORT = 12000
SCRIPT = """\
// {show}: what the commands of module.json send, and what comes back. Made from the show file; change it there.

function press(address) {{
  local.send(address, 1);
  local.send(address, 0);
}}

function set(address, value) {{
  local.send(address, value);
}}

function toggle(address, on) {{
  local.send(address, on ? 1 : 0);
}}

function cue(number) {{
  local.send("/installation/cue", number);
}}

function subscribe(port) {{
  local.send("/installation/status/subscribe", port);
}}

function oscEvent(address, args) {{
  if (names[address] && args.length > 0) {{
    local.values.getChild(names[address]).set(args[0]);
  }}
}}

var names = {names};
"""


def create(plan: Plan) -> dict[str, bytes]:
    """module.json and its script."""
    levels = plan.of("fader", "switch")
    module = {
        "name": f"Installation {plan.show}",
        "type": "OSC",
        "path": "Installation",
        "version": "1.0.0",
        "description": f"Cues and knobs of {plan.show}",
        "hasInput": True,
        "hasOutput": True,
        "hideDefaultCommands": False,
        "defaults": {
            "OSC Input": {"localPort": INPUT_PORT},
            "OSC Outputs": {
                "OSC Output": {"local": plan.host.startswith("127."), "remoteHost": plan.host, "remotePort": plan.port}
            },
        },
        "parameters": {},
        "values": {control.label: _value(control) for control in levels},
        "scripts": ["installation.js"],
        "commands": {control.label: _command(control) for control in plan.controls}
        | {
            "Cue by number": {
                "menu": "Cues",
                "callback": "cue",
                "parameters": {"number": {"type": "String", "default": "1", "useForMapping": True}},
            },
            "Subscribe": {
                "menu": "Show",
                "callback": "subscribe",
                "parameters": {"port": {"type": "Integer", "default": INPUT_PORT, "min": 1024, "max": 65535}},
            },
        },
    }
    names = json.dumps({control.address: _short(control.label) for control in levels}, indent=1)
    script = SCRIPT.format(show=" ".join(plan.show.split()), names=names)
    return {"module.json": json.dumps(module, indent=1).encode(), "installation.js": script.encode()}


def _command(control: Control) -> dict[str, object]:
    """A command that sends to this control's address, which it hands to the script as a hidden parameter."""
    menu = "Cues" if control.label.startswith("cue ") else "Knobs" if "." in control.label else "Show"
    callback = {"press": "press", "switch": "toggle", "fader": "set"}[control.kind]
    address = {"type": "String", "default": control.address, "readOnly": True}
    further = {} if control.kind == "press" else {"value": _value(control) | {"useForMapping": True}}
    return {"menu": menu, "callback": callback, "parameters": {"address": address} | further}


def _value(control: Control) -> dict[str, object]:
    if control.kind == "switch":
        return {"type": "Boolean", "default": control.start > control.low}
    kind, start = ("Integer", round(control.start)) if control.whole else ("Float", control.start)
    return {"type": kind, "default": start, "min": control.low, "max": control.high}


def _short(label: str) -> str:
    """The name by which Chataigne's scripts reach a value: words run together, each but the first with a capital."""
    first, *others = label.replace(".", " ").replace("_", " ").split()
    return first + "".join(word[:1].upper() + word[1:] for word in others)
