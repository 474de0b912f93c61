"""The driver, torch and OpenGL in; what paints and what draws here out, and what stands in a GPU's way."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import metadata, util
from pathlib import Path

from installation.machine.doctor.finding import Finding, ask, pip_install, read_text

OLDEST_DRIVER = {11: 450, 12: 525, 13: 580}  # for a CUDA of that number (NVIDIA: minor version compatibility)
DRIVER, PCI = Path("/proc/driver/nvidia"), Path("/sys/bus/pci/devices")
NVIDIA, DISPLAY_CLASS = "0x10de", "0x03"
INTEROP = "cuda-core[cu13]"  # the extra `cuda`
QUESTION = "import torch; print(torch.cuda.is_available() and torch.cuda.get_device_name())"


@dataclass(frozen=True)
class Gpu:
    """NVIDIA's cards and what there is to use them with.

    driver is its version ("" when none is loaded), complaint what nvidia-smi said instead of an answer; torch and
    torch_cuda are versions ("" for none, or built without); usable is torch's own answer (None when it was not asked)
    and reason what it said to it.
    """

    cards: tuple[str, ...] = ()
    driver: str = ""
    complaint: str = ""
    torch: str = ""
    torch_cuda: str = ""
    interop: bool = False
    usable: bool | None = None
    reason: str = ""

    @property
    def oldest_driver(self) -> int:
        """The number of the oldest driver that this torch's CUDA runs on; 0 when it is not known."""
        return OLDEST_DRIVER.get(int(self.torch_cuda.partition(".")[0] or 0), 0)

    @property
    def driver_too_old(self) -> bool:
        return bool(self.driver) and int(self.driver.partition(".")[0]) < self.oldest_driver


def look_at_gpu(subject: str) -> Iterator[Finding]:
    """One line, and one about CUDA-GL where a GPU can be used."""
    yield from judge_gpu(subject, ask_torch(read_gpu()))


def read_gpu(driver: Path = DRIVER, pci: Path = PCI) -> Gpu:
    """Cards and driver by nvidia-smi, else by what the kernel shows of them; torch by its files, never imported."""
    versions = _torch_versions()
    gpu = Gpu(torch=versions[0], torch_cuda=versions[1], interop=_is_installed("cuda-core"))
    answer = ask("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader", timeout_s=20)
    lines = [line.rpartition(",") for line in answer.stdout.splitlines()] if answer and not answer.returncode else []
    if lines and all(name for name, _, _ in lines):
        return replace(gpu, cards=tuple(name.strip() for name, _, _ in lines), driver=lines[0][2].strip())
    said = (answer.stdout + answer.stderr).strip().splitlines() if answer and answer.returncode else []
    models = [re.search(r"Model:\s*(.+)", read_text(p)) for p in sorted(driver.glob("gpus/*/information"))]
    version = re.search(r"\b(\d{3,}\.\d[\d.]*)", read_text(driver / "version"))
    return replace(
        gpu,
        cards=tuple(m[1].strip() for m in models if m) or tuple(_cards_on_the_bus(pci)),
        driver=version[1] if version else "",
        complaint=said[0] if said else "",
    )


def _cards_on_the_bus(pci: Path) -> Iterator[str]:
    for device in sorted(pci.glob("*")):
        if read_text(device / "vendor") == NVIDIA and read_text(device / "class").startswith(DISPLAY_CLASS):
            yield f"an NVIDIA GPU at {device.name}"


def _torch_versions() -> tuple[str, str]:
    """Version of torch and of the CUDA it was built with."""
    found = util.find_spec("torch")
    if found is None or not found.origin:
        return "", ""
    text = read_text(Path(found.origin).with_name("version.py"))
    of = {name: re.search(rf"^{name}\b[^=\n]*=\s*'([^']+)'", text, re.M) for name in ("__version__", "cuda")}
    version, cuda = (match[1] if match else "" for match in of.values())
    return version, cuda


def _is_installed(distribution: str) -> bool:
    try:
        return bool(metadata.version(distribution))
    except metadata.PackageNotFoundError:
        return False


def ask_torch(gpu: Gpu) -> Gpu:
    """The same with torch's own answer, where there is a card (or CUDA's library) and nothing stands in its way."""
    if not gpu.torch_cuda or gpu.driver_too_old or not ((gpu.cards and gpu.driver) or _has_libcuda()):
        return gpu
    answer = ask(sys.executable, "-c", QUESTION, timeout_s=120)
    name = answer.stdout.strip() if answer and not answer.returncode else ""
    if name in ("", "False"):
        said = answer.stderr.strip().splitlines() if answer else ["it did not answer"]
        return replace(gpu, usable=False, reason=said[-1] if said else "")
    return replace(gpu, usable=True, cards=gpu.cards or (name,))


def _has_libcuda() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def judge_gpu(subject: str, gpu: Gpu) -> Iterator[Finding]:
    """What the GPU is good for as things are; whatever stands in its way is a note: then the processor paints."""
    if not gpu.torch:
        yield Finding(subject, "missing", "torch is not installed: nothing paints", "make setup", "no-torch")
        return
    cards = ", ".join(gpu.cards)
    if gpu.usable:
        yield Finding(subject, "ok", f"{cards}, " + f"driver {gpu.driver}, " * bool(gpu.driver) + f"torch {gpu.torch}")
        if not gpu.interop:
            found = "cuda-core is not installed: every picture goes through the processor's memory"
            yield Finding("CUDA-GL", "note", found, pip_install(f"'{INTEROP}'"), "no-interop")
    elif not gpu.cards:
        found = f"no NVIDIA GPU; torch {gpu.torch} paints on the processor"
        yield Finding(subject, "note", found, "A CUDA GPU makes networks of 1024 px live.", "none")
    else:
        cause, why, advice = _hindrance(gpu)
        yield Finding(subject, "note", f"{cards}: {why}; the processor paints", advice, cause)


def _hindrance(gpu: Gpu) -> tuple[str, str, str]:
    """Cause, words and advice about what keeps torch from a card that is here."""
    if gpu.complaint:
        advice = "Start the machine again; if that does not help, install the driver anew."
        return "driver-broken", f"nvidia-smi says {gpu.complaint!r}", advice
    if not gpu.driver:
        advice = "sudo apt install nvidia-driver (Ubuntu: sudo ubuntu-drivers install), then start the machine again"
        return "no-driver", "its driver is not loaded", advice
    if not gpu.torch_cuda:
        advice = pip_install(f"--force-reinstall torch=={gpu.torch.partition('+')[0]}")
        return "torch-without-cuda", f"torch {gpu.torch} is built without CUDA", advice
    if gpu.driver_too_old:
        why = f"driver {gpu.driver} is too old for torch {gpu.torch} (CUDA {gpu.torch_cuda})"
        return "driver-too-old", why, f"Install driver {gpu.oldest_driver} or newer, then start the machine again."
    return "unusable", f"torch {gpu.torch} cannot use it: {gpu.reason or 'no reason given'}", "nvidia-smi"


def look_at_gl(subject: str) -> Iterator[Finding]:
    """What draws the effects."""
    from installation.rendering import surfaces

    info = surfaces.gl_info()
    if "missing" in info:
        yield Finding(subject, "missing", info["missing"], "`make setup` installs the libraries.", "none")
        return
    version = str(info["version"]).partition(" ")[0]
    drawn = ", drawn by the processor" if info["software"] else ""
    yield Finding(subject, "ok", f"{info['renderer']}, OpenGL {version}{drawn}")
    if info["software"] and read_gpu().driver:
        forced = os.environ.get("LIBGL_ALWAYS_SOFTWARE", "0") not in ("", "0")
        advice = "unset LIBGL_ALWAYS_SOFTWARE" if forced else "Install the driver's OpenGL (Ubuntu: libnvidia-gl)."
        yield Finding(subject, "note", "a GPU is here, but OpenGL draws without it", advice, "software")
