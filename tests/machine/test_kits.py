"""Each desk's kit, read as that desk reads it, and what it then sends replayed over a real socket to a real desk."""

from __future__ import annotations

import csv
import json
import re
import shutil
import socket
import subprocess
import threading
import time
import tomllib
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from installation.__main__ import main
from installation.control.cues import Board
from installation.control.desk import Desk
from installation.machine import kits
from installation.machine.kits import chataigne, eos, grandma3, json_map, magicq, qlab, touchosc
from installation.machine.kits.plan import Plan, number, plan_of
from installation.packets import Frames, encode
from installation.settings import Cue, Osc, SettingsError, Show
from installation.signals import Knob

KNOBS = {
    knob.name: knob
    for knob in (
        Knob("generator.truncation", 0.0, 1.5, 0.7, "how far from the mean"),
        Knob("effect.tear.amount", 0.0, 1.0, 0.25, 'a "tear", <wide> & torn'),
        Knob("effect.mirror.sides", 2.0, 12.0, 6.0, "sides", "int"),
        Knob("effect.echo.on", 0.0, 1.0, 0.0, "echo", "bool"),
        Knob("effect.flash.bang", 0.0, 1.0, 0.0, "one flash", "event"),
        Knob("bend.melt.amount", -1.0, 1.0, 0.0, "melting"),
    )
}
CUES = (Cue("1", "doors"), Cue("1.5", 'first "visitors"', 0.0), Cue("2", "night\nlong", 0.0))
SHOW = Show('gl"ass', cues=CUES)
HIGH = {name: knob.high for name, knob in KNOBS.items() if knob.kind in ("float", "int")}


class Stage:
    """A real desk with a board behind it, and a wire to it."""

    def __init__(self, aliases: dict[str, Any] | None = None, framing: str = "") -> None:
        self.desk = Desk(Osc(port=0, aliases=aliases or {}), KNOBS, CUES)
        self.desk.start()
        self.board, self.frames = Board(KNOBS, CUES), Frames()
        self.frames.framing, self.now_s = framing, 0.0
        self.wire = socket.socket(socket.AF_INET, socket.SOCK_STREAM if framing else socket.SOCK_DGRAM)
        self.wire.connect(("127.0.0.1", self.desk.port))

    def send(self, address: str, *arguments: Any) -> None:
        packet = encode(address, *arguments)
        double = b"\xc0" if self.frames.framing == "slip" else b""  # QLab ends a packet at both ends
        self.wire.sendall(double + self.frames.wrap(packet) if self.frames.framing else packet)

    def until(self, question: Callable[[Board], object]) -> None:
        pause, deadline_s = threading.Event(), time.monotonic() + 30.0
        while not self.frame(question):
            assert time.monotonic() < deadline_s, (dict(self.desk.faults), self.board.describe(self.now_s))
            pause.wait(0.002)

    def frame(self, question: Callable[[Board], object]) -> object:
        self.now_s += 10.0
        for command in self.desk.poll(self.now_s):
            self.board.apply(command, self.now_s)
        return question(self.board)

    def base(self, name: str) -> float:
        return self.board.levels(self.now_s).base[name]

    def stands(self, **values: float) -> None:
        self.until(lambda _: all(self.base(n) == pytest.approx(v, abs=1e-5) for n, v in values.items()))

    def close(self) -> None:
        assert not self.desk.faults
        self.wire.close()
        self.desk.close()


@pytest.fixture
def stage() -> Iterator[Callable[..., Stage]]:
    made: list[Stage] = []

    def make(*how: Any, **more: Any) -> Stage:
        made.append(Stage(*how, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def plan() -> Plan:
    return plan_of(SHOW, KNOBS, "10.0.0.5", 9000)


def nodes_of(plan: Plan) -> dict[str, Xml.Element]:
    """TouchOSC's controls by name, from the file as it lies there."""
    [(name, packed)] = touchosc.create(plan).items()
    assert name == "gl_ass.tosc"
    root = Xml.fromstring(zlib.decompress(packed))
    assert root.tag == "lexml" and root.get("version") == "3"
    return {property_of(node, "name"): node for node in root.iter("node")}


def property_of(node: Xml.Element, key: str) -> str:
    found = {p.findtext("key"): p.find("value") for p in node.find("properties") or ()}
    return (found[key].text or "") if found.get(key) is not None else ""  # type: ignore[union-attr]


def touch(stage: Stage, node: Xml.Element, *levels: float) -> None:
    """Move a control to where x is: TouchOSC scales x into the range of the argument."""
    address = node.findtext("messages/osc/path/partial/value")
    argument = node.find("messages/osc/arguments/partial")
    assert address and argument is not None
    low, high = float(argument.findtext("scaleMin") or ""), float(argument.findtext("scaleMax") or "")
    for x in levels:
        value = low + (high - low) * x
        stage.send(address, round(value) if argument.findtext("conversion") == "INTEGER" else value)


def test_touchosc_a_button_for_each_press_and_a_fader_for_each_knob(plan: Plan, stage: Callable[..., Stage]) -> None:
    show, nodes = stage(), nodes_of(plan)
    assert {'gl"ass', "master", "blackout", "panic", 'cue 1.5 first "visitors"', *KNOBS} <= set(nodes)
    for name in HIGH:
        touch(show, nodes[name], 0.5, 1.0)
    show.stands(**HIGH)
    touch(show, nodes["bend.melt.amount"], 0.25)
    touch(show, nodes["effect.echo.on"], 1.0)
    show.stands(**{"bend.melt.amount": -0.5, "effect.echo.on": 1.0})
    touch(show, nodes['cue 1.5 first "visitors"'], 1.0, 0.0)
    show.until(lambda board: board.number == "1.5")
    touch(show, nodes["cue go"], 1.0, 0.0)
    show.until(lambda board: board.number == "2")
    touch(show, nodes["effect.flash.bang"], 1.0, 0.0)
    show.stands(**{"effect.flash.bang": 1.0})
    touch(show, nodes["blackout"], 1.0)
    show.until(lambda board: board.levels(show.now_s).blackout)


def test_touchosc_begins_where_the_show_begins_and_nothing_lies_over_another(plan: Plan) -> None:
    nodes = nodes_of(plan)
    values = {v.findtext("key"): v.findtext("default") for v in nodes["bend.melt.amount"].iter("value") if len(v)}
    assert float(values["x"] or "") == 0.5
    frames = []
    for node in nodes.values():
        if node.get("type") != "GROUP":
            frame = next(p.find("value") for p in node.find("properties") or () if p.findtext("key") == "frame")
            assert frame is not None
            frames.append(tuple(int(part.text or "") for part in frame))
    for i, (x, y, w, h) in enumerate(frames):
        assert all(x + w <= a or a + c <= x or y + h <= b or b + d <= y for a, b, c, d in frames[i + 1 :])


def test_touchosc_the_same_show_makes_the_same_file(plan: Plan) -> None:
    assert touchosc.create(plan) == touchosc.create(plan)


@pytest.mark.parametrize("framing", ["", "slip"])
def test_qlab_the_lines_and_the_script_say_the_same_and_the_show_does_it(
    plan: Plan, stage: Callable[..., Stage], framing: str
) -> None:
    made = {name.rpartition(".")[2]: text.decode() for name, text in qlab.create(plan).items()}
    lines = made["txt"].splitlines()
    scripted = re.findall(r'set custom message of newCue to "((?:[^"\\]|\\.)*)"', made["applescript"])
    assert scripted == lines and len(lines) == made["applescript"].count('make type "Network"')
    assert r"first \"visitors\"" in made["applescript"] and made["applescript"].count("\t") == 4 * len(lines)
    show = stage(framing=framing)
    for line in lines:
        address, *arguments = line.split(" ")
        if "panic" not in address and "cue" not in address and "moment" not in address and "vector" not in address:
            show.send(address, *(float(one) if "." in one else int(one) for one in arguments))
    show.stands(**{name: knob.default for name, knob in KNOBS.items() if name in HIGH})
    show.until(lambda board: not board.levels(show.now_s).blackout and show.base("effect.flash.bang") == 1.0)
    [cue] = [line for line in lines if line.startswith("/installation/cue/1.5 ")]
    show.send(cue.split(" ")[0], int(cue.split(" ")[1]))
    show.until(lambda board: board.number == "1.5")


def test_grandma3_macros_send_what_the_show_does(plan: Plan, stage: Callable[..., Stage]) -> None:
    show = stage()
    root = Xml.fromstring(grandma3.create(plan)["gl_ass_macros.xml"])
    assert root.tag == "GMA3"
    macros = {macro.get("Name"): macro.find("MacroLine") for macro in root.iter("Macro")}

    def run(name: str) -> None:
        line = macros[f"installation {name}"]
        assert line is not None
        found = re.fullmatch(r'SendOSC 1 "(/[^,"]+),([ifs]+),([^"]*)"', line.get("Command") or "")
        assert found, line.get("Command")
        kinds = zip(found[2], found[3].split(","), strict=True)
        show.send(found[1], *({"i": int, "f": float, "s": str}[kind](text) for kind, text in kinds))

    for name in HIGH:
        run(f"{name} high")
    show.stands(**HIGH)
    run("bend.melt.amount low")
    run("effect.mirror.sides start")
    show.stands(**{"bend.melt.amount": -1.0, "effect.mirror.sides": 6.0})
    run("cue 2 night long")
    show.until(lambda board: board.number == "2")
    run("blackout on")
    show.until(lambda board: board.levels(show.now_s).blackout)
    run("blackout off")
    show.until(lambda board: not board.levels(show.now_s).blackout)


def test_grandma3_executors_move_master_and_knobs_by_the_aliases_of_the_kit(
    plan: Plan, stage: Callable[..., Stage]
) -> None:
    aliases = tomllib.loads(grandma3.create(plan)["gl_ass_aliases.toml"].decode())["osc"]["aliases"]
    show = stage(aliases)
    show.send("/Page1/Fader201", 40)
    show.send("/Page1/Fader202", 100)
    show.send("/Page1/Fader204", 25)
    show.stands(**{"generator.truncation": 1.5, "bend.melt.amount": -0.5})
    show.until(lambda board: board.levels(show.now_s).master == pytest.approx(0.4))
    show.send("/Page1/Key101", 100)
    show.send("/Page1/Key101", 0)
    show.until(lambda board: board.number == "1.5")


def test_eos_strings_over_tcp_as_eos_reads_them(plan: Plan, stage: Callable[..., Stage]) -> None:
    show = stage(framing="length")
    table = {row["what"]: row["string"] for row in rows_of(eos.create(plan)["gl_ass.csv"])}

    def send(what: str) -> None:
        address, _, arguments = table[what].partition("=")
        numbers = [float(one) if "." in one else int(one) for one in arguments.split(",")]
        show.send(address, *numbers)

    for name in HIGH:
        send(f"{name} high")
    show.stands(**HIGH)
    send("effect.echo.on on")
    show.stands(**{"effect.echo.on": 1.0})
    send('cue 1.5 first "visitors"')
    show.until(lambda board: board.number == "1.5")
    send("panic")
    show.until(lambda board: board.levels(show.now_s).blackout)
    send("blackout off")
    show.until(lambda board: not board.levels(show.now_s).blackout)


def rows_of(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(table.decode().splitlines(keepends=True)))


def test_magicq_playbacks_move_the_show_and_the_table_lists_the_rest(plan: Plan, stage: Callable[..., Stage]) -> None:
    made = magicq.create(plan)
    aliases = tomllib.loads(made["gl_ass_aliases.toml"].decode())["osc"]["aliases"]
    show = stage(aliases)
    show.send("/pb/1", 0.5)
    show.send("/pb/2", 1.0)
    show.send("/pb/1/go", 1)
    show.stands(**{"generator.truncation": 1.5})
    show.until(lambda board: board.number == "1.5" and board.levels(show.now_s).master == 0.5)
    for row in rows_of(made["gl_ass.csv"]):
        if row["what"] in HIGH:
            show.send(row["address"], {"float": float, "integer": int}[row["type"]](row["highest"]))
    show.stands(**HIGH)
    show.send("/dbo", 1)
    show.until(lambda board: board.levels(show.now_s).blackout)


def test_chataigne_runs_the_module_and_its_commands_move_the_show(
    plan: Plan, stage: Callable[..., Stage], tmp_path: Path
) -> None:
    made = chataigne.create(plan)
    module = json.loads(made["module.json"])
    assert module["type"] == "OSC" and module["scripts"] == ["installation.js"]
    assert module["defaults"]["OSC Outputs"]["OSC Output"]["remotePort"] == 9000
    commands = module["commands"]
    wanted: list[list[object]] = []
    for name, command in commands.items():
        given = [p["max"] if "max" in p else True if p["type"] == "Boolean" else p.get("default")
                 for p in command["parameters"].values()]  # fmt: skip
        if name in (*HIGH, "effect.echo.on", "blackout", 'cue 1.5 first "visitors"'):
            wanted.append([command["callback"], *given])
    wanted.append(["cue", "2"])
    came = play_script(made["installation.js"].decode(), wanted, tmp_path)
    show = stage()
    for address, value in came["sent"]:
        show.send(address, value)
    show.stands(**HIGH, **{"effect.echo.on": 1.0})
    show.until(lambda board: board.levels(show.now_s).blackout and board.number == "2")
    assert came["shown"] == [["bendMeltAmount", 0.5]]
    shown = {chataigne._short(label) for label in module["values"]}
    assert "bendMeltAmount" in shown and module["values"]["bend.melt.amount"]["min"] == -1.0


def play_script(script: str, calls: list[list[object]], folder: Path) -> dict[str, list[list[Any]]]:
    """What a script sends when its callbacks are called, and which values it sets when a packet comes: in a browser."""
    browser = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    assert browser, "the tests need Chromium: apt install chromium (make test does it)"
    page = folder / "page.html"
    page.write_text(
        "<pre id=came></pre><script>var sent=[], shown=[];"
        "var local={send:function(a,v){sent.push([a,v])},"
        "values:{getChild:function(n){return {set:function(v){shown.push([n,v])}}}}};"
        f"{script}\n"
        f"var calls={json.dumps(calls)};"
        "calls.forEach(function(c){window[c[0]].apply(null,c.slice(1))});"
        'oscEvent("/installation/bend/melt/amount",[0.5]); oscEvent("/installation/pong",["1",2]);'
        'document.getElementById("came").textContent=JSON.stringify({sent:sent,shown:shown});</script>',
        "utf-8",
    )
    line = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'browser'}"]
    answer = subprocess.run([*line, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120)
    found = re.search(r'<pre id="came">(.*?)</pre>', answer.stdout, re.DOTALL)
    assert found and found[1], answer.stdout + answer.stderr
    told: dict[str, list[list[Any]]] = json.loads(found[1].replace("&quot;", '"').replace("&amp;", "&"))
    return told


def test_the_json_table_is_all_that_resolume_and_touchdesigner_need(plan: Plan, stage: Callable[..., Stage]) -> None:
    table = json.loads(json_map.create(plan)["gl_ass.json"])
    assert (table["host"], table["port"]) == ("10.0.0.5", 9000)
    show = stage()
    rows = {row["name"]: row for row in table["controls"]}
    for name in HIGH:
        show.send(rows[name]["address"], {"f": float, "i": int}[rows[name]["type"]](rows[name]["max"]))
    show.stands(**HIGH)
    show.send(rows["bend.melt.amount"]["norm"], 0.25)  # as Resolume sends
    show.stands(**{"bend.melt.amount": -0.5})
    show.send(rows['cue 1.5 first "visitors"']["address"], rows["cue go"]["send"])
    show.until(lambda board: board.number == "1.5")


def test_addresses_that_some_desk_cannot_send_are_left_out_and_said() -> None:
    odd = plan_of(Show("x", cues=(Cue("1"), Cue('2"'), Cue("a=b"))), KNOBS, "10.0.0.5", 9000)
    assert [c.label for c in odd.controls if "/cue/" in c.address] == ["cue go", "cue back", "cue 1"]
    assert '/installation/cue/2"' in odd.left_out
    assert "/installation/cue/a=b" in kits.readme(odd, {})


@pytest.mark.parametrize(("value", "whole", "text"), [(1.0, False, "1.0"), (0.25, False, "0.25"), (6.0, True, "6")])
def test_a_number_says_by_its_point_whether_it_is_a_float(value: float, whole: bool, text: str) -> None:
    assert number(value, whole) == text


def test_every_kit_is_written_with_a_page_that_says_how_it_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, show = tmp_path / "kits", tmp_path / "still.toml"
    show.write_text('[generator]\nname = "pattern"\n[[cues]]\nnumber = "1"\n')
    assert main(["kits", str(out), "--show", str(show), "--host", "10.0.0.5", "--port", "9100"]) == 0
    told = (out / "README.md").read_text("utf-8")
    for name in ("touchosc", "qlab", "grandma3", "eos", "magicq", "chataigne", "json_map"):
        assert f"## {name}" in told and any((out / name).iterdir())
    assert "10.0.0.5" in told and "9100" in told and "{" not in told
    assert main(["kits", str(out), "eos", "--show", str(show)]) == 0  # ours, so it may be written anew
    assert "127.0.0.1" in (out / "README.md").read_text("utf-8")
    assert main(["kits", str(out), "nonsense", "--show", str(show)]) == 2
    assert "no kits called 'nonsense'" in capsys.readouterr().err


def test_what_others_made_or_changed_is_not_replaced_and_nothing_else_is_written(tmp_path: Path) -> None:
    kits.write(tmp_path, {"a/x.txt": b"1", "b.txt": b"2"})
    (tmp_path / "a/x.txt").write_text("changed by hand")
    with pytest.raises(SettingsError, match=r"a/x\.txt is not ours, or was changed"):
        kits.write(tmp_path, {"a/x.txt": b"3", "b.txt": b"4"})
    assert (tmp_path / "a/x.txt").read_text() == "changed by hand" and (tmp_path / "b.txt").read_bytes() == b"2"
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(SettingsError, match=r"README\.md"):
        kits.write(tmp_path, {"README.md": b"theirs"})
    assert (tmp_path / "README.md").read_text() == "mine"
    (tmp_path / "kits.json").write_text("torn {")
    with pytest.raises(SettingsError, match=r"kits\.json"):
        kits.write(tmp_path, {"c.txt": b"5"})
