"""NDI: a real receiver sees the wall, and nobody beyond the networks that are allowed reaches libndi at all."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from receiving import even, offering, sending

from installation.rendering.outputs import fence, ndi
from installation.settings import Part

ORANGE = even(250, 120, 20)
RECEIVER = """
import json, NDIlib
assert NDIlib.initialize()
find = NDIlib.find_create_v2()
sources = []
while not any("hall" in one.ndi_name for one in sources):
    NDIlib.find_wait_for_sources(find, 100)
    sources = NDIlib.find_get_current_sources(find)
asked = NDIlib.RecvCreateV3()
asked.color_format = NDIlib.RECV_COLOR_FORMAT_RGBX_RGBA
receiver = NDIlib.recv_create_v3(asked)
NDIlib.recv_connect(receiver, next(one for one in sources if "hall" in one.ndi_name))
for _ in range(3):
    kind = None
    while kind != NDIlib.FRAME_TYPE_VIDEO:
        kind, video, *_ = NDIlib.recv_capture_v2(receiver, 100)
    told = [list(video.data.shape), video.data[18, 32].tolist(), video.frame_rate_N / video.frame_rate_D]
    NDIlib.recv_free_video_v2(receiver, video)
    print(json.dumps(told), flush=True)
"""
LISTENER = """
import socket, sys
from installation.rendering.outputs import fence
one = socket.create_server(("0.0.0.0", 0))
fence.close_in(fence.read_networks(sys.argv[1:]))
print(one.getsockname()[1], flush=True)
while True:
    other, _ = one.accept()
    other.sendall(b"in")
"""


@pytest.fixture
def installed() -> None:
    if not find_spec("NDIlib"):
        pytest.skip("the package ndi-python is not installed (it is for Linux, Windows and macOS on usual processors)")


@pytest.fixture
def by_address(tmp_path: Path) -> dict[str, str]:
    """The environment of a receiver that looks on this machine, where nothing announces sources."""
    (tmp_path / "ndi-config.v1.json").write_text(json.dumps({"ndi": {"networks": {"ips": "127.0.0.1,"}}}))
    return os.environ | {"NDI_CONFIG_DIR": str(tmp_path)}


def reaches(port: int, from_host: str) -> bool:
    """Whether a connection from this address of the loopback is taken; what is dropped is never answered."""
    with socket.socket() as one:
        one.settimeout(1.0)
        one.bind((from_host, 0))
        try:
            one.connect(("127.0.0.1", port))
        except TimeoutError:
            return False
        return True


def listens_at(pid: int) -> list[int]:
    return [c.laddr.port for c in psutil.Process(pid).net_connections("tcp4") if c.status == psutil.CONN_LISTEN]


def test_a_receiver_sees_the_wall_and_who_is_not_allowed_reaches_nothing(installed, by_address, wait_for) -> None:
    discovery = socket.create_server(("127.0.0.1", 5959))  # whoever announces itself there does not by multicast
    discovery.settimeout(20)
    with discovery, sending(Part("ndi", {"source": "hall", "allow": ["127.0.0.1/32"]})) as outputs:
        command = [sys.executable, "-c", RECEIVER]
        receiver = subprocess.Popen(command, env=by_address, stdout=subprocess.PIPE, text=True)
        told: list[str] = []
        reading = threading.Thread(target=lambda: told.extend(receiver.stdout or ()), daemon=True)
        reading.start()
        wait_for(offering(outputs, ORANGE, lambda: len(told) == 3 or receiver.poll() is not None))
        ports = listens_at(outputs.all[0].pids[0])
        assert len(ports) >= 2 and all(reaches(port, "127.0.0.1") for port in ports)
        assert not any(reaches(port, "127.0.0.2") for port in ports)
        receiver.kill()
        receiver.wait()
        discovery.accept()[0].close()
    shape, pixel, fps = json.loads(told[-1])
    assert (
        shape == [36, 64, 4]
        and fps == 25.0
        and max(abs(a - b) for a, b in zip(pixel, (250, 120, 20), strict=False)) < 6
    )


@pytest.mark.parametrize(
    ("networks", "let_in", "kept_out"),
    [
        (["127.0.0.1/32"], ["127.0.0.1"], ["127.0.0.2"]),
        (["127.0.0.2"], ["127.0.0.2"], ["127.0.0.1"]),
        (["127.0.1.0/24", "127.0.3.7"], ["127.0.1.9", "127.0.3.7"], ["127.0.0.1", "127.0.3.8"]),
    ],
)
def test_the_kernel_keeps_out_who_is_not_allowed(networks, let_in, kept_out) -> None:
    process = subprocess.Popen([sys.executable, "-c", LISTENER, *networks], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        port = int(process.stdout.readline())
        assert all(reaches(port, host) for host in let_in) and not any(reaches(port, host) for host in kept_out)
    finally:
        process.kill()
        process.wait()


def test_nothing_leaves_this_machine_unless_it_is_told_to(monkeypatch, tmp_path) -> None:
    assert ndi.Settings().allow == ("127.0.0.0/8",)
    assert ndi.stays_here(fence.read_networks(["127.0.0.1", "127.1.0.0/16"]))
    assert not ndi.stays_here(fence.read_networks(["127.0.0.1", "10.0.0.0/8"]))
    monkeypatch.setenv("NDI_CONFIG_DIR", "")
    monkeypatch.setattr(ndi.tempfile, "mkdtemp", lambda **_: str(tmp_path))
    ndi._keep_quiet()
    told = json.loads((tmp_path / "ndi-config.v1.json").read_text())["ndi"]
    assert os.environ["NDI_CONFIG_DIR"] == str(tmp_path) and told["networks"]["discovery"] == "127.0.0.1"
    assert told["multicast"]["send"]["enable"] is told["rudp"]["send"]["enable"] is False


@pytest.mark.parametrize(
    ("allow", "why"), [(("10.0.0/8",), "expected networks such as"), ((), "at least"), (("::1",), "expected networks")]
)
def test_networks_that_are_none_are_refused(allow: tuple[str, ...], why: str) -> None:
    assert why in ndi.refusal(ndi.Settings(allow=allow))


def test_where_the_kernel_cannot_keep_anybody_out_that_is_said(monkeypatch) -> None:
    monkeypatch.setattr(ndi.sys, "platform", "darwin")
    monkeypatch.setattr(ndi, "lacking", lambda *_: "")
    assert "only Linux keeps any out" in ndi.refusal(ndi.Settings())
    assert not ndi.refusal(ndi.Settings(allow=("0.0.0.0/0",)))


@pytest.mark.parametrize(
    ("runs", "sender", "why"),
    [(False, object(), "does not run on this processor"), (True, None, "makes no source 'hall'")],
)
def test_a_library_that_does_not_work_here_says_so(monkeypatch, runs: bool, sender: object, why: str) -> None:
    driver = SimpleNamespace(
        initialize=lambda: runs,
        SendCreate=SimpleNamespace,
        send_create=lambda asked: sender,
        VideoFrameV2=SimpleNamespace,
    )
    monkeypatch.setitem(sys.modules, "NDIlib", driver)
    with pytest.raises(RuntimeError, match=why):
        ndi.Ndi(ndi.Settings("hall", ("0.0.0.0/0",)), (64, 36), 25.0)
