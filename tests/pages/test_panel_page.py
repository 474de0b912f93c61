"""A newcomer's way, in a real browser before a real show: learn, fade, black out, save, restart: all is as it was.

Real are Chromium, the show with all of its processes, OSC over UDP and Art-Net. The MIDI controller's port is one of a
JACK server where that can be had; else the driver alone, below the show's own MIDI process, is stood in for, see
controllers.py.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import consoles
import psutil
import pytest
from browser import Browser
from controllers import Device
from pythonosc.udp_client import SimpleUDPClient

from installation.rendering.wall.keeping import read_venue
from installation.settings import open_show

Wait = Callable[..., Any]
SHOW = """\
# the newcomer's show
[generator]
name = "pattern"
[[effects]]
file = "grain.fs"
[[effects]]
file = "tear.fs"
[[cues]] # dark and slow
number = "1"
name = "open"
[[cues]]
number = "2"
name = "bloom"
fade_s = 1.5
values = {{ "generator.y" = 0.5 }}
[screen]
size = [320, 180]
working_size = [160, 90]
fps = 20.0
[osc]
port = {port}
[dmx]
protocol = "artnet"
host = "{host}"
universe = 3
[midi]
port = "nano"
"""
DARK = """(() => {{
  const canvas = document.getElementById("picture");
  const rgba = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const lightest = rgba.reduce((most, value, i) => (i % 4 === 3 ? most : Math.max(most, value)), 0);
  return {} && Number(canvas.dataset.pictures) > 0;
}})()"""
BLACK, LIGHT = DARK.format("lightest < 8"), DARK.format("lightest > 60")


class Played:
    """`installation live` as somebody types it, and what its parts need to be reached."""

    def __init__(self, path: Path, tmp_path: Path) -> None:
        self.path, self.host, self.port, self.counter = path, consoles.own_host(), free_port(), itertools.count(1)
        path.write_text(SHOW.format(host=self.host, port=self.port))
        self.folders = {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_STATE_HOME": str(tmp_path / "state")}
        self.moments = tmp_path / "moments"
        self.process: subprocess.Popen[str] | None = None
        self.address = ""

    def begin(self, *words: str) -> str:
        devices = ["--camera", "none", "--microphone", "none", "--moments", str(self.moments), "--panel-port", "0"]
        line = [sys.executable, "-m", "installation", "live", "--show", str(self.path), "--headless", *devices, *words]
        environment = os.environ | self.folders
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment, cwd=self.path.parent)
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        found = re.match(r"panel: (http://\S+)", said)
        assert found, said
        self.address = found[1]
        return self.address

    def end(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def show_process(self) -> psutil.Process:
        """Of the keeper's children the show itself."""
        assert self.process is not None
        return next(p for p in psutil.Process(self.process.pid).children() if "--no-guard" in p.cmdline())

    def osc(self, address: str, value: float) -> None:
        SimpleUDPClient("127.0.0.1", self.port).send_message(address, value)

    def artnet(self, **channels: int) -> None:
        packet = consoles.artdmx(consoles.fixture(**channels), universe=3, sequence=next(self.counter))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.sendto(packet, (self.host, 6454))


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        return int(udp.getsockname()[1])


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    made = Played(tmp_path / "newcomer.toml", tmp_path)
    yield made
    made.end()


@pytest.fixture
def visitor(browser: Browser, played: Played) -> Iterator[Browser]:
    """A browser that has left the panel before its show ends."""
    with visiting(browser):
        yield browser


@contextlib.contextmanager
def visiting(*browsers: Browser) -> Iterator[None]:
    """For so long they are there, and complain of nothing that was before."""
    for one in browsers:
        one.complaints.clear()
    yield
    for one in browsers:
        one.call("Page.navigate", url="about:blank")
        one.until("location.href === 'about:blank'")


@pytest.fixture(scope="module")
def shared_show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """One that nobody keeps, begun in a folder where walls are kept."""
    folder = tmp_path_factory.mktemp("evening")
    (folder / "calibration").mkdir()
    made = Played(folder / "newcomer.toml", folder)
    made.begin("--no-guard")
    yield made
    made.end()


@pytest.fixture(scope="module")
def telephone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("telephone"), (390, 844)) as made:
        made.call("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=2, mobile=True)
        yield made


@pytest.fixture
def both(shared_show: Played, browser: Browser, telephone: Browser) -> Iterator[tuple[Browser, Browser]]:
    """Two browsers at the panel of one show, which is as it was at its beginning."""
    with visiting(browser, telephone):
        for one in (browser, telephone):
            open_panel(one, shared_show.address)
        yield browser, telephone


def click(browser: Browser, selector: str) -> None:
    browser.evaluate(f"document.querySelector({selector!r}).click()")


def turn(browser: Browser, selector: str, value: float) -> None:
    """As a finger does."""
    slider = f"document.querySelector({selector!r})"
    browser.evaluate(f"{slider}.value = {value}, {slider}.dispatchEvent(new Event('input'))")


def knob(name: str, inside: str = "") -> str:
    return f'[data-knob="{name}"] {inside}'.strip()


def reads(name: str, text: str) -> str:
    return f"document.querySelector({knob(name, 'output')!r}).textContent === {text!r}"


def is_held(name: str, by: str) -> str:
    return f"document.querySelector({knob(name, '.holder')!r}).textContent === 'held by {by}'"


def learn(browser: Browser, name: str, move: Callable[[], object], wait_for: Wait) -> None:
    """Touch the knob on the page, move a fader: for as long as it takes, as nobody moves one for an instant only."""
    click(browser, knob(name, ".learn"))
    browser.until(f"document.querySelector({knob(name)!r}).classList.contains('learning')")
    is_learnt = f"document.getElementById('learn-line').textContent.includes('→ {name}')"
    wait_for(lambda: move() or browser.evaluate(is_learnt))
    browser.until(f"!document.querySelector({knob(name)!r}).classList.contains('learning')")


def open_panel(browser: Browser, address: str) -> None:
    browser.open(address)
    browser.until("document.documentElement.dataset.set === 'yes'")


def test_a_newcomer_learns_fades_blacks_out_saves_and_finds_all_again(
    played: Played, visitor: Browser, device: Device, wait_for: Wait
) -> None:
    browser = visitor
    open_panel(browser, played.begin())
    browser.until(LIGHT)
    # learn, from OSC, from Art-Net and from a MIDI controller
    learn(browser, "effect.tear.amount", lambda: played.osc("/Page1/Fader201", 0.25), wait_for)
    played.osc("/Page1/Fader201", 0.5)
    browser.until(reads("effect.tear.amount", "0.50"))
    browser.until(is_held("effect.tear.amount", "osc 127.0.0.1"))
    played.artnet()
    browser.until("document.documentElement.dataset.link === 'up'")
    click(browser, "[data-tab=messages]")
    played.artnet(ch7=255)  # freeze: the console is heard
    browser.until("document.getElementById('protocols').textContent.includes('DMX')")
    speaks = "document.getElementById('protocols').textContent.includes('MIDI')"
    # its port is opened within seconds; keys are no faders, so that what is still on its way teaches no knob
    wait_for(lambda: device.send(0x90, 60, 0) or browser.evaluate(speaks))
    played.artnet()
    click(browser, "[data-tab=knobs]")
    learn(browser, "generator.x", lambda: played.artnet(ch10=40_000), wait_for)
    played.artnet(ch10=65_535)
    browser.until(reads("generator.x", "1.00"))
    learn(browser, "effect.tear.split", lambda: device.send(0xB0, 7, 32), wait_for)
    wait_for(lambda: device.send(0xB0, 7, 96) or browser.evaluate(reads("effect.tear.split", "0.76")))
    holder = f"document.querySelector({knob('effect.tear.split', '.holder')!r}).textContent"
    browser.until(f"{holder}.startsWith('held by midi nano')")
    # a knob by hand
    turn(browser, knob("generator.z", "input"), -0.5)
    browser.until(is_held("generator.z", "panel"))
    # fade a cue
    click(browser, "#go")
    browser.until("document.querySelector('#cues [aria-current] i')")
    browser.until("document.querySelector('[data-cue=\"2\"][aria-current]') && !document.querySelector('#cues i')")
    browser.until(reads("generator.y", "0.50"))
    # save
    click(browser, "#save")
    browser.until("document.getElementById('held-count').textContent === 'nothing held'")
    show = open_show(str(played.path))
    assert "# dark and slow" in played.path.read_text()
    assert show.osc.aliases == {"/Page1/Fader201": "/installation/effect/tear/amount/norm"}
    assert show.dmx is not None and show.dmx.knobs == ("generator.x",)
    assert show.midi is not None and show.midi.map == {"cc 1/7": "effect.tear.split"}
    held = {"generator.x": 1.0, "generator.z": -0.5, "effect.tear.amount": 0.5, "effect.tear.split": 96 / 127}
    assert show.cues[1].values == pytest.approx({"generator.y": 0.5} | held, abs=1e-5)
    # black out
    click(browser, "#blackout")
    browser.until(BLACK)
    # the show dies: the page goes on by itself, in the dark, at the cue where it was
    before = played.show_process()
    before.send_signal(signal.SIGKILL)
    wait_for(lambda: not before.is_running() or before.status() == psutil.STATUS_ZOMBIE)
    browser.until("document.documentElement.dataset.link === 'down'", 60)
    browser.until("document.documentElement.dataset.link === 'up'", 120)
    browser.until("document.getElementById('blackout').getAttribute('aria-pressed') === 'true'")
    browser.until(BLACK)
    browser.until("document.querySelector('[data-cue=\"2\"][aria-current]')")
    click(browser, "#blackout")
    browser.until(LIGHT)
    # another evening, with nothing but the file
    played.end()
    open_panel(browser, played.begin("--fresh"))
    click(browser, '[data-cue="2"]')
    for name, text in {"generator.x": "1.00", "generator.z": "-0.50", "effect.tear.amount": "0.50"}.items():
        browser.until(reads(name, text))
    played.osc("/Page1/Fader201", 0.75)
    browser.until(reads("effect.tear.amount", "0.75"))
    played.artnet(ch10=32_768)
    browser.until(reads("generator.x", "0.00"))
    wait_for(lambda: device.send(0xB0, 7, 127) or browser.evaluate(reads("effect.tear.split", "1.00")))
    assert not [said for said in browser.complaints if "WebSocket" not in said and "ERR_CONN" not in said]


def test_two_browsers_see_each_others_changes_and_keep_a_preset(both: tuple[Browser, Browser]) -> None:
    browser, other = both
    turn(other, knob("generator.x", "input"), 0.25)
    browser.until(reads("generator.x", "0.25"))
    turn(browser, "#master", 0.5)
    other.until("document.getElementById('master-value').textContent === '50 %'")
    browser.evaluate("document.getElementById('preset-name').value = 'quarter'")
    click(browser, "#preset-form button[type=submit]")
    other.until("document.getElementById('presets').textContent.includes('quarter')")
    click(other, "#discard")
    browser.until(reads("generator.x", "0.00"))
    other.evaluate("document.getElementById('preset-fade').value = 0")
    click(other, "#presets button")
    browser.until(reads("generator.x", "0.25"))
    click(other, "#moment")
    click(browser, "[data-tab=moments]")
    browser.until("document.querySelector('#moments img')?.naturalWidth > 0")
    click(browser, "#moments button")
    browser.until("document.querySelector('#moments code').textContent.startsWith('installation still ')")
    line = browser.evaluate("document.querySelector('#moments code').textContent").split()
    assert Path(line[2]).is_file() and line[3:] == ["--width", "1m"]
    click(browser, "[data-tab=health]")
    browser.until("document.getElementById('figures').textContent.includes('frames a second')")
    assert other.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert unfit(other) == []
    assert not browser.complaints and not other.complaints


def unfit(browser: Browser) -> list[str]:
    """What is there to be touched and is too small for a thumb, or says nothing of itself."""
    keys = "[...document.querySelectorAll('button, input, select, summary')].filter((key) => key.offsetHeight)"
    wrong = "key.offsetHeight < 36 || !(key.textContent.trim() || key.ariaLabel || key.labels?.length)"
    return list(browser.evaluate(f"{keys}.filter((key) => {wrong}).map((key) => key.outerHTML)"))


DRAG = """(async () => {{
  const plan = document.getElementById("plan"), handle = document.querySelectorAll("#plan-points circle")[{point}];
  const box = handle.getBoundingClientRect();
  const at = (x, y) => ({{ pointerId: 1, clientX: x, clientY: y, bubbles: true }});
  const say = (kind, x, y) => plan.dispatchEvent(new PointerEvent(kind, at(x, y)));
  plan.setPointerCapture = () => {{}}; // no finger is really down
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  say("pointerdown", x + 6, y + 4);
  for (let i = 1; i <= 6; i += 1) {{
    say("pointermove", x + 6 + {right} * i / 6, y + 4 + {down} * i / 6);
    await new Promise(requestAnimationFrame);
  }}
  say("pointerup", x + 6 + {right}, y + 4 + {down});
  const there_px = Number(handle.getAttribute("cx"));
  await new Promise((done) => setTimeout(done, 100)); // behind the page's own clock for what is dragged: all is said
  return there_px;
}})()"""


def corner_is(which: int, question: str) -> str:
    """A question about x and y of the first output's point, as the page draws it, parts of the frame."""
    circle = f"document.querySelectorAll('#plan-points circle')[{which}]"
    place = f"{{ x: {circle}.getAttribute('cx') / 320, y: {circle}.getAttribute('cy') / 180 }}"
    return f"(({{ x, y }}) => {question})({place})"


def test_a_wall_is_fitted_saved_and_taken_back_from_a_telephone(
    both: tuple[Browser, Browser], shared_show: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shared_show.path.parent)
    browser, phone = both
    for one in both:
        click(one, "[data-tab=wall]")
    click(phone, "#fit")
    phone.until("!document.getElementById('wall-hand').hidden && !document.getElementById('save-wall').disabled")
    dragged_px = phone.evaluate(DRAG.format(point=0, right=60, down=30))
    for one in (phone, browser):  # the finger was a little beside the point: the point keeps its distance from it
        one.until(corner_is(0, "Math.abs(x - 0.18) < 0.04 && Math.abs(y - 0.16) < 0.05"))
    browser.until(corner_is(0, f"Math.abs(x * 320 - {dragged_px}) < 0.1"))  # one goes on from where the other ended
    click(browser, '[data-nudge="ArrowRight"]')
    phone.until(corner_is(0, f"Math.abs(x * 320 - {dragged_px} - 1) < 0.1"))
    click(phone, "#save-wall")
    browser.until("document.getElementById('wall-kept').textContent === 'here · saved, version 1'")
    saved = read_venue("").outputs[0].mesh.points[0]
    assert 0.14 < saved[0] < 0.22 and 0.11 < saved[1] < 0.21
    for _ in range(2):
        phone.until("!document.getElementById('undo').disabled")
        click(phone, "#undo")
    browser.until(corner_is(0, "x === 0 && y === 0"))
    browser.until("document.getElementById('wall-kept').textContent === 'here · not saved'")
    assert read_venue("").outputs[0].mesh.points[0] == saved
    click(browser, "#redo")
    click(browser, "#finer")
    phone.until("document.querySelectorAll('#plan-points circle').length === 9")
    click(phone, "#wall-layers button:last-child")  # a mask, by its points, its edge and a point more
    phone.until("!document.getElementById('mask-part').hidden")
    phone.until("document.querySelectorAll('#plan-points circle').length === 4")
    phone.evaluate(DRAG.format(point=2, right=30, down=20))
    turn(phone, "#mask-dials input", 0.1)
    click(phone, "#more")
    click(browser, "#wall-layers button:nth-child(2)")
    browser.until("document.querySelectorAll('#plan-points circle').length === 5")
    browser.until(corner_is(2, "x > 0.63 && y > 0.63"))
    browser.until("document.querySelector('#mask-dials output').textContent === '0.10'")
    for one in (phone, browser):
        one.evaluate("document.querySelectorAll('#tab-wall .group').forEach((part) => { part.open = true; })")
    turn(phone, "#blend-dials input", 0.2)
    turn(phone, "#colour-dials .blue input", 0.75)
    click(phone, "#turns button:nth-child(3)")
    browser.until("document.getElementById('blend-count').textContent === '1'")
    browser.until("document.querySelector('#colour-dials .blue output').textContent === '0.75'")
    browser.until("document.getElementById('turn-count').textContent === '180°'")
    click(browser, "#undo")
    phone.until("document.getElementById('turn-count').textContent === ''")
    assert unfit(phone) == []
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if photograph := os.environ.get("PANEL_WALL_PICTURE"):
        phone.photograph(Path(photograph))
    click(phone, "#end")
    browser.until("!document.getElementById('wall-off').hidden")
    assert not browser.complaints and not phone.complaints
