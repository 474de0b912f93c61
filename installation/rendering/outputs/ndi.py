"""The picture as an NDI source, by libndi, which the package ndi-python brings.

libndi listens on every address of a machine. Unless `allow` says otherwise, the kernel lets nobody but this machine
reach it, and nothing is announced to the network.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from installation.rendering.outputs import fence
from installation.rendering.outputs.choosing import lacking

LOOPBACK = "127.0.0.0/8"
LONGEST_FRACTION = 10_000  # 29.97 becomes 2997/100


@dataclass(frozen=True)
class Settings:
    """source is what receivers list, behind the machine's name. allow lists the networks (IPv4, CIDR) that may receive:
    "192.168.1.0/24", or "0.0.0.0/0" for any."""

    source: str = "installation"
    allow: tuple[str, ...] = (LOOPBACK,)


class Ndi:
    """One NDI sender. Raises RuntimeError where libndi does not work on this processor or takes no such name."""

    def __init__(self, settings: Settings, size: tuple[int, int], fps: float) -> None:
        networks = fence.read_networks(settings.allow)
        if stays_here(networks):
            _keep_quiet()
        import NDIlib

        self._ndi: Any = NDIlib
        if not NDIlib.initialize():
            raise RuntimeError("libndi does not run on this processor")
        asked = NDIlib.SendCreate()
        asked.ndi_name, asked.clock_video, asked.clock_audio = settings.source, False, False
        self._sender = NDIlib.send_create(asked)
        if self._sender is None:
            raise RuntimeError(f"libndi makes no source {settings.source!r}")
        if not any(network.prefixlen == 0 for network in networks):
            fence.close_in(networks)
        self._frame = NDIlib.VideoFrameV2()
        rate = Fraction(fps).limit_denominator(LONGEST_FRACTION)
        self._frame.frame_rate_N, self._frame.frame_rate_D = rate.numerator, rate.denominator

    def send(self, rgba: np.ndarray, time_s: float) -> None:
        """Hand over a picture; libndi has copied or sent it when this returns."""
        self._frame.data = rgba
        self._frame.FourCC = self._ndi.FOURCC_VIDEO_TYPE_RGBX
        self._ndi.send_send_video_v2(self._sender, self._frame)


def _keep_quiet() -> None:
    """Have libndi tell nobody of its sources, and send them by plain TCP only: read when it is loaded.

    A sender that is told of a discovery server announces itself there and not by multicast; there need be none.
    """
    folder = Path(tempfile.mkdtemp(prefix="installation-ndi-"))
    here = {"ips": "127.0.0.1,", "discovery": "127.0.0.1"}
    off = {"send": {"enable": False}}
    asked = {"ndi": {"networks": here, "multicast": off, "rudp": off}}
    (folder / "ndi-config.v1.json").write_text(json.dumps(asked), "utf-8")
    os.environ["NDI_CONFIG_DIR"] = str(folder)


def stays_here(networks: Sequence[fence.Network]) -> bool:
    """Whether all of these networks are this machine."""
    return all(network.subnet_of(fence.Network(LOOPBACK)) for network in networks)


def refusal(settings: Settings) -> str:
    """The package, where it is not installed; networks that are none, or that only Linux can keep to."""
    try:
        networks = fence.read_networks(settings.allow)
    except ValueError as error:
        return f"allow: expected networks such as 192.168.1.0/24: {str(error)[:200]}"
    if not networks:
        return f'allow: expected the networks that may receive, at least "{LOOPBACK}"'
    if not sys.platform.startswith("linux") and not any(network.prefixlen == 0 for network in networks):
        return 'libndi listens on every network, and only Linux keeps any out; allow = ["0.0.0.0/0"] lets all in'
    return lacking("NDIlib", "ndi-python")


def create(settings: Settings, size: tuple[int, int], fps: float) -> Ndi:
    """Make the source known. Raises RuntimeError or OSError."""
    return Ndi(settings, size, fps)
