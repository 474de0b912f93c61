"""Controls in, a TouchOSC layout out: a button for each press and switch, a fader for each knob, all with its range."""

from __future__ import annotations

import uuid
import zlib
from xml.etree import ElementTree as Xml

from installation.machine.kits.plan import Control, Plan, number

ABOUT = """
`{show}.tosc`: send it to the tablet (AirDrop, cable, or the editor's network transfer) and open it in TouchOSC (2021 or
newer). Connections > OSC > Connection 1: UDP, host {host}, send port {port}, any receive port; the show sends changes
back to the port that TouchOSC sends from, or to [osc] reply_port where that is set to the receive port.
"""
COLUMNS, CELL_W, BUTTON_H, FADER_H, LABEL_H, GAP = 8, 150, 70, 240, 24, 10
RED, GREEN, BLUE, GREY, INK = (0.8, 0.1, 0.1), (0.1, 0.6, 0.3), (0.2, 0.4, 0.8), (0.15, 0.15, 0.17), (0.05, 0.05, 0.06)
Frame = tuple[int, int, int, int]
PRESSED, TOGGLED = "0", "2"  # kinds of buttons


def create(plan: Plan) -> dict[str, bytes]:
    """The layout: what acts last and the cues on top, the knobs below."""
    root = Xml.Element("lexml", version="3")
    rows = [(plan.of("switch", "press"), BUTTON_H), (plan.of("fader"), FADER_H)]
    height = sum(-(-len(controls) // COLUMNS) * (cell + LABEL_H + GAP) for controls, cell in rows) + GAP
    group = _node(root, "GROUP", plan.show, (0, 0, COLUMNS * (CELL_W + GAP) + GAP, height), INK)
    children, top = Xml.SubElement(group, "children"), GAP
    for controls, cell in rows:
        for i, control in enumerate(controls):
            x, y = GAP + i % COLUMNS * (CELL_W + GAP), top + i // COLUMNS * (cell + LABEL_H + GAP)
            _control(children, control, (x, y, CELL_W, cell))
            _label(children, control.label, (x, y + cell, CELL_W, LABEL_H))
        top += -(-len(controls) // COLUMNS) * (cell + LABEL_H + GAP)
    text = Xml.tostring(root, "unicode", short_empty_elements=False)
    return {f"{plan.name}.tosc": zlib.compress(f"<?xml version='1.0' encoding='UTF-8'?>\n{text}".encode(), 9)}


def _control(parent: Xml.Element, control: Control, frame: Frame) -> None:
    fader = control.kind == "fader"
    colour = GREY if fader else RED if control.label in ("blackout", "panic") else BLUE if fader else GREEN
    node = _node(parent, "FADER" if fader else "BUTTON", control.label, frame, colour)
    if not fader:
        _property(node, "i", "buttonType", TOGGLED if control.kind == "switch" else PRESSED)
    span = (control.high - control.low) or 1.0
    _values(node, {"x": number((control.start - control.low) / span), "touch": "false"})
    osc = Xml.SubElement(Xml.SubElement(node, "messages"), "osc")
    for word, value in {"enabled": "1", "send": "1", "receive": "1", "feedback": "0", "connections": "00001"}.items():
        Xml.SubElement(osc, word).text = value
    trigger = Xml.SubElement(Xml.SubElement(osc, "triggers"), "trigger")
    Xml.SubElement(trigger, "var").text, Xml.SubElement(trigger, "condition").text = "x", "ANY"
    _partial(Xml.SubElement(osc, "path"), "CONSTANT", "STRING", control.address)
    conversion = "INTEGER" if control.whole or not fader else "FLOAT"
    _partial(Xml.SubElement(osc, "arguments"), "VALUE", conversion, "x", control.low, control.high)


def _label(parent: Xml.Element, text: str, frame: Frame) -> None:
    node = _node(parent, "LABEL", f"label {text}", frame, INK)
    _property(node, "i", "textSize", "12")
    _values(node, {"text": text.removeprefix("generator.").removeprefix("effect."), "touch": "false"})


def _node(parent: Xml.Element, kind: str, name: str, frame: Frame, colour: tuple[float, float, float]) -> Xml.Element:
    ours = uuid.uuid5(uuid.NAMESPACE_URL, f"installation/{kind}/{name}/{frame}")  # the same show, the same file
    node = Xml.SubElement(parent, "node", ID=str(ours), type=kind)
    Xml.SubElement(node, "properties")
    _property(node, "s", "name", name)
    _property(node, "r", "frame", dict(zip("xywh", map(str, frame), strict=True)))
    _property(node, "c", "color", dict(zip("rgba", map(str, (*colour, 1.0)), strict=True)))
    return node


def _property(node: Xml.Element, kind: str, key: str, value: str | dict[str, str]) -> None:
    made = Xml.SubElement(node[0], "property", type=kind)
    Xml.SubElement(made, "key").text = key
    holder = Xml.SubElement(made, "value")
    if isinstance(value, str):
        holder.text = value
    else:
        for name, part in value.items():
            Xml.SubElement(holder, name).text = part


def _values(node: Xml.Element, values: dict[str, str]) -> None:
    holder = Xml.SubElement(node, "values")
    for key, default in values.items():
        value = Xml.SubElement(holder, "value")
        words = {"key": key, "locked": "0", "lockedDefaultCurrent": "0", "default": default, "defaultPull": "0"}
        for word, text in words.items():
            Xml.SubElement(value, word).text = text


def _partial(holder: Xml.Element, kind: str, conversion: str, value: str, low: float = 0.0, high: float = 1.0) -> None:
    partial = Xml.SubElement(holder, "partial")
    words = {"type": kind, "conversion": conversion, "value": value, "scaleMin": f"{low:g}", "scaleMax": f"{high:g}"}
    for word, text in words.items():
        Xml.SubElement(partial, word).text = text
