"""Folders of pictures and films made on the fly, and runs that are killed."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw
from safetensors import safe_open

from installation import plugins
from installation.training.line import Run
from installation.training.line import read as line_of

FILMED = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]


@pytest.fixture
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten coloured discs, a grey one, a sideways one, a transparent one; one too small, two broken."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "deeper").mkdir()
    for i in range(10):
        image = Image.new("RGB", (60 + 7 * i, 50 + 3 * i), (20, 12 * i, 60))
        ImageDraw.Draw(image).ellipse((15, 12, 45, 42), fill=(250, 25 * i, 255 - 25 * i))
        image.save(folder / ("deeper" if i % 2 else "") / f"disc{i}.png")
    Image.new("L", (40, 40), 90).save(folder / "grey.png")
    cut_out = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    cut_out.putpixel((0, 0), (0, 0, 0, 255))
    cut_out.save(folder / "cutout.png")
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(folder / "clear.png")
    sideways = Image.new("RGB", (64, 64), (0, 0, 90))
    sideways.paste((255, 0, 0), (0, 0, 32, 64))  # red on the left of the stored pixels is the top as held
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways.save(folder / "sideways.jpg", exif=exif, quality=95)
    Image.new("RGB", (5, 40), "red").save(folder / "deeper" / "tiny.png")
    (folder / "broken.jpg").write_bytes(b"not a picture at all")
    whole = (folder / "disc0.png").read_bytes()
    (folder / "torn.png").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture
def film() -> Callable[..., Path]:
    """film(path, colours, seconds, sound_only): each colour for so long, 96 x 48 px, its left half black."""

    def make(path: Path, colours: list[tuple[int, int, int]], seconds: float = 1.0, sound_only: bool = False) -> Path:
        with av.open(str(path), "w") as file:
            if sound_only:
                sound = file.add_stream("aac", rate=44100)
                block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
                block.rate, block.pts = 44100, 0
                file.mux(sound.encode(block))
                file.mux(sound.encode(None))
                return path
            stream = file.add_stream("libx264", rate=10)
            stream.width, stream.height, stream.pix_fmt = 96, 48, "yuv420p"
            for colour in colours:
                pixels = np.zeros((48, 96, 3), np.uint8)
                pixels[:, 48:] = colour
                for _ in range(round(seconds * 10)):
                    file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
            file.mux(stream.encode(None))
        return path

    return make


@pytest.fixture
def killed(pictures: Path, tmp_path: Path) -> Callable[..., tuple[dict[str, Any], Run]]:
    """killed(trainer, *options): a run in a process of its own, killed with -9 as soon as it has kept something.

    What its checkpoint says, and the run as the same line of words begins it again.
    """

    def kill(trainer: str, *options: str) -> tuple[dict[str, Any], Run]:
        words = [str(pictures), *options, "--work", str(tmp_path / "work"), "--out", str(tmp_path / "model")]
        line = [sys.executable, "-m", "installation", "train", trainer, *words, "--threads=1", "--sheet-minutes=0.001"]
        checkpoint = tmp_path / "work" / "checkpoint.safetensors"
        with subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.DEVNULL) as begun:
            while not checkpoint.exists():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    pytest.fail(f"training ended by itself: {begun.wait(timeout=0.05)}")
            begun.kill()
        assert begun.returncode == -signal.SIGKILL
        with safe_open(checkpoint, "pt") as file:
            state = json.loads(file.metadata()["state"])
        module = plugins.load("training", trainer)
        settings, _ = line_of(trainer, module, words)
        return state, module.create(settings)

    return kill


@pytest.fixture
def strange(pictures: Path, film: Callable[..., Path], tmp_path: Path) -> Path:
    """More of what folders hold: CMYK, 16 bits, a moving GIF, a film, names of all kinds, a picture too large."""
    Image.new("CMYK", (40, 40), (200, 10, 60, 5)).save(pictures / "press.jpg")
    Image.fromarray(np.full((40, 40), 0x8080, np.uint16)).save(pictures / "deep.png")
    frames = [Image.new("RGB", (40, 40), colour) for colour in FILMED]
    frames[0].save(pictures / "moving.gif", save_all=True, append_images=frames[1:])
    shutil.copy(pictures / "disc0.png", pictures / "ünï 花 \N{ROSE}.png")
    header = (pictures / "disc0.png").read_bytes()
    (pictures / "huge.png").write_bytes(header[:16] + b"\x00\x03\x00\x00\x00\x03\x00\x00" + header[24:])
    linux = sys.platform == "linux"  # where names are bytes
    shutil.copy(pictures / "disc2.png", pictures / os.fsdecode(b"latin \xe9.png" if linux else b"latin.png"))
    film(pictures / "clip.mov", FILMED)
    return shutil.move(pictures, tmp_path / os.fsdecode(b"what was fou\xf1d" if linux else b"what was fou?d"))
