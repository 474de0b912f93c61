"""The default show alone and with everybody at it, by turns: `python tests/crowd.py [--seconds 20] [--rounds 2]`.

Everybody: two browsers with the panel open (real ones, which draw on this machine's cores, or programs that read as
much, as a phone elsewhere does), a desk that sends OSC 60 times a second and hears feedback, consoles that send sACN
and Art-Net 44 times a second, a MIDI controller 60 times a second, a program that listens to every address by OSCQuery.
With `--browsers latent` instead: a map and a family to breed, open in a real browser, where somebody clicks now and
then. Prints frames a second and the time that 99 of 100 frames take, and what share of the pace alone is kept.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests/pages")]

import consoles  # noqa: E402
import torch  # noqa: E402
from browser import Browser  # noqa: E402
from consoles import fixture  # noqa: E402
from controllers import Device, NoPortsError, real_ports, stood_in  # noqa: E402
from PIL import Image  # noqa: E402
from receiving import free_port  # noqa: E402
from websockets.exceptions import ConnectionClosed  # noqa: E402
from websockets.sync.client import connect  # noqa: E402

from installation import files  # noqa: E402
from installation.control.dmx import artnet, sacn  # noqa: E402
from installation.generators import stylegan2  # noqa: E402
from installation.latent import bred, maps  # noqa: E402
from installation.latent.atlas import Atlas  # noqa: E402
from installation.latent.breeding import Family  # noqa: E402
from installation.latent.door import Door  # noqa: E402
from installation.packets import encode  # noqa: E402
from installation.pages.server import PageServer  # noqa: E402

DESKS = """
[osc]
reply_port = {reply}
[oscquery]
port = {query}
announce = false
[dmx]
protocol = "both"
host = "{host}"
knobs = ["generator.x"]
[midi.map]
"cc 1/7" = "generator.speed"
"""
FIGURE = """(({x, y}) => [x + 20, y + 20])(document.querySelector(
    '#family [data-number="%d"]').querySelector('button').getBoundingClientRect())"""
CLIPS = ("hands/asl_hand.25fps.mp4", "audio/Kevin_MacLeod_-_Vibe_Ace.hq.ogg")


class Crowd:
    """Everybody who is at one show, each in a thread, until it is left."""

    def __init__(self, osc: int, query: int, host: str, midi: ModuleType) -> None:
        self.osc, self.query, self.host, self.midi = osc, query, host, midi
        self.over = threading.Event()
        self.heard: dict[str, int] = {}

    @contextlib.contextmanager
    def around(self, panel: str, browsers: str) -> Iterator[None]:
        """panel is the address that the show printed; browsers: real, read or none."""
        acts: list[Callable[[], None]] = [self.turn_knobs, self.send_dmx, self.move_fader, self.listen]
        acts += [lambda: self.read_panel(panel)] * 2 * (browsers == "read")
        threads = [threading.Thread(target=act, daemon=True) for act in acts]
        with contextlib.ExitStack() as closing:
            closing.callback(self.over.set)
            for size in ((390, 844), (412, 915)) if browsers == "real" else ():
                profile = closing.enter_context(tempfile.TemporaryDirectory())
                closing.enter_context(Browser(Path(profile), size)).open(panel)
            for thread in threads:
                thread.start()
            yield

    def turn_knobs(self) -> None:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        n = 0
        while not self.over.wait(1 / 60):
            n += 1
            udp.sendto(encode("/installation/generator/y", n % 60 / 60), ("127.0.0.1", self.osc))

    def send_dmx(self) -> None:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        n = 0
        while not self.over.wait(1 / 44):
            n += 1
            udp.sendto(consoles.sacn(fixture(ch10=n % 256), sequence=n % 256, priority=200), (self.host, sacn.PORT))
            udp.sendto(consoles.artdmx(fixture(ch10=n % 256), sequence=1 + n % 255), (self.host, artnet.PORT))

    def move_fader(self) -> None:
        """Until it is over; the feedback moves the motor."""
        device = Device(self.midi)
        n = 0
        while not self.over.wait(1 / 60):
            n += 1
            device.send(0xB0, 7, n % 128)
        self.heard["told by MIDI"] = len(device.told)
        device.pull()

    def listen(self) -> None:
        """To all that OSCQuery has, as a desk that shows it."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.query}/") as answer:
            tree = json.load(answer)
        with connect(f"ws://127.0.0.1:{self.query}/", proxy=None) as link:
            for path in paths_of(tree):
                link.send(json.dumps({"COMMAND": "LISTEN", "DATA": path}))
            self.read(link, "told by OSCQuery")

    def read_panel(self, address: str) -> None:
        host = re.search(r"//([^/]+)/", address)
        token = re.search(r"token=([\w-]+)", address)
        assert host and token
        bears = {"Cookie": f"installation-{host[1].rpartition(':')[2]}={token[1]}", "Origin": f"http://{host[1]}"}
        with connect(f"ws://{host[1]}/follow", additional_headers=bears, proxy=None, max_size=1 << 22) as link:
            self.read(link, "told by the panel")

    def read(self, link: Any, what: str) -> None:
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError, ConnectionClosed):
                link.recv(timeout=1.0)
                self.heard[what] = self.heard.get(what, 0) + 1


def lay_out_map() -> tuple[stylegan2.StyleGAN2, maps.Map]:
    """A map of bloom, and a place for what is bred, which the show looks for as it begins."""
    bloom = stylegan2.create(stylegan2.Settings("bloom"))
    line = torch.linspace(0, 1, 10)
    places = torch.cartesian_prod(line, line)
    points = torch.stack([bloom.of_seed(seed)[0] for seed in range(100)])
    made = maps.Map(points, places, (places * 9).round().long(), bloom.latent.average)
    maps.keep("bloom", bloom.weights_sha256, made, Image.new("RGB", (640, 640), (200, 40, 90)))
    bred.folder_of("bloom").mkdir(parents=True, exist_ok=True)
    return bloom, made


@contextlib.contextmanager
def lead_by_pages(crowd: Crowd) -> Iterator[None]:
    """A browser with the map and one with a family, each clicked on every two seconds."""
    bloom, made = lay_out_map()
    desk = ("127.0.0.1", crowd.osc)
    founders = {f"seed {seed}": bloom.of_seed(seed) for seed in range(3)}
    pages = {"map": Atlas("bloom", made, desk), "breed": Family(bloom, "bloom", founders, door=Door(desk))}
    with contextlib.ExitStack() as closing:
        closing.callback(crowd.over.set)
        opened = []
        for name, page in pages.items():
            server = closing.enter_context(PageServer({name: page}))
            profile = closing.enter_context(tempfile.TemporaryDirectory())
            opened.append(closing.enter_context(Browser(Path(profile))))
            opened[-1].open(server.guard.address)

        def click() -> None:
            n = 0
            while not crowd.over.wait(2.0):
                n += 1
                spots = (500 + n % 9 * 50, 400), opened[1].evaluate(FIGURE % (n % 3))
                for browser, (x, y) in zip(opened, spots, strict=True):
                    for kind in ("mousePressed", "mouseReleased"):
                        at = {"x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}
                        browser.call("Input.dispatchMouseEvent", type=kind, **at)
                crowd.heard["clicks"] = n

        clicking = threading.Thread(target=click)
        clicking.start()
        yield
        crowd.over.set()
        clicking.join()


def paths_of(node: dict[str, Any]) -> Iterator[str]:
    if "TYPE" in node:
        yield node["FULL_PATH"]
    for child in node.get("CONTENTS", {}).values():
        yield from paths_of(child)


def play(home: Path, seconds: float, browsers: str, data: Path, midi: ModuleType) -> dict[str, Any]:
    """One show of so many seconds; alone if browsers is empty. Gives back its report."""
    reply, query, osc, page, host = free_port(), free_port(), free_port(), free_port(), consoles.own_host()
    show = home / "crowd.toml"
    bloom = files.shipped("installation/shows/bloom.toml").read_text()
    show.write_text(
        bloom + (DESKS.format(reply=reply, query=query, host=host) if browsers not in ("", "latent") else "")
    )
    report = home / "report.json"
    line = [sys.executable, "-m", "installation", "live", "--show", str(show), "--headless", "--seconds", str(seconds)]
    line += ["--camera", str(data / CLIPS[0]), "--microphone", str(data / CLIPS[1]), "--report", str(report)]
    line += ["--osc-port", str(osc), *(("--panel-port", str(page)) if browsers else ("--no-panel",))]
    crowd = Crowd(osc, query, host, midi)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with contextlib.ExitStack() as around:
        if browsers == "latent":  # before the show: it looks for a map as it begins
            around.enter_context(lead_by_pages(crowd))
        process = subprocess.Popen(line, cwd=home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert process.stdout
        panel, lines = "", list[bytes]()
        for said in process.stdout:
            lines.append(said)
            found = re.search(rb"http://\S+token=\S+", said)
            if found and browsers not in ("", "latent") and not panel:
                panel = found[0].decode()
                around.enter_context(crowd.around(panel, browsers))
        process.wait()
    assert process.returncode == 0, b"".join(lines[-20:]).decode(errors="replace")
    told = json.loads(report.read_text())
    return told | {"heard": crowd.heard}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--browsers", choices=("real", "read", "none", "latent"), nargs="+", default=["read", "real"])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data", help="a hand's clip and a sound")
    options = parser.parse_args()
    taken: dict[str, list[dict[str, Any]]] = {}
    with contextlib.ExitStack() as closing:
        try:
            midi = closing.enter_context(real_ports())
        except NoPortsError as error:
            print(f"MIDI by a stand-in: {error}")
            midi = closing.enter_context(stood_in())
        for browsers in ("", *options.browsers) * options.rounds:
            with tempfile.TemporaryDirectory() as home:
                os.environ["XDG_DATA_HOME"] = home
                report = play(Path(home), options.seconds, browsers, options.data, midi)
                taken.setdefault(browsers, []).append(report)
            time.sleep(1.0)  # what a browser leaves behind ends
    alone = statistics.median(report["fps"] for report in taken[""])
    for browsers, reports in taken.items():
        fps, p99 = (statistics.median(values) for values in ([r["fps"] for r in reports], p99s(reports)))
        name = {"": "alone", "latent": "a map and a family"}.get(browsers, f"all protocols, browsers: {browsers}")
        print(f"{name:<32} {fps:.1f} frames a second, {fps / alone:.1%} of alone; 99 of 100 within {p99:.0f} ms")
        print(f"{'':<32} heard {reports[-1]['heard']}, survived {reports[-1]['faults']}")
    return 0


def p99s(reports: list[dict[str, Any]]) -> list[float]:
    return [report["frame_ms"]["p99"] for report in reports]


if __name__ == "__main__":
    sys.exit(main())
