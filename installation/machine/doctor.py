"""This machine in, a list out: what is here, what is missing, what then happens instead, and how to get it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from installation import __version__

MARKS = {"ok": "ok     ", "missing": "missing", "note": "note   "}


@dataclass(frozen=True)
class Finding:
    """One line: state is ok, missing (something to do) or note (works without it); advice says what to do."""

    subject: str
    state: str
    found: str
    advice: str = ""


def main(options: Namespace) -> int:
    """`installation doctor`: print findings; exit code 1 when something that the show needs is missing."""
    findings = list(examine())
    if options.json:
        print(json.dumps({"version": __version__, "findings": [asdict(f) for f in findings]}, indent=1))
    else:
        for f in findings:
            print(f"{MARKS[f.state]} {f.subject:<12} {f.found}" + (f"\n{'':21}{f.advice}" if f.advice else ""))
    return int(any(f.state == "missing" for f in findings))


def examine() -> Iterator[Finding]:
    """Every examination; one that breaks is a finding itself."""
    for subject, look in EXAMINATIONS.items():
        try:
            yield from look(subject)
        except Exception as error:  # a driver that crashes on being asked is worth a line, not a traceback
            yield Finding(
                subject,
                "missing",
                f"{type(error).__name__}: {error}",
                "`make setup` installs libraries.",
            )


def _machine(subject: str) -> Iterator[Finding]:
    import psutil

    memory_gb = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory_gb:.0f} GB"
    yield Finding(subject, "ok", f"{system}, Python {platform.python_version()}")
    free_gb = shutil.disk_usage(".").free / 1e9
    state = "ok" if free_gb > 2 else "missing"
    yield Finding(
        "disk", state, f"{free_gb:.0f} GB free here", "" if free_gb > 2 else "Recordings and moments need room."
    )


def _cuda(subject: str) -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        yield Finding(subject, "ok", f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
        try:
            import cuda.core  # noqa: F401
        except ImportError:
            yield Finding(
                "CUDA-GL",
                "note",
                "cuda-core is not installed",
                "pip install 'installation[cuda]': pictures then stay on the GPU.",
            )
        return
    yield Finding(
        subject, "note", f"none; torch {torch.__version__} paints on the CPU", "A CUDA GPU makes 1024 px networks live."
    )


def _gl(subject: str) -> Iterator[Finding]:
    from installation.rendering import window

    info = window.gl_info()
    if "missing" in info:
        yield Finding(subject, "missing", info["missing"], "`make setup` installs libraries.")
        return
    yield Finding(subject, "ok", ", ".join(f"{v}" for v in info.values()))
    soft = "llvmpipe" in str(info).lower()
    if soft and shutil.which("nvidia-smi"):
        yield Finding(
            subject,
            "missing",
            "a GPU is here, but OpenGL draws in software",
            "Install the driver's GL libraries (libnvidia-gl).",
        )


def _monitors(subject: str) -> Iterator[Finding]:
    from installation.live.opening import has_display
    from installation.rendering import window

    if not has_display():
        yield Finding(subject, "note", "no display", "`installation live` then renders headless into a video.")
        return
    for number, monitor in enumerate(window.monitors()):
        yield Finding(subject, "ok", f"{number}: " + ", ".join(f"{v}" for v in monitor.values()))


def _devices(room: str, instead: str) -> Callable[[str], Iterator[Finding]]:
    def look(subject: str) -> Iterator[Finding]:
        from installation import plugins

        devices = plugins.load("inputs", room).devices()
        for device in devices:
            yield Finding(subject, "ok", device)
        if not devices:
            yield Finding(subject, "note", "none", instead)

    return look


def _models(subject: str) -> Iterator[Finding]:
    from installation import weights

    for folder in weights.find_all():
        try:
            config = weights.read_config(folder)
            if folder.name == "hands":
                yield Finding("hand model", "ok", str(weights.hand_model()))
                continue
            weights.open_model(folder)
            yield Finding(
                subject,
                "ok",
                f"{folder.name}: {config.get('about') or config.get('kind')}, licence {config.get('licence')}",
            )
        except (OSError, RuntimeError, ValueError) as error:
            yield Finding(
                subject,
                "missing",
                f"{folder.name}: {error}",
                "Fetch it once while online: run `installation doctor` again.",
            )


def _desk(subject: str) -> Iterator[Finding]:
    import socket

    from installation.settings import Osc

    port = Osc().port
    for name, kind in (("UDP", socket.SOCK_DGRAM), ("TCP", socket.SOCK_STREAM)):
        with socket.socket(socket.AF_INET, kind) as ear:
            if kind == socket.SOCK_STREAM:  # as the desk opens it: a show that has just ended is no hindrance
                ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                ear.bind((Osc().host, port))
            except OSError:
                advice = "Another show is running, or choose --osc-port."
                yield Finding(subject, "missing", f"{name} port {port} is taken", advice)
                return
    yield Finding(
        subject,
        "ok",
        f"UDP and TCP port {port} of {Osc().host} are free",
        "`--osc-host` lets a desk on the network in.",
    )


EXAMINATIONS: dict[str, Any] = {
    "machine": _machine,
    "CUDA": _cuda,
    "OpenGL": _gl,
    "monitor": _monitors,
    "camera": _devices("camera", "The packaged recording moves the hands; --camera takes a file or stream too."),
    "microphone": _devices("microphone", "The packaged recording makes the beat; --microphone takes a sound file too."),
    "model": _models,
    "OSC": _desk,
}

if __name__ == "__main__":
    sys.exit(main(Namespace(json=False)))
