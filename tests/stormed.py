"""A folder in; a kept, recording show in it, everything that it plays with made there too, and what it left behind."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil

from installation import files
from installation.live.journal import Entry, read_log
from installation.packets import Argument, encode, read

ROOT = Path(__file__).resolve().parent.parent
EFFECTS = ("grain", "vignette", "tear")
SHOW = """
seed = 7
[[inputs]]
name = "recording"
[[inputs]]
name = "camera"
[[inputs]]
name = "microphone"
[[features]]
name = "motion"
[[features]]
name = "sound"
[[routes]]
source = "sound.level"
target = "effect.tear.amount"
gain = 0.3
{effects}
[[cues]]
number = "1"
[[cues]]
number = "2"
fade_s = 1.0
values = {{ "effect.grain.amount" = 0.6 }}
[screen]
size = [320, 180]
working_size = [160, 90]
fps = 20.0
{generator}
"""
BLACK = 8  # brighter than this is light: H.264 leaves a little on a black frame
LATE_S = 120.0  # how long anything may take on a machine that has other work too


def wait_for(question: Callable[[], object], what: str, within_s: float = LATE_S) -> object:
    """Ask until the answer is true. Raises AssertionError saying what did not come."""
    deadline_s = time.monotonic() + within_s
    while not (answer := question()):
        assert time.monotonic() < deadline_s, f"{what} did not come within {within_s:.0f} s"
        time.sleep(0.01)
    return answer


def make_scene(home: Path, weights: bool) -> None:
    """A show file, its own copies of effects and, if weights, of a model; a film for a camera, a tone to be heard."""
    import soundfile

    (home / "effects").mkdir()
    for name in EFFECTS:
        shutil.copy(files.shipped("shaders/effects") / f"{name}.fs", home / "effects")
    effects = "\n".join(f'[[effects]]\nfile = "{home}/effects/{name}.fs"' for name in EFFECTS)
    generator = '[generator]\nname = "pattern"'
    if weights:
        shutil.copytree(files.shipped("models") / "bloom", home / "bloom")
        generator = f'[generator]\nname = "stylegan2"\nsettings = {{ model = "{home}/bloom" }}'
    (home / "storm.toml").write_text(SHOW.format(effects=effects, generator=generator))
    with av.open(str(home / "camera.mp4"), "w") as film:
        stream = film.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for n in range(50):
            rgb = np.full((120, 160, 3), 30, np.uint8)
            rgb[30:80, 2 * n : 2 * n + 40] = 220
            film.mux(stream.encode(av.VideoFrame.from_ndarray(rgb)))
        film.mux(stream.encode(None))
    t = np.arange(88_200) / 44_100
    beat = 0.5 * np.sin(1382 * t) * (np.sin(12.6 * t) > 0)
    soundfile.write(home / "tone.wav", beat.astype("f4"), 44_100)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Stormed:
    """One keeper and its show, and a desk that talks to them and hears how they are."""

    def __init__(self, home: Path, port: int, film: Path, moments: Path, log: Path, on_monitors: bool = False) -> None:
        self.home, self.port = home, port
        self.said = (home / "said.txt").open("a")
        words = ["live", "--show", str(home / "storm.toml"), "--osc-port", str(port), "--moments", str(moments)]
        words += ["--camera", str(home / "camera.mp4"), "--microphone", str(home / "tone.wav")]
        words += ["--record", str(film), "--record-quality", "0"]  # a coarse film keeps a ghost of grain for two frames
        words += ["--log", str(log), "--report", str(home / "report.json")]
        words += [] if on_monitors else ["--headless"]
        environment = os.environ | {"XDG_STATE_HOME": str(home / "state"), "PYTHONPATH": str(ROOT)}
        environment.setdefault("LIBGL_ALWAYS_SOFTWARE", "1")
        command = [sys.executable, "-m", "installation", *words]
        self.keeper = subprocess.Popen(command, cwd=home, env=environment, stdout=self.said, stderr=self.said)
        self.desk = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.desk.bind(("127.0.0.1", 0))
        self.status: dict[str, Argument] = {}
        self._hearing = True
        self._ear = threading.Thread(target=self._hear, daemon=True)
        self._ear.start()

    def _hear(self) -> None:
        self.desk.settimeout(0.2)
        asked_s = 0.0
        while self._hearing:
            if time.monotonic() - asked_s > 2.0:
                asked_s = time.monotonic()
                self.send("status/subscribe", self.desk.getsockname()[1])
            try:
                packet = self.desk.recv(65_536)
            except OSError:
                continue
            for address, arguments in read(packet)[0]:
                if arguments:
                    self.status[address.rpartition("/")[2]] = arguments[0]

    def send(self, address: str, *arguments: Argument) -> None:
        self.throw(encode(f"/installation/{address}", *arguments))

    def throw(self, packet: bytes) -> None:
        self.desk.sendto(packet, ("127.0.0.1", self.port))

    def show(self) -> psutil.Process | None:
        """The show's process, None while there is none."""
        try:
            return next(iter(psutil.Process(self.keeper.pid).children()), None)
        except psutil.NoSuchProcess:
            return None

    def part(self, name: str) -> psutil.Process | None:
        """The show's child of this name (studio, camera, microphone), None while there is none."""
        try:
            show = self.show()
            for child in show.children() if show else ():
                if any(word.endswith(f"{name}_child") for word in child.cmdline()):
                    return child
        except psutil.Error:
            pass
        return None

    def told(self) -> dict:
        """What is kept on the disk of what people have set."""
        try:
            found = json.loads((self.home / "state/installation/storm.state.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return dict(found)

    def wait_frames(self, count: int = 10) -> None:
        """Until so many more frames were presented."""
        begin = int(self.status.get("frame", 0))  # type: ignore[arg-type]
        wait_for(lambda: int(self.status.get("frame", 0)) >= begin + count, f"{count} more frames")  # type: ignore[arg-type]

    def close(self) -> None:
        """Whatever is still there of it goes."""
        self._hearing = False
        self._ear.join()
        family = [self.keeper.pid]
        with contextlib.suppress(psutil.NoSuchProcess):
            family += [child.pid for child in psutil.Process(self.keeper.pid).children(recursive=True)]
        for number in family:
            try:
                os.kill(number, 9)
            except ProcessLookupError:
                continue
        self.keeper.wait()
        self.desk.close()
        self.said.close()


def frames_of(film: Path) -> Iterator[tuple[float, int]]:
    """Instant and brightest value of every frame of a film, up to where it breaks off."""
    try:
        with av.open(str(film)) as file:
            for frame in file.decode(video=0):
                yield float(frame.pts * Fraction(frame.time_base)), int(frame.to_ndarray(format="rgb24").max())
    except (av.error.FFmpegError, OSError):
        return


@dataclass
class Seen:
    """What film and log tell of blackouts and of frames."""

    blackouts: int = 0  # that reached the show
    from_light: int = 0
    late: list[float] = field(default_factory=list)  # instants of frames that were light where they had to be black
    filmed: int = 0  # black frames that were looked at
    intervals_ms: list[float] = field(default_factory=list)


def look(film: Path, log: Path) -> Seen:
    """Compare them. A frame may be read back one frame late; the one after next to a blackout is black in any case."""
    entries: list[Entry] = list(read_log(log))
    seen, light = Seen(), dict(frames_of(film))
    filmed = sorted(light)
    seen.intervals_ms = [(b.now_s - a.now_s) * 1e3 for a, b in itertools.pairwise(entries)]
    dark_since: int | None = None
    for i, entry in enumerate(entries):
        for command in entry.commands:
            if command.verb == "blackout" and command.value > 0 and dark_since is None:
                dark_since, seen.blackouts = i, seen.blackouts + 1
                before = [at for at in filmed if at < entry.now_s - 1e-4]
                seen.from_light += bool(before) and light[before[-1]] >= BLACK
            elif command.verb == "blackout" and command.value <= 0 and dark_since is not None:
                first = entries[min(dark_since + 1, i)].now_s - 1e-4
                looked = [at for at in filmed if first <= at < entry.now_s - 1e-4]
                seen.filmed += len(looked)
                seen.late += [at for at in looked if light[at] >= BLACK]
                dark_since = None
    return seen


def small_disk(path: Path, megabytes: int) -> bool:
    """A disk of its own, seen by this process and those it starts, gone with them. False where that is not allowed."""
    new_namespace, recursive_private = 0x20000, 0x4000 | (1 << 18)
    libc = ctypes.CDLL(None, use_errno=True)
    path.mkdir(exist_ok=True)
    return bool(
        sys.platform == "linux"
        and libc.unshare(new_namespace) == 0
        and libc.mount(None, b"/", None, recursive_private, None) == 0
        and libc.mount(b"none", os.fsencode(path), b"tmpfs", 0, b"size=%dm" % megabytes) == 0
    )


def free_disk(path: Path) -> None:
    """Let go of it, if it is one."""
    ctypes.CDLL(None).umount2(os.fsencode(path), 0)


def fill(folder: Path) -> Path:
    """A file that takes all the room that there is."""
    path = folder / "filling"
    try:
        with path.open("ab", buffering=0) as file:
            while file.write(b"\0" * (1 << 20)):
                pass
    except OSError:
        pass
    return path
