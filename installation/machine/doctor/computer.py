"""This computer in; what it is, whether its disks have room for what is made and whether its clock is right out."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from installation.machine.doctor.finding import Finding

KEPT = {"moments": Path("moments"), "films": Path("out"), "prints": Path("prints")}  # where they go unless told
FULL_GB, SCARCE_GB = 1.0, 10.0  # a print of 10,000 x 10,000 px keeps some GB of finished work
TIME_ERROR = 5  # what adjtimex(2) answers while nothing disciplines the clock


def look_at_machine(subject: str) -> Iterator[Finding]:
    """Always one line: what this is."""
    import psutil

    memory_gb = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory_gb:.0f} GB"
    yield Finding(subject, "ok", f"{system}, Python {platform.python_version()}")


@dataclass(frozen=True)
class Disk:
    """One disk that something made is written to."""

    kept: tuple[str, ...]
    folder: Path
    free_gb: float
    writable: bool


def look_at_disks(subject: str) -> Iterator[Finding]:
    """A line for each disk that moments, films and prints go to."""
    for disk in read_disks(KEPT):
        yield judge_disk(subject, disk)


def read_disks(kept: Mapping[str, Path]) -> list[Disk]:
    """The disks under these folders; of a folder that is not made yet, the disk that it would be made on."""
    found: dict[int, Disk] = {}
    for name, wish in kept.items():
        folder = next(p for p in (wish.absolute(), *wish.absolute().parents) if p.is_dir())
        device = folder.stat().st_dev
        disk = found.get(device) or Disk((), folder, shutil.disk_usage(folder).free / 1e9, True)
        disk = replace(disk, kept=(*disk.kept, name))
        found[device] = disk if os.access(folder, os.W_OK | os.X_OK) else replace(disk, folder=folder, writable=False)
    return list(found.values())


def judge_disk(subject: str, disk: Disk) -> Finding:
    """What there is room for; without any, nothing that is made can be kept."""
    kept = " and ".join(filter(None, (", ".join(disk.kept[:-1]), disk.kept[-1])))
    if not disk.writable:
        advice = "Start from a folder of your own, or choose others with --moments, --record and --out."
        return Finding(subject, "missing", f"nothing can be written for {kept} in {disk.folder}", advice, "read-only")
    room = f"{disk.free_gb:.1f} GB" if disk.free_gb < SCARCE_GB else f"{disk.free_gb:.0f} GB"
    if disk.free_gb >= SCARCE_GB:
        return Finding(subject, "ok", f"{room} free for {kept}")
    full = disk.free_gb < FULL_GB
    found = f"{'only ' if full else ''}{room} free for {kept} in {disk.folder}"
    advice = "Make room (prints/.work of a finished job may go), or choose another disk: --moments, --record, --out."
    return Finding(subject, "missing" if full else "note", found, advice, "nearly-full")


def look_at_clock(subject: str) -> Iterator[Finding]:
    """Whether the kernel's clock follows a time server; no line where that cannot be known."""
    yield from judge_clock(subject, is_synchronised())


def is_synchronised() -> bool | None:
    """What the Linux kernel says of its clock; None elsewhere."""
    if not sys.platform.startswith("linux"):
        return None
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))  # all zeros: only asks
    return None if state < 0 else state != TIME_ERROR


def judge_clock(subject: str, synchronised: bool | None) -> Iterator[Finding]:
    """A clock that goes by itself is no fault; nothing is said where it is not known."""
    if synchronised:
        yield Finding(subject, "ok", "follows a time server")
    elif synchronised is not None:
        found = "follows no time server (optional: files are named by it, the show has a clock of its own)"
        yield Finding(subject, "note", found, "sudo timedatectl set-ntp true", "unsynchronised")
