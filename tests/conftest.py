"""Shared by all tests: real clips beside the checkout, a sound server, a desktop, what every machine can give."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from controllers import Device, NoPortsError, real_ports, stood_in
from desktops import virtual_desktop

from installation.__main__ import PASSIVE

if TYPE_CHECKING:
    from plainshow import Studios

for name, value in PASSIVE.items():  # before anything loads what reads them
    os.environ.setdefault(name, value)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # of networks this small a second thread mostly waits for the first
os.environ.setdefault("LP_NUM_THREADS", "0")  # nor does drawing small pictures without a GPU gain from more
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads wait by spinning: with every core at work, for nothing
os.environ.setdefault("LIBGL_ALWAYS_SOFTWARE", "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun in the background of a shell: programs that we start
    signal.signal(signal.SIGINT, signal.default_int_handler)  # would inherit that, and Ctrl-C is one of the tests
ROOT = Path(__file__).resolve().parent.parent
gc.disable()  # until all tests are found: of what is imported meanwhile nothing is garbage


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests start programs come first, long ones before short ones: what takes long is not to begin last,
    with one core at work on it and the others done."""
    programs = ("subprocess", "Browser", "plainshow", "open_live", "Studio")

    def is_first(item: pytest.Item) -> tuple[bool, int, str]:
        module = getattr(item, "module", None)
        starts = any(hasattr(module, name) for name in programs)
        return not starts, -item.path.stat().st_size, str(item.path)

    items.sort(key=is_first)


def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: who collects garbage need not look through them each time."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What programs remember of themselves is remembered in a folder of the tests' own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def _torch_as_it_was() -> Iterator[None]:
    """A trainer lets its process take the smallest numbers for zero, a film takes every core; the next test is
    another's."""
    yield
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_flush_denormal(False)
        if torch.get_num_threads() != int(os.environ["OMP_NUM_THREADS"]):
            torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real pictures, hands and sound that are not part of the product."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the clips in ../shared/data are not beside this clone")
    return folder.parent


@pytest.fixture
def written_before(tmp_path: Path) -> Path:
    """A copy of what version 0.1.0 wrote (see written_before/README.md), as if it had always lain in this folder."""
    folder = tmp_path / "written before"
    shutil.copytree(ROOT / "tests/written_before", folder)
    for path in folder.rglob("*.json"):
        path.write_text(path.read_text("utf-8").replace("{folder}", str(folder)), "utf-8")
    return folder


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., object]:
    """wait_for(question, within_s): ask until the answer is true, in vain for longer than any machine is slow."""

    def wait(question: Callable[[], object], within_s: float = 180.0) -> object:
        pause, deadline_s = threading.Event(), time.monotonic() + within_s
        while not (answer := question()):
            assert time.monotonic() < deadline_s, f"did not come true within {within_s} s"
            pause.wait(0.005)
        return answer

    return wait


@pytest.fixture(scope="session")
def driver() -> Iterator[ModuleType]:
    """Real MIDI ports of a JACK server of our own; without one, the driver that stands in for them."""
    with ExitStack() as closing:
        try:
            made = closing.enter_context(real_ports())
        except NoPortsError:
            made = closing.enter_context(stood_in())
        yield made


@pytest.fixture
def device(driver: ModuleType) -> Iterator[Device]:
    """A MIDI controller that is plugged in."""
    made = Device(driver)
    yield made
    made.pull()


@pytest.fixture(scope="session")
def sound_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A PulseAudio of our own with one null sink called room; the environment that its clients need."""
    program = shutil.which("pulseaudio")
    assert program, "the tests need PulseAudio: apt install pulseaudio libasound2-plugins (make test does it)"
    home = tmp_path_factory.mktemp("pulse")
    (home / ".asoundrc").write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
    socket = home / "native"
    environment = os.environ | {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "PULSE_RUNTIME_PATH": str(home / "run"),
    }
    command = [program, "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--log-level=error"]
    command += ["-L", f"module-native-protocol-unix socket={socket} auth-anonymous=1"]
    command += ["-L", "module-null-sink sink_name=room rate=44100"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline_s = time.monotonic() + 10
    while not socket.exists():
        assert server.poll() is None and time.monotonic() < deadline_s, f"PulseAudio did not start: {server.stderr!r}"
        threading.Event().wait(0.02)
    alone = {"JACK_DEFAULT_SERVER": "nobody's", "JACK_NO_START_SERVER": "1"}  # the one for MIDI has an ear, too
    pulse = {"PULSE_SERVER": f"unix:{socket}", "PULSE_SOURCE": "room.monitor", "PULSE_SINK": "room"}
    yield {"HOME": str(home)} | alone | pulse
    server.kill()
    server.wait()


@pytest.fixture
def desktop(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A real X server of 800x600 without a screen."""
    with virtual_desktop() as number:
        monkeypatch.setenv("DISPLAY", f":{number}")
        yield f":{number}"


@pytest.fixture(scope="session")
def studios() -> Iterator[Studios]:
    """Processes that paint, to be lent to shows one after another."""
    from plainshow import Studios

    made = Studios()
    yield made
    made.close()


@pytest.fixture
def lent(studios: Studios, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shows that are opened here are lent what paints, unless they paint something else."""
    from installation.live import opening

    monkeypatch.setattr(opening, "start_studio", studios.start)
