"""Network cameras speak many dialects, give single pictures, freeze and come back; real servers, real sockets."""

from __future__ import annotations

import base64
import http.server
import importlib.util
import threading
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from installation.inputs import camera
from installation.inputs.camera_child import CameraError, StuckWatch, jpeg_frames
from installation.inputs.web_camera import WebCameraError, newest_of, pictures


def jpeg(level: int, thumbnail: bytes = b"") -> bytes:
    """A picture, dark on its right; with another one inside its head, as phones write them."""
    rgb = np.full((48, 64, 3), level, np.uint8)
    rgb[:, 32:] = 0
    plain = cv2.imencode(".jpg", rgb)[1].tobytes()
    head = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail if thumbnail else b""
    return plain[:2] + head + plain[2:]


@pytest.fixture
def dialects(shared) -> Iterator[tuple[str, object]]:
    """The address of a server that speaks as small cameras do, and what tells when a frame was made."""
    spec = importlib.util.spec_from_file_location("mjpeg_server", shared / "cases" / "mjpeg_server.py")
    assert spec and spec.loader
    spoken = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(spoken)
    yield f"http://127.0.0.1:{spoken.serve()}", spoken.when


@pytest.mark.parametrize("dialect", ["plain", "dashes", "nolength", "noboundary", "stall", "snapshot.jpg"])
def test_every_dialect_gives_frame_upon_frame(dialects, wait_for, dialect) -> None:
    address, when = dialects
    made = camera.create(camera.Settings(device=f"{address}/{dialect}"))
    made.start()
    seen: list[int] = []
    wait_for(lambda: ((f := made.read(0.0)) and seen.append(when(f.rgb))) or len(set(seen)) >= 6)
    assert made.alive and not made.faults
    made.close()


class Frozen(http.server.BaseHTTPRequestHandler):
    """A camera whose picture is server.picture, as a stream or one by one; with server.secret it asks who is there."""

    def log_message(self, *words: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.server.secret and self.headers.get("Authorization") != self.server.secret:  # type: ignore[attr-defined]
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
            return
        picture = self.server.picture  # type: ignore[attr-defined]
        self.send_response(200)
        if self.path.startswith("/page"):
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
        elif self.path == "/snapshot.jpg":
            self.send_header("Content-Type", "image/jpeg")
            self.end_headers()
            self.wfile.write(picture)
        else:
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=x")
            self.end_headers()
            pause = threading.Event()
            try:
                while not pause.wait(0.02):
                    self.wfile.write(b"--x\r\nContent-Type: image/jpeg\r\n\r\n" + self.server.picture + b"\r\n")  # type: ignore[attr-defined]
            except OSError:
                return


@pytest.fixture
def web() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Frozen)
    server.daemon_threads = True
    server.picture, server.secret = jpeg(200), ""  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("path", ["stream", "snapshot.jpg"])
def test_a_network_camera_that_froze_is_lost_until_its_picture_changes(web, wait_for, path) -> None:
    made = camera.create(camera.Settings(device=f"http://127.0.0.1:{web.server_port}/{path}", frozen_s=0.6))
    made.start()
    wait_for(lambda: made.read(0.0))
    wait_for(lambda: made.faults["camera"] and not made.alive)
    made.read(0.0)
    for opened in (False, True, False):  # it is opened again, and is still frozen
        wait_for(lambda opened=opened: bool(made.pids) == opened)
    assert made.read(0.0) is None and not made.alive and made.faults == {"camera": 1}
    web.picture = jpeg(90)
    seen = wait_for(lambda: made.read(0.0))
    assert 80 < seen.rgb[24, 8, 0] < 100
    made.close()


def test_user_and_password_of_the_address_are_given_when_asked_for(web, wait_for) -> None:
    web.secret = "Basic " + base64.b64encode(b"guest:a/b").decode()
    made = camera.create(camera.Settings(device=f"http://guest:a%2Fb@127.0.0.1:{web.server_port}/stream"))
    made.start()
    assert wait_for(lambda: made.read(0.0)).rgb.shape == (48, 64, 3)
    made.close()


def test_the_page_of_a_camera_is_refused_by_name_and_without_its_password(web) -> None:
    with pytest.raises(WebCameraError, match="/page: expected pictures") as refused:
        pictures(f"http://a:secret@127.0.0.1:{web.server_port}/page?pwd=secret", 0.1)
    assert "secret" not in str(refused.value)


def test_a_single_picture_that_is_none_is_refused() -> None:
    with pytest.raises(CameraError, match="expected a JPEG"):
        next(jpeg_frames(iter([b"<html>"]), StuckWatch()))


def test_a_damaged_picture_is_passed_over() -> None:
    frames = jpeg_frames(iter([jpeg(200), b"", b"\xff\xd8\xff\xe0garbage", jpeg(90)]), StuckWatch())
    assert [round(int(next(frames)[24, 8, 0]), -1) for _ in range(2)] == [200, 90]


def test_pictures_are_told_apart_wherever_the_stream_is_cut_and_a_thumbnail_ends_none() -> None:
    one, two = jpeg(200, thumbnail=jpeg(10)), jpeg(90)
    heard = b"--x\r\nContent-Type: image/jpeg\r\n\r\n" + one + b"\r\n--x\r\n\r\n" + two + b"\r\n--x"
    for cut in range(0, len(heard), 7):
        first, waiting = newest_of(heard[:cut])
        second, _ = newest_of(waiting + heard[cut:])
        assert second == two or first == two, cut
        assert first in (None, one, two) and second in (None, two), cut
    assert newest_of(heard)[0] == two, "the newest wins"


def test_a_picture_that_never_ends_does_not_fill_the_memory(monkeypatch) -> None:
    from installation.inputs import web_camera

    monkeypatch.setattr(web_camera, "LONGEST_PICTURE_BYTES", 1000)
    endless = jpeg(200)[:-2] + bytes(2000)
    assert newest_of(endless) == (None, b"")


def test_a_picture_that_was_cut_short_does_not_take_the_next_one_with_it() -> None:
    assert newest_of(jpeg(200)[:-9] + jpeg(90)) == (jpeg(90), b"")
