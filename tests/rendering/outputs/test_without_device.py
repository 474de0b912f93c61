"""Outputs whose devices no test machine has: what they hand to the packages that drive them."""

from __future__ import annotations

import sys
from argparse import Namespace
from enum import Enum
from types import ModuleType

import cv2
import numpy as np
import pytest

from installation.rendering.outputs import choosing, spout, syphon, virtual_camera

ORANGE = np.tile(np.array([250, 120, 20, 7], np.uint8), (37, 65, 1))


def pretend(monkeypatch: pytest.MonkeyPatch, name: str, **what: object) -> None:
    module = ModuleType(name)
    vars(module).update(what)
    monkeypatch.setitem(sys.modules, name, module)


class PixelFormat(Enum):
    I420 = "I420"


def test_a_virtual_camera_is_handed_the_planes_that_it_is_opened_for(monkeypatch) -> None:
    opened, sent = [], []

    def open_camera(*size: object, **how: object) -> Namespace:
        opened.append((size, how))
        return Namespace(send=sent.append)

    pretend(monkeypatch, "pyvirtualcam", Camera=open_camera, PixelFormat=PixelFormat)
    monkeypatch.setattr(virtual_camera, "places", lambda: [])
    with pytest.raises(RuntimeError, match="there is no virtual camera: sudo modprobe v4l2loopback"):
        virtual_camera.create(virtual_camera.Settings(), (65, 37), 25.0)
    camera = virtual_camera.create(virtual_camera.Settings("/dev/video9"), (65, 37), 25.0)
    camera.send(ORANGE, 0.0)
    ((size, how),) = opened
    assert size == (64, 36, 25.0) and how["device"] == "/dev/video9" and how["fmt"] is PixelFormat.I420
    assert np.abs(cv2.cvtColor(sent[0], cv2.COLOR_YUV2RGB_I420).astype(int) - ORANGE[:36, :64, :3]).max() < 4


def test_what_spout_is_handed_is_opaque_and_a_refusal_is_an_error(monkeypatch) -> None:
    sent, takes = [], [True, False]

    class Sender:
        def setSenderName(self, name: str) -> None:
            sent.append(name)

        def sendImage(self, *picture: object) -> bool:
            sent.append(picture)
            return takes.pop(0)

    pretend(monkeypatch, "SpoutGL", SpoutSender=Sender)
    pretend(monkeypatch, "SpoutGL.enums", GL_RGBA=0x1908)
    one = spout.create(spout.Settings("hall"), (65, 37), 25.0)
    one.send(ORANGE.copy(), 0.0)
    name, (pixels, width, height, kind, *_) = sent
    assert (name, width, height, kind) == ("hall", 65, 37, 0x1908) and pixels[..., 3].min() == 255
    with pytest.raises(RuntimeError, match="takes no pictures"):
        one.send(ORANGE.copy(), 0.0)


def test_what_syphon_is_handed_is_opaque_and_counts_its_rows_from_below(monkeypatch) -> None:
    copied, published = [], []

    class Server:
        device = "metal"

        def __init__(self, name: str) -> None:
            self.name = name

        def publish_frame_texture(self, texture: object) -> None:
            published.append((self.name, texture))

    pretend(monkeypatch, "syphon", SyphonMetalServer=Server)
    pretend(monkeypatch, "syphon.utils")
    pretend(monkeypatch, "syphon.utils.numpy", copy_image_to_mtl_texture=lambda *what: copied.append(what))
    pretend(monkeypatch, "syphon.utils.raw", create_mtl_texture=lambda *what: what)
    rgba = ORANGE.copy()
    rgba[0] = 0
    syphon.create(syphon.Settings("hall"), (65, 37), 25.0).send(rgba, 0.0)
    ((pixels, texture),) = copied
    assert texture == ("metal", 65, 37) and published == [("hall", texture)]
    assert pixels[..., 3].min() == 255 and pixels[-1, :, 0].max() == 0 and pixels[0, 0, 0] == 250


@pytest.mark.parametrize("module", [spout, syphon, virtual_camera])
def test_each_says_which_system_it_is_of(module: ModuleType, monkeypatch) -> None:
    monkeypatch.setattr(module.sys, "platform", "sunos5")
    assert " is of " in module.refusal(module.Settings())


def test_a_package_that_is_there_is_not_asked_for() -> None:
    assert choosing.lacking("json", "json") == "" and "pip install nothing" in choosing.lacking(
        "no_such_module", "nothing"
    )
