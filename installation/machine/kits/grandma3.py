"""Controls in, grandMA3 macros and what its executors send out: SendOSC lines, and aliases for faders and keys."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from installation.machine.kits.plan import Plan, aliases, number

ABOUT = """
Menu > In & Out > OSC: a new line with Destination IP {host}, port {port}, mode UDP, Send and Send Command on, and no
prefix. It should be line 1; the macros say `SendOSC 1`. Copy `{show}_macros.xml` to gma3_library/datapools/macros of
a USB stick, then import it in the macro pool.
Executors: put `{show}_aliases.toml` into the show file. Fader201 of page 1 is the master, 202 and on the first knobs,
Key101 GO, Key102 BACK, Key103 panic; the console sends them where Send is on in its OSC line. Where Receive is on too,
and the show's [osc] reply_port is that line's port, its faders follow what others set.
"""
FIRST_FADER, FADERS = 201, 15
KEYS = {101: "cue/go", 102: "cue/back", 103: "panic"}


def create(plan: Plan) -> dict[str, bytes]:
    """A macro for every press, two for every switch, three for every knob; and the show file's aliases."""
    root = Xml.Element("GMA3", DataVersion="1.9.0.0")
    for control in plan.controls:
        if control.kind == "press":
            _macro(root, control.label, f"{control.address},i,1")
        elif control.kind == "switch":
            _macro(root, f"{control.label} on", f"{control.address},i,1")
            _macro(root, f"{control.label} off", f"{control.address},i,0")
        else:
            for word, value in {"low": control.low, "start": control.start, "high": control.high}.items():
                kind = "i" if control.whole else "f"
                _macro(root, f"{control.label} {word}", f"{control.address},{kind},{number(value, control.whole)}")
    Xml.indent(root)
    faders = [control for control in plan.of("fader") if not control.whole][:FADERS]
    rows = {f"/Page1/Fader{FIRST_FADER + i}": f"{control.address}/percent" for i, control in enumerate(faders)}
    there = {control.address for control in plan.controls}
    keys = {f"/Page1/Key{key}": f"/installation/{word}" for key, word in KEYS.items()}
    rows |= {key: address for key, address in keys.items() if address in there}
    return {
        f"{plan.name}_macros.xml": Xml.tostring(root, "utf-8", xml_declaration=True),
        f"{plan.name}_aliases.toml": aliases(rows).encode(),
    }


def _macro(root: Xml.Element, name: str, message: str) -> None:
    macro = Xml.SubElement(root, "Macro", Name=f"installation {name}")
    Xml.SubElement(macro, "MacroLine", Command=f'SendOSC 1 "{message}"')
