"""What stands between a GPU, a projector or a camera and the show is told apart, on any machine: from plain values."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from installation.machine.doctor import cameras, graphics, monitors
from installation.machine.doctor.cameras import Camera
from installation.machine.doctor.finding import Finding
from installation.machine.doctor.graphics import Gpu
from installation.machine.doctor.monitors import Connector, Screens

H200 = Gpu(
    cards=("NVIDIA H200",), driver="580.95.05", torch="2.13.0+cu130", torch_cuda="13.0", interop=True, usable=True
)


def change(gpu: Gpu, **values: object) -> Gpu:
    return graphics.replace(gpu, **values)  # type: ignore[arg-type]


GPUS = {
    "a GPU that paints": (H200, "ok", "", ""),
    "none": (change(H200, cards=(), driver="", usable=None), "note", "none", "live"),
    "no driver": (change(H200, driver="", usable=None), "note", "no-driver", "nvidia-driver"),
    "too old a driver": (change(H200, driver="535.104.05", usable=None), "note", "driver-too-old", "580"),
    "torch without CUDA": (
        change(H200, torch="2.13.0+cpu", torch_cuda="", usable=None),
        "note",
        "torch-without-cuda",
        "pip install --force-reinstall torch==2.13.0",
    ),
    "a driver that was renewed under way": (
        change(H200, complaint="Failed to initialize NVML: Driver/library version mismatch", usable=False),
        "note",
        "driver-broken",
        "again",
    ),
    "refused by torch": (change(H200, usable=False, reason="out of memory"), "note", "unusable", "nvidia-smi"),
    "no torch at all": (Gpu(), "missing", "no-torch", "make setup"),
}


@pytest.mark.parametrize("case", GPUS)
def test_what_keeps_a_gpu_from_painting_is_told_apart(case: str) -> None:
    gpu, state, cause, advice = GPUS[case]
    (found,) = graphics.judge_gpu("GPU", gpu)
    assert (found.state, found.cause) == (state, cause) and advice in found.advice
    assert all(card in found.found for card in gpu.cards), "a card that is here is not left unsaid"


def test_a_gpu_without_cuda_core_is_told_the_line_that_the_extra_stands_for() -> None:
    gpu, interop = graphics.judge_gpu("GPU", change(H200, interop=False))
    assert gpu.state == "ok" and interop.cause == "no-interop"
    text = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text("utf-8")
    assert f'"{graphics.INTEROP}' in text and graphics.INTEROP in interop.advice


@pytest.fixture
def put_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """put_on_path(program, script): a program of that name answers with what the shell script says."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def put(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    return put


def test_cards_and_driver_are_what_nvidia_smi_says(put_on_path: Callable[[str, str], None], tmp_path: Path) -> None:
    put_on_path("nvidia-smi", 'echo "NVIDIA RTX 4000, Ada, 535.104.05"; echo "NVIDIA H200, 535.104.05"')
    gpu = graphics.read_gpu(tmp_path, tmp_path)
    assert gpu.cards == ("NVIDIA RTX 4000, Ada", "NVIDIA H200") and gpu.driver == "535.104.05" and not gpu.complaint


def test_without_an_answer_of_nvidia_smi_the_kernel_is_asked(
    put_on_path: Callable[[str, str], None], tmp_path: Path
) -> None:
    put_on_path("nvidia-smi", 'echo "Failed to initialize NVML: Driver/library version mismatch"; exit 18')
    proc, pci = tmp_path / "nvidia", tmp_path / "pci"
    (proc / "gpus" / "0000:65:00.0").mkdir(parents=True)
    (proc / "gpus" / "0000:65:00.0" / "information").write_text("Model: \t\t NVIDIA H200\nIRQ:   \t 220\n")
    said = (
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  575.57.08  Release Build\nGCC version:  gcc 12.3.0\n"
    )
    (proc / "version").write_text(said)
    gpu = graphics.read_gpu(proc, pci)
    assert gpu.cards == ("NVIDIA H200",) and gpu.driver == "575.57.08" and "mismatch" in gpu.complaint


def test_a_card_without_a_driver_is_found_on_the_bus(put_on_path: Callable[[str, str], None], tmp_path: Path) -> None:
    put_on_path("nvidia-smi", "exit 127")
    for place, vendor, kind in (("0000:01:00.0", "0x10de", "0x030000"), ("0000:01:00.1", "0x10de", "0x040300")):
        (tmp_path / "pci" / place).mkdir(parents=True)
        (tmp_path / "pci" / place / "vendor").write_text(vendor + "\n")
        (tmp_path / "pci" / place / "class").write_text(kind + "\n")
    gpu = graphics.read_gpu(tmp_path / "none", tmp_path / "pci")
    assert gpu.cards == ("an NVIDIA GPU at 0000:01:00.0",), "its sound is no GPU"


def test_the_version_of_torch_is_read_without_importing_it() -> None:
    import torch

    gpu = graphics.read_gpu()
    assert gpu.torch == torch.__version__ and gpu.torch_cuda == (torch.version.cuda or "")


def test_a_machine_without_opengl_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(**_: object) -> None:
        raise Exception("libEGL.so.1 not found")

    monkeypatch.setattr("moderngl.create_context", nothing)
    (found,) = graphics.look_at_gl("OpenGL")
    assert found.state == "missing" and "libEGL" in found.found and found.advice


def test_opengl_without_the_gpu_is_told_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphics, "read_gpu", lambda: H200)
    *_, found = graphics.look_at_gl("OpenGL")
    assert found.state == "note" and found.cause == "software" and "LIBGL_ALWAYS_SOFTWARE" in found.advice


HDMI, DARK = Connector("HDMI-A-1", True, True, "On"), Connector("DP-2", False, False, "Off")
PANEL = Connector("eDP-1", True, False, "Off")
SCREENS = {
    "a projector that shows": (Screens(":0", (HDMI, DARK), ("0: HDMI-1",)), ""),
    "asleep": (Screens(":0", (Connector("HDMI-A-1", True, True, "Off"), DARK), ("0: HDMI-1",)), "asleep"),
    "switched off": (Screens(":0", (HDMI, Connector("DP-2", True, False, "Off")), ("0: HDMI-1",)), "unused"),
    "the lid is closed": (Screens(":0", (HDMI, PANEL), ("0: HDMI-1",)), ""),
    "only the panel, dark": (Screens(":0", (PANEL, DARK)), "unused"),
    "nothing connected": (Screens(":0", (DARK,)), "none"),
    "no desktop": (Screens("", (HDMI,)), "no-desktop"),
    "no display": (Screens("", (DARK,)), "no-display"),
    "no display, no sysfs": (Screens(""), "no-display"),
    "another's desktop": (Screens(":0", (HDMI,)), "unreachable"),
    "a desktop that is gone": (Screens(":7"), "unreachable"),
    "a driver that shows the kernel nothing": (Screens(":0", (), ("0: HDMI-0",)), ""),
    "files that are behind": (Screens(":0", (Connector("HDMI-A-1", True, False, ""),), ("0: HDMI-1",)), ""),
}


@pytest.mark.parametrize("case", SCREENS)
def test_what_keeps_a_projector_dark_is_told_apart(case: str) -> None:
    screens, cause = SCREENS[case]
    found = list(monitors.judge_monitors("monitor", screens))
    assert [f.found for f in found if f.state == "ok"] == list(screens.monitors), "what shows is listed"
    assert [f.cause for f in found if f.state != "ok"] == [cause] * bool(cause)
    assert all(f.state == "note" and f.advice for f in found if f.cause)


def test_connectors_are_read_from_the_kernels_files(tmp_path: Path) -> None:
    for name, status, enabled, dpms in (
        ("card0-HDMI-A-1", "connected", "enabled", "Off"),
        ("card1-DP-2", "disconnected", "disabled", "Off"),
        ("card0-Writeback-1", "unknown", "disabled", "On"),
    ):
        (tmp_path / name).mkdir()
        for file, text in (("status", status), ("enabled", enabled), ("dpms", dpms)):
            (tmp_path / name / file).write_text(text + "\n")
    hdmi, *others = monitors.read_connectors(tmp_path)
    assert hdmi == Connector("HDMI-A-1", True, True, "Off") and hdmi.asleep
    assert not any(c.connected for c in others)
    (awake,) = [c for c in monitors.with_power([hdmi], "On") if c.connected]
    assert not awake.asleep, "the X server knows better"


def test_connectors_are_read_from_xrandr_where_the_kernel_shows_none(
    put_on_path: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (
        "Screen 0: minimum 8 x 8, current 1920 x 1080, maximum 32767 x 32767",
        "HDMI-0 connected primary 1920x1080+0+0 (normal left inverted right x axis y axis) 531mm x 299mm",
        "DP-0 connected (normal left inverted right x axis y axis)",
        "DP-1 disconnected (normal left inverted right x axis y axis)",
    )
    put_on_path("xrandr", "\n".join(f"echo '{line}'" for line in lines))
    put_on_path("xset", "echo '  DPMS is Enabled'; echo '  Monitor is in Standby'")
    monkeypatch.setenv("DISPLAY", ":0")
    assert monitors.ask_xrandr() == (
        Connector("HDMI-0", True),
        Connector("DP-0", True, False),
        Connector("DP-1", False, False),
    )
    assert monitors.ask_power() == "Standby"


def test_a_real_desktops_monitor_is_listed_with_its_size(desktop: str) -> None:
    found = [f for f in monitors.look_at_monitors("monitor") if f.state == "ok"]
    assert len(found) == 1 and "800 x 600" in found[0].found


def test_a_display_that_is_not_there_is_no_missing_monitor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":93")
    (found,) = monitors.look_at_monitors("monitor")
    assert (found.state, found.cause) == ("note", "unreachable") and ":93" in found.found


CAMERAS = {"": 0, "no-permission": errno.EACCES, "busy": errno.EBUSY, "unusable": errno.ENODEV}


@pytest.mark.parametrize(("cause", "error"), CAMERAS.items())
def test_a_camera_that_is_here_is_named_whatever_keeps_it(cause: str, error: int) -> None:
    (found,) = cameras.judge_cameras(
        "camera", [Camera("/dev/video0", "USB Camera", error, "cheese (812)" * bool(error))]
    )
    assert found.cause == cause and "/dev/video0 USB Camera" in found.found and found.found != "none"
    assert (found.state == "ok") == (not error) and ("812" in found.found) == (cause == "busy")


def test_no_camera_says_what_plays_instead() -> None:
    (found,) = cameras.judge_cameras("camera", [])
    assert (found.state, found.found) == ("note", "none") and "recording" in found.advice


def test_a_device_says_why_it_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, flags: int) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    assert cameras.try_to_open("/dev/video-that-is-not-there") == errno.ENOENT
    assert cameras.try_to_open("/dev/null") == 0, "what knows nothing of cameras is not called busy"
    monkeypatch.setattr(os, "open", refuse)
    assert cameras.try_to_open("/dev/video0") == errno.EACCES


def test_the_program_that_holds_a_device_is_named(tmp_path: Path) -> None:
    held = tmp_path / "device"
    with held.open("w"):
        assert f"({os.getpid()})" in cameras.holder_of(str(held))
    assert cameras.holder_of(str(held)) == ""


def test_a_finding_is_unwell_only_when_its_thing_is_here() -> None:
    assert not Finding("camera", "note", "none", "do", "none").unwell
    assert Finding("camera", "note", "in use", "do", "busy").unwell
