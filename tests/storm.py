"""A storm against a running, recording show: `python tests/storm.py --minutes 10 --seed 1`; `--kills 30` kills instead.

Broken and slow effects are saved, processes killed and stopped, weights spoilt, a disk filled, packets of every kind
sent, in an order that is always the same for the same seed; and blackout called, again and again. It prints what was
done and what was seen, and ends with 1 when something does not hold that must: one keeper and one show from beginning
to end, black within one frame, an orderly end, no process left.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests/control")]

from desktops import Sockets, sockets  # noqa: E402
from flood import flood, packets  # noqa: E402
from kills import kill  # noqa: E402
from stormed import EFFECTS, Stormed, fill, free_disk, free_port, look, make_scene, small_disk, wait_for  # noqa: E402

from installation.packets import encode, encode_bundle  # noqa: E402

DISK_MB = 24  # for moments, filled and freed
HEAD = '/*{"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}]}*/\n'
BROKEN = (
    "",
    "\0\1\2 no text",
    "/*{",
    HEAD,
    HEAD + "void main() { oops }",
    HEAD + "void main() { gl_FragColor = vec4(0.0 / (TIME - TIME)); }",  # NaN in every pixel
    HEAD + "void main() { float x = TIME; while (x > -1.0) { " + "x = fract(sin(x) * 43758.5); " * 300 + "}"
    " gl_FragColor = vec4(x); }",  # as good as endless: a software driver leaves a loop after 65,535 rounds
    HEAD + "void main() { vec4 s = vec4(0.0); for (int i = 0; i < 300000; i++) s += fract(vec4(float(i)) * s + 0.1);"
    " gl_FragColor = s / 300000.0; }",
    '/*{"INPUTS": [' + '{"NAME": "a", "TYPE": "float"},' * 3000 + "]}*/ void main() {}",
    '/*{"PASSES": [{"TARGET": "a", "WIDTH": "$WIDTH*100000"}, {}]}*/ void main() { gl_FragColor = vec4(1.0); }',
)


class Storm:
    """The acts, by name. Each may be called at any time, and in any order."""

    def __init__(self, home: Path, stormed: Stormed, dice: random.Random, disk: bool, card: Sockets | None) -> None:
        self.home, self.stormed, self.dice, self.disk, self.card = home, stormed, dice, disk, card
        self.done: Counter[str] = Counter()
        self.not_done: dict[str, str] = {}
        self.stopped_s: list[float] = []
        self.texts = {name: (home / f"effects/{name}.fs").read_text() for name in EFFECTS}

    def act(self, name: str) -> None:
        """Do it, and count it; a process that is not there just now cannot be killed."""
        getattr(self, name)()
        self.done[name] += name not in self.not_done

    def save(self) -> None:
        """An effect as somebody may save it: broken, slow, with its header mangled, or good again."""
        name = self.dice.choice(EFFECTS)
        path, good = self.home / f"effects/{name}.fs", self.texts[name]
        kind = self.dice.choice(("broken", "broken", "header", "header", "cut", "gone", "good"))
        self.done[f"  {kind}"] += 1
        if kind == "gone":
            path.unlink(missing_ok=True)
        else:
            text = {"broken": self.dice.choice(BROKEN), "header": self._mangled(good), "good": good}.get(kind)
            path.write_text(good[: self.dice.randrange(len(good))] if text is None else text)

    def _mangled(self, good: str) -> str:
        end = good.index("}*/")
        letters = list(good[:end])
        for _ in range(self.dice.randrange(1, 6)):
            letters[self.dice.randrange(len(letters))] = self.dice.choice('{}[]",:0-9eE.\\\n\u00e9 ')
        return "".join(letters) + good[end:]

    def _kill(self, part: str, by: signal.Signals) -> psutil.Process | None:
        with contextlib.suppress(psutil.Error, AssertionError):
            found = wait_for(lambda: self.stormed.part(part), part, within_s=30.0)
            assert isinstance(found, psutil.Process)
            found.send_signal(by)
            return found
        self.done[f"  no {part} there"] += 1
        return None

    def kill_studio(self) -> None:
        self._kill("studio", signal.SIGKILL)

    def stop_studio(self) -> None:
        """Stopped; let go again, or left to the show to find out."""
        stopped = self._kill("studio", signal.SIGSTOP)
        if stopped and self.dice.random() < 0.5:
            time.sleep(self.dice.uniform(0.2, 3.0))
            with contextlib.suppress(psutil.Error):
                stopped.resume()

    def kill_camera(self) -> None:
        self._kill("camera", signal.SIGKILL)

    def kill_sound(self) -> None:
        self._kill("microphone", signal.SIGKILL)

    def stop_show(self) -> None:
        """Show, studio and all stand still, as on a machine that swaps; the keeper does not."""
        show = self.stormed.show()
        assert show
        seconds = self.dice.uniform(0.5, 2.5)
        show.suspend()
        began_s = time.monotonic()
        time.sleep(seconds)
        show.resume()
        self.stopped_s.append(time.monotonic() - began_s)

    def weights(self) -> None:
        """Weights that give NaN, and a studio that has to read them; at the next call good ones again."""
        folder = self.home / "bloom"
        if not folder.is_dir():
            self.not_done["weights"] = "this show paints with `pattern`, which has none"
            return
        from safetensors.numpy import load_file, save_file

        path, kept = folder / "weights.safetensors", folder / "good"
        if kept.exists():
            kept.rename(path)
        else:
            spoilt = {name: np.full_like(array, np.nan) for name, array in load_file(path).items()}
            path.rename(kept)
            save_file(spoilt, path)
        card = (folder / "model.toml").read_text().split("\n")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        card = [f'sha256 = "{digest}"' if line.startswith("sha256 =") else line for line in card]
        (folder / "model.toml").write_text("\n".join(card))
        self.kill_studio()

    def packets(self) -> None:
        """Bundles, patterns, fades, presses, garbage, over UDP and TCP."""
        d = self.dice
        knobs = [encode(f"/installation/effect/{n}/amount", d.random(), d.random()) for n in EFFECTS]
        sane = [
            encode("/installation/cue/go", 1),
            encode("/installation/cue/back", 1),
            encode("/installation/moment", 1),
        ]
        odd = [
            encode("/installation/effect/*/*", 0.5),
            encode("/installation/cue", "99"),
            encode("/installation/release"),
        ]
        sent = [*knobs, encode_bundle([encode_bundle(knobs), *sane]), *odd, *packets(60, d.randrange(1000))]
        d.shuffle(sent)
        for packet in sent:
            self.stormed.throw(packet[:60_000])
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.stormed.port), 1.0) as tcp:
            tcp.sendall(d.choice((b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x08/", d.randbytes(400))))

    def flood(self) -> None:
        """More packets than anybody can read; a blackout in the midst of them."""
        pouring = threading.Thread(target=flood, args=(self.stormed.port, 20_000, self.dice.randrange(1000)))
        pouring.start()
        self.blackout()
        pouring.join()

    def switches(self) -> None:
        for name in ("freeze", "testcard"):
            self.stormed.send(name, 1)
            self.stormed.wait_frames(3)
            self.stormed.send(name, 0)

    def full_disk(self) -> None:
        """The disk of the moments, filled, written to and freed."""
        if not self.disk:
            self.not_done["full_disk"] = "no small disk may be mounted here"
            return
        filling = fill(self.home / "disk")
        self.stormed.send("moment", 1)
        self.stormed.wait_frames(3)
        filling.unlink()

    def monitors(self) -> None:
        """A projector is plugged in, changes its mode or place, or is pulled, under the window."""
        if self.card is None:
            self.not_done["monitors"] = "no window"
            return
        other = self.dice.choice(("640x480", "800x600", "1024x768", ""))
        self.card.plug("DUMMY1", other) if other else self.card.unplug("DUMMY1")

    def blackout(self) -> None:
        """Black, seen to be so by the desk, and light again."""
        for value in (1, 0):
            self.stormed.send("blackout", value)
            wait_for(lambda v=value: self.stormed.status.get("blackout") == v, f"blackout {value}")
            if value:
                self.stormed.wait_frames(3)
                self.done["blackouts called"] += 1

    def heal(self) -> None:
        """Everything good again: what the end is measured by."""
        for name, text in self.texts.items():
            (self.home / f"effects/{name}.fs").write_text(text)
        if (self.home / "bloom/good").exists():
            self.weights()
        for address, value in (("freeze", 0), ("testcard", 0), ("blackout", 0), ("master", 1.0), ("cue", "1")):
            self.stormed.send(address, value)
        self.stormed.send("release")


def plan_of(minutes: float, dice: random.Random) -> list[str]:
    """All acts in their order: so many for ten minutes, at least one of each."""
    ten = {"save": 200, "blackout": 88, "flood": 12, "packets": 30, "switches": 6, "kill_studio": 10, "stop_studio": 6}
    ten |= {"kill_camera": 10, "kill_sound": 10, "stop_show": 6, "full_disk": 6, "monitors": 10, "weights": 2}
    short = {"save": 20, "blackout": 5}
    counts = {name: max(short.get(name, 1), round(count * minutes / 10)) for name, count in ten.items()}
    acts = [name for name, count in counts.items() for _ in range(count)]
    dice.shuffle(acts)
    return acts


def rage(home: Path, minutes: float, seed: int, on_monitors: bool, weights: bool) -> list[str]:
    """The storm; gives back what did not hold."""
    dice, memory = random.Random(seed), dict[str, dict[str, float]]()
    with contextlib.ExitStack() as closing:
        make_scene(home, weights)
        card = closing.enter_context(sockets(home)) if on_monitors else None
        if card is not None:
            os.environ["DISPLAY"] = f":{card.number}"
        disk = small_disk(home / "disk", DISK_MB)
        film, log = home / "film.mp4", home / "log.gz"
        stormed = Stormed(home, free_port(), film, home / "disk/moments", log, on_monitors)
        closing.callback(stormed.close)
        wait_for(lambda: int(stormed.status.get("frame", 0)) > 20, "the first frames")  # type: ignore[arg-type]
        first, storm = stormed.show(), Storm(home, stormed, dice, disk, card)
        assert first
        acts, began_s = plan_of(minutes, dice), time.monotonic()
        for i, name in enumerate(acts):
            storm.act(name)
            if i == len(acts) // 4:
                memory["a quarter"] = measure(stormed)
            time.sleep(max(0.0, began_s + minutes * 60 * (i + 1) / len(acts) - time.monotonic()))
        storm.heal()
        wrong = []
        with contextlib.suppress(AssertionError):
            wait_for(lambda: float(stormed.status.get("frame_age_s", 99.0)) < 3.0, "fresh pictures")  # type: ignore[arg-type]
        if float(stormed.status.get("frame_age_s", 99.0)) >= 3.0:  # type: ignore[arg-type]
            wrong.append("no fresh picture came after the storm")
        stormed.wait_frames()
        memory["the end"] = measure(stormed)
        again, family = stormed.show(), psutil.Process(stormed.keeper.pid).children(recursive=True)
        if again != first:
            wrong.append(f"the show was begun anew: process {first.pid}, then {again}")
        stormed.keeper.send_signal(signal.SIGTERM)
        code = stormed.keeper.wait(120)
        left = psutil.wait_procs(family, 30)[1]
        wrong += [f"exit code {code}"] * (code != 0) + [f"left behind: {left}"] * bool(left)
        lasted_s = time.monotonic() - began_s
    return wrong + tell(storm, film, log, memory, lasted_s)


def measure(stormed: Stormed) -> dict[str, float]:
    """Memory of show and studio, in MB."""
    parts = {"show": stormed.show(), "studio": stormed.part("studio")}
    sizes = {}
    for name, process in parts.items():
        with contextlib.suppress(psutil.Error):
            sizes[name] = round(process.memory_info().rss / 2**20, 1) if process else 0.0
    return sizes


def tell(storm: Storm, film: Path, log: Path, memory: dict[str, dict[str, float]], lasted_s: float) -> list[str]:
    """Print the table; gives back what did not hold."""
    seen, wrong = look(film, log), []
    called = storm.done["blackouts called"]
    if seen.blackouts != called:
        wrong.append(f"{called} blackouts were called, {seen.blackouts} came to the show")
    if seen.late:
        wrong.append(f"light where it had to be black: {len(seen.late)} frames, at {seen.late[:5]} s")
    if not seen.filmed:
        wrong.append("the film shows no blackout at all")
    times = sorted(seen.intervals_ms)
    named = min(len(storm.stopped_s), len(times))
    others = times[: len(times) - named]
    report = json.loads((storm.home / "report.json").read_text())
    print(f"\n{lasted_s:.0f} s, {len(times) + 1} frames")
    for name, count in sorted(storm.done.items(), key=lambda row: row[0].strip()):
        print(f"  did     {name:<20} {count}")
    for name, why in storm.not_done.items():
        print(f"  did not {name:<20} {why}")
    print(f"  saw     {seen.blackouts} blackouts, {seen.from_light} out of light; {seen.filmed} filmed frames of them")
    print(f"  saw     light in {len(seen.late)} of these frames")
    half, most = np.percentile(others, [50, 99])
    print(f"  saw     frames ms p50 {half:.0f} p99 {most:.0f} most {max(others):.0f}")
    print(f"  saw     {sum(ms > 250 for ms in others)} over 250 ms, and {named} while it was stopped: {times[-named:]}")
    for when, sizes in memory.items():
        print(f"  saw     memory at {when}: " + ", ".join(f"{name} {mb:.0f} MB" for name, mb in sizes.items()))
    print(f"  saw     survived: {report['faults']}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument(
        "--monitors", action="store_true", help="on the monitors of a virtual X server, which come and go"
    )
    parser.add_argument("--weights", action="store_true", help="paint with the model bloom, whose weights are spoilt")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="storm-"))
    if options.kills:
        wrong = kill(home, options.kills, options.seed)
    else:
        wrong = rage(home, options.minutes, options.seed, options.monitors, options.weights)
    for one in wrong:
        print(f"DOES NOT HOLD: {one}")
    if wrong:
        print(f"what it left is in {home}; the show's last words:\n{(home / 'said.txt').read_text()[-3000:]}")
        return 1
    print("all of it holds")
    free_disk(home / "disk")
    shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
