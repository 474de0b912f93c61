"""Frames come in whole, newest first, from a process that may be killed, hang or find nothing."""

import functools
import http.server
import itertools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from installation.children import Memory
from installation.frames import FRAMES_BYTES, FrameSlots
from installation.inputs import camera, camera_places
from installation.inputs.camera_child import CameraError, StuckWatch, played_frames, size_within
from installation.inputs.camera_places import Finder
from installation.rendering.outputs import virtual_camera
from installation.settings import SettingsError


@pytest.fixture
def playing(film):
    made = camera.create(camera.Settings(device=str(film)))
    made.start()
    yield made
    made.close()


def test_a_film_arrives_as_fresh_numbered_frames_on_the_callers_clock(playing, wait_for):
    first = wait_for(lambda: playing.read(100.0))
    assert first.rgb.shape == (96, 128, 3) and first.rgb.dtype == np.uint8
    assert 99.0 < first.time_s <= 100.0 and playing.alive and playing.age_s(100.0) < 1.0
    assert playing.describe().startswith("camera ")
    second = wait_for(lambda: playing.read(100.1))
    assert second.number > first.number


def test_reading_twice_at_once_gives_no_frame_twice(playing, wait_for):
    wait_for(lambda: playing.read(0.0))
    numbers = []
    wait_for(lambda: ((f := playing.read(0.0)) and numbers.append(f.number)) or len(numbers) > 20)
    assert len(set(numbers)) == len(numbers)


def test_a_film_loops(playing, wait_for):
    greys = []
    wait_for(lambda: ((f := playing.read(0.0)) and greys.append(int(f.rgb[48, 100, 0]))) or len(greys) >= 30)
    assert sum(b < a - 50 for a, b in itertools.pairwise(greys)) >= 1  # from the lightest to the darkest again


def test_a_film_is_not_mirrored_unless_asked(film, wait_for):
    for mirror, bright in ((None, 0), (True, -1)):
        made = camera.create(camera.Settings(device=str(film), mirror=mirror))
        made.start()
        frame = wait_for(lambda made=made: made.read(0.0))
        made.close()
        assert frame.rgb[48, bright].mean() > 230 > frame.rgb[48, -1 - bright].mean()


def test_a_film_plays_from_a_web_server_and_is_lost_with_it(film, wait_for):
    class Film(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Film, directory=str(film.parent)))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    made = camera.create(camera.Settings(device=f"http://127.0.0.1:{server.server_port}/{film.name}"))
    made.start()
    first = wait_for(lambda: made.read(0.0))
    assert first.rgb.shape == (96, 128, 3)
    server.shutdown()
    server.server_close()
    wait_for(lambda: made.faults["camera"])
    made.close()


def test_a_killed_camera_process_is_counted_once_and_comes_back(playing, wait_for):
    before = wait_for(lambda: playing.read(0.0)).number
    pid = playing.pids[0]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not playing.alive)
    wait_for(lambda: playing.pids not in ([], [pid]))
    seen = wait_for(lambda: playing.read(0.0))
    wait_for(lambda: playing.alive)
    assert seen.number > before and playing.faults == {"camera": 1}


def test_a_hung_camera_process_is_killed_and_comes_back(film, wait_for):
    made = camera.create(camera.Settings(device=str(film), silent_s=0.5))
    made.start()
    wait_for(lambda: made.read(0.0))
    pid = made.pids[0]
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: made.pids not in ([], [pid]))
    wait_for(lambda: made.alive)
    assert made.faults == {"camera": 1}
    made.close()


def plug_in(system: Path, number: int, name: str, index: int = 0) -> None:
    """A camera as the system lists it (/sys/class/video4linux)."""
    folder = system / f"video{number}"
    folder.mkdir()
    (folder / "name").write_text(f"{name}\n")
    (folder / "index").write_text(f"{index}\n")


@pytest.fixture
def system(tmp_path, monkeypatch) -> Path:
    """A machine whose cameras are what a test plugs in and pulls out."""
    for name in ("system", "by-id"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(camera_places, "SYSTEM", tmp_path / "system")
    monkeypatch.setattr(camera_places, "STABLE", tmp_path / "by-id")
    return tmp_path / "system"


def test_a_missing_camera_is_one_fault_and_no_frame_and_is_looked_for_until_it_comes(system, film, wait_for, caplog):
    absent = camera.create(camera.Settings(device="Cam 2.0: a"))
    looks = []
    find = absent._finder.find
    absent._finder.find = lambda: looks.append(1) or find()
    absent.start()
    wait_for(lambda: len(looks) >= 2)
    first = caplog.text
    assert absent.read(0.0) is None and not absent.alive and absent.faults == {"camera": 1} and not absent.pids
    assert "no camera Cam 2.0: a: plug it in" in first
    absent._finder.find = lambda: find() and str(film)  # it is there: what it shows is a film
    plug_in(system, 3, "USB Cam 2.0: a")
    wait_for(lambda: absent.read(0.0))
    wait_for(lambda: absent.alive)
    assert absent.faults == {"camera": 1} and caplog.text.count("camera lost") == 1
    absent.close()


def test_the_first_camera_is_the_first_there_is_whatever_its_number(system):
    plug_in(system, 10, "another")
    plug_in(system, 3, "a plug's second device carries no picture", index=1)
    plug_in(system, 2, "the only webcam")
    for wish in ("", "0"):
        assert Finder(wish).find() == "/dev/video2"
    assert Finder("1").find() == "/dev/video10" and Finder("10").find() == "/dev/video10"
    assert Finder("ANOTHER").find() == "/dev/video10"
    with pytest.raises(FileNotFoundError, match=r"/dev/video2 the only webcam; /dev/video10 another"):
        Finder("7").find()


def test_the_show_does_not_watch_itself_through_its_own_virtual_camera_unless_it_is_told_to(system):
    plug_in(system, 0, "installation")
    with pytest.raises(FileNotFoundError):
        Finder("").find()
    assert Finder("installation").find() == "/dev/video0" and "card_label=installation" in virtual_camera.MAKE_ONE
    plug_in(system, 1, "a webcam")
    assert Finder("").find() == "/dev/video1"


def test_a_camera_that_comes_back_under_another_number_is_found_again(system):
    plug_in(system, 0, "USB2.0 Camera: USB2.0 Camera")
    finders = [Finder(wish) for wish in ("", "0", "/dev/video0", "USB2.0 Camera: USB2.0 Camera")]
    assert [finder.find() for finder in finders] == ["/dev/video0"] * 4
    (system / "video0").rename(system / "gone")
    for finder in finders:
        with pytest.raises(FileNotFoundError):
            finder.find()
    plug_in(system, 0, "a capture card")
    (system / "gone").rename(system / "video1")
    assert [finder.find() for finder in finders] == ["/dev/video1"] * 4


def test_of_two_cameras_alike_the_one_of_that_serial_number_is_found_again(system):
    by_id = system.parent / "by-id"
    for number, serial in enumerate("AB"):
        plug_in(system, number, "twin")
        (by_id / f"usb-twin_{serial}-video-index0").symlink_to(f"/dev/video{number}")
    finder = Finder("1")
    assert finder.find() == "/dev/video1"
    for serial, number in (("A", 1), ("B", 0)):
        (by_id / f"usb-twin_{serial}-video-index0").unlink()
        (by_id / f"usb-twin_{serial}-video-index0").symlink_to(f"/dev/video{number}")
    assert finder.find() == "/dev/video0"


def test_a_stable_path_leads_to_the_device_and_is_no_file(system, tmp_path):
    plug_in(system, 4, "USB2.0 Camera")
    link = tmp_path / "pci-0000:00:14.0-usb-0:2:1.0-video-index0"
    link.symlink_to("/dev/video4")
    place = camera_places.places()[0]
    assert camera_places.first_meant("/dev/video4", [place]) == place
    for wish, is_file in (
        ("/dev/v4l/by-path/pci-0000:00:14.0-usb-0:2:1.0-video-index0", False),
        ("USB2.0 Camera: USB2.0 Camera", False),
        ("Kamera v1.5", False),
        ("missing.mp4", True),
        ("rtsp://10.0.0.7/stream", True),
    ):
        assert camera_places.is_address(wish) == is_file, wish


@pytest.mark.parametrize(
    ("turn", "mirror", "bright"),
    [(0, False, "left"), (90, False, "top"), (180, False, "right"), (270, False, "bottom"), (90, True, "top"),
     (180, True, "left")],
)  # fmt: skip
def test_a_camera_can_be_turned_and_mirrored(film, wait_for, turn, mirror, bright):
    made = camera.create(camera.Settings(device=str(film), rotate=turn, mirror=mirror))
    made.start()
    frame = wait_for(lambda: made.read(0.0))
    made.close()
    rgb = frame.rgb.astype(int).mean(2)
    edges = {"left": rgb[:, :8], "right": rgb[:, -8:], "top": rgb[:8], "bottom": rgb[-8:]}
    assert max(edges, key=lambda edge: edges[edge].mean()) == bright and frame.mirrored == mirror
    assert frame.rgb.shape[:2] == ((96, 128) if turn % 180 == 0 else (128, 96))


def test_a_turn_that_is_none_of_the_four_is_refused():
    with pytest.raises(SettingsError, match="expected 0, 90, 180 or 270, found 45"):
        camera.create(camera.Settings(rotate=45))


def test_no_child_outlives_a_parent_that_was_killed(film, wait_for, tmp_path):
    code = f"""
import time
from installation.inputs import camera
made = camera.create(camera.Settings(device={str(film)!r}))
made.start()
while not made.pids or made.read(0.0) is None: time.sleep(0.01)
print(made.pids[0], flush=True)
input()
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert Path(f"/proc/{child}").exists()
    parent.kill()
    parent.wait()
    wait_for(lambda: not running(child))


def test_closing_ends_the_child(film, wait_for):
    made = camera.create(camera.Settings(device=str(film)))
    made.start()
    wait_for(lambda: made.pids)
    child = made.pids[0]
    made.close()
    made.close()
    assert not running(child) and made.pids == []


def running(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_no_frame_is_ever_torn():
    memory = Memory(FRAMES_BYTES)
    writer, reader = FrameSlots(memory), FrameSlots(memory)
    done, torn, seen = threading.Event(), 0, 0

    def write() -> None:
        frames = [np.full((360, 640, 3), i, np.uint8) for i in range(8)]
        for i in range(1500):
            writer.write(frames[i % 8])
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    last = 0
    while not done.is_set():
        frame = reader.read(last)
        if frame is not None:
            rgb, _, last = frame
            torn += int(rgb.min()) != int(rgb.max())
            seen += 1
    thread.join()
    assert seen > 5 and torn == 0


def test_a_writer_that_died_in_the_middle_leaves_no_half_frame():
    memory = Memory(FRAMES_BYTES)
    slots = FrameSlots(memory)
    slots.write(np.full((8, 8, 3), 1, np.uint8))
    slots._headers[2][0] += 1  # it died while it wrote frame 2
    assert slots.read(0)[2] == 1
    assert FrameSlots(memory).write(np.full((8, 8, 3), 2, np.uint8)) == 2
    rgb, _, number = slots.read(1)
    assert number == 2 and rgb.max() == 2


def test_a_live_camera_that_repeats_one_frame_is_found_out_and_a_covered_lens_is_not():
    stuck, picture = StuckWatch(2.0), np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    for i in range(20):
        stuck.look(picture, i * 0.1)
    with pytest.raises(CameraError, match="repeated one frame"):
        stuck.look(picture, 5.0)
    covered = StuckWatch(2.0)
    for i in range(100):
        covered.look(np.zeros((480, 640, 3), np.uint8), i * 0.1)


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (640, 480), (7680, 4320), (100, 3000), (3, 3)])
def test_pictures_are_scaled_down_never_up_and_keep_their_shape(size):
    width, height = size_within(*size)
    assert max(width, height) <= max(640, 2) and width <= max(size[0], 2) and height <= max(size[1], 2)
    assert width / height == pytest.approx(size[0] / size[1], rel=0.4)


def test_a_still_picture_serves_as_a_camera(tmp_path):
    from PIL import Image

    Image.new("RGB", (64, 48), (200, 10, 10)).save(tmp_path / "still.png")
    frames = played_frames(str(tmp_path / "still.png"))
    assert [next(frames)[20, 20].tolist() for _ in range(3)] == [[200, 10, 10]] * 3


def test_a_film_that_shows_one_frame_for_long_is_not_taken_for_a_dead_camera(tmp_path, wait_for):
    from PIL import Image

    slides = [Image.new("RGB", (64, 48), (level, level, level)) for level in (20, 120, 220)]
    slides[0].save(tmp_path / "slides.gif", save_all=True, append_images=slides[1:], duration=1800, loop=0)
    made = camera.create(camera.Settings(device=str(tmp_path / "slides.gif"), silent_s=1.4))
    made.start()
    greys = []
    wait_for(lambda: ((f := made.read(0.0)) and greys.append(int(f.rgb[24, 32, 0]))) or 220 in greys)
    wait_for(lambda: ((f := made.read(0.0)) and greys.append(int(f.rgb[24, 32, 0]))) or greys[-1] == 20)
    assert not made.faults
    made.close()


def test_the_password_of_a_stream_that_cannot_be_opened_is_not_logged(wait_for, caplog):
    made = camera.create(camera.Settings(device="http://user:secret@127.0.0.1:9/film"))
    made.start()
    wait_for(lambda: made.faults["camera"])
    made.close()
    assert "127.0.0.1:9/film" in caplog.text and "secret" not in caplog.text


def test_a_file_that_is_no_film_is_named_in_the_error(tmp_path):
    import av

    (tmp_path / "words.mp4").write_text("not a film")
    with pytest.raises((CameraError, av.error.FFmpegError), match="words"):
        next(played_frames(str(tmp_path / "words.mp4")))


def test_a_camera_whose_name_the_driver_cut_in_the_middle_of_a_letter_is_listed(system):
    plug_in(system, 3, "x")
    (system / "video3" / "name").write_bytes("Kamera für Gäste".encode() + b"\xc3\n")
    assert camera.devices()[0].startswith("/dev/video3 Kamera für Gäste")


def test_passwords_of_streams_stay_out_of_what_is_shown():
    made = camera.create(camera.Settings(device="rtsp://user:secret@10.0.0.7/stream"))
    assert "secret" not in made.describe() and "10.0.0.7" in made.describe()
    made.close()
