"""What happens to an output never happens to the show: it hangs, dies, is slow or is not there, and comes back."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading

import numpy as np
import psutil
import pytest
from receiving import SIZE, Receiver, even, free_port, offering, sending
from stopped import stop

from installation import plugins
from installation.rendering.outputs import sending as sending_module
from installation.rendering.outputs import virtual_camera
from installation.rendering.outputs.choosing import ROOM, asked, insist, refusal
from installation.rendering.outputs.sending import Outputs
from installation.settings import Part, SettingsError, check

GREY, WHITE, BLACK = even(128, 128, 128), even(250, 250, 250), even(0, 0, 0)


def to(port: int, scheme: str = "udp") -> Part:
    return Part("stream", {"address": f"{scheme}://127.0.0.1:{port}" + "/live/wall" * (scheme == "rtmp")})


def unread() -> np.ndarray:
    raise AssertionError("a picture was read back though nobody wants one")


def test_without_an_output_that_is_ready_no_picture_is_read_back() -> None:
    Outputs((), SIZE, 25.0).offer(unread)
    Outputs((to(9),), SIZE, 25.0).offer(unread)  # not started: its process is not there


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no niceness of its own")
def test_an_output_stands_back_for_the_show(wait_for) -> None:
    with sending(to(free_port())) as outputs:
        wait_for(lambda: outputs.all[0].wanting)
        assert psutil.Process(outputs.all[0].pids[0]).nice() == 10 > psutil.Process().nice()


def test_several_outputs_share_one_reading_and_each_has_a_name(wait_for) -> None:
    ports, read = (free_port(), free_port()), []
    receivers = [Receiver(f"udp://127.0.0.1:{port}") for port in ports]
    with sending(*map(to, ports)) as outputs:
        wait_for(lambda: all(one.wanting for one in outputs.all))
        outputs.offer(lambda: read.append(1) or GREY)
        assert read == [1]
        wait_for(offering(outputs, GREY, lambda: all(one.sees(GREY) or one.error for one in receivers)))
        assert set(outputs.sent) == {"stream", "stream 2"} and min(outputs.sent.values()) > 0
        for receiver in receivers:
            receiver.ending = True


def test_a_process_that_is_killed_is_replaced_and_counted_once(wait_for) -> None:
    port = free_port()
    receiver = Receiver(f"udp://127.0.0.1:{port}")
    with sending(to(port)) as outputs:
        wait_for(offering(outputs, GREY, lambda: receiver.sees(GREY) or receiver.error))
        (pid,) = outputs.all[0].pids
        os.kill(pid, signal.SIGKILL)
        wait_for(offering(outputs, WHITE, lambda: receiver.sees(WHITE) or receiver.error))
        assert outputs.all[0].pids != [pid] and outputs.faults == {"output stream": 1}
        receiver.ending = True


def test_one_that_hangs_in_the_middle_is_killed_and_another_sends_on(wait_for, monkeypatch) -> None:
    monkeypatch.setattr(sending_module, "SILENT_S", 0.3)
    port = free_port()
    receiver = Receiver(f"udp://127.0.0.1:{port}")
    with sending(to(port)) as outputs:
        wait_for(offering(outputs, GREY, lambda: receiver.sees(GREY) or receiver.error))
        (pid,) = outputs.all[0].pids
        os.kill(pid, signal.SIGSTOP)
        wait_for(offering(outputs, WHITE, lambda: receiver.sees(WHITE) or receiver.error))
        assert not psutil.pid_exists(pid) and outputs.faults == {"output stream": 1}
        receiver.ending = True


def test_one_that_nothing_is_owed_by_is_left_alone(wait_for, monkeypatch) -> None:
    """A show that presents nothing for a while, opening or stopped by a debugger, is no fault of its outputs."""
    monkeypatch.setattr(sending_module, "SILENT_S", 0.0)
    with sending(to(free_port())) as outputs:
        wait_for(offering(outputs, GREY, lambda: outputs.sent["stream"]))
        (pid,), looks = outputs.all[0].pids, list[float]()
        silence_s = outputs.all[0]._child._silence_s
        monkeypatch.setattr(outputs.all[0]._child, "_silence_s", lambda: looks.append(silence_s()) or looks[-1])
        wait_for(lambda: looks[-8:] == [0.0] * 8)
        assert outputs.all[0].pids == [pid]


def test_a_slow_output_is_handed_the_newest_picture_and_none_that_is_past(wait_for) -> None:
    port = free_port()
    receiver = Receiver(f"udp://127.0.0.1:{port}")
    with sending(to(port)) as outputs:
        wait_for(offering(outputs, BLACK, lambda: receiver.sees(BLACK) or receiver.error))
        (one,) = outputs.all
        stop(one.pids[0])
        for _ in range(20):
            before = one._memory.counts[sending_module.OFFERED]
            outputs.offer(lambda: GREY)
            wait_for(lambda before=before: one._memory.counts[sending_module.OFFERED] > before)
        outputs.offer(lambda: WHITE)
        wait_for(lambda before=before: one._memory.counts[sending_module.OFFERED] > before + 1)
        seen = len(receiver.frames)
        os.kill(one.pids[0], signal.SIGCONT)
        wait_for(offering(outputs, WHITE, lambda: receiver.sees(WHITE) or receiver.error))
        receiver.ending = True
    levels = {round(float(frame.mean()) / 64) for frame in receiver.frames[seen:]}
    assert levels <= {0, 4}, "one grey picture at most was on its way: none came"


def test_a_receiver_that_never_answers_is_given_up_and_one_that_answers_in_its_place_is_sent_to(
    wait_for, monkeypatch
) -> None:
    monkeypatch.setattr(sending_module, "OPENING_S", 0.3)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        port = deaf.getsockname()[1]
        outputs = Outputs((to(port, "rtmp"),), SIZE, 25.0)
        outputs.start()
        wait_for(offering(outputs, GREY, lambda: outputs.faults))
        assert not outputs.sent["stream"]
    monkeypatch.setattr(outputs.all[0]._child, "_opening_s", 20.0)
    receiver = Receiver(f"rtmp://127.0.0.1:{port}/live/wall", listen="1")
    wait_for(offering(outputs, WHITE, lambda: receiver.sees(WHITE) or receiver.error))
    receiver.ending = True
    outputs.close()
    assert receiver.error is None and outputs.faults == {"output stream": 1}


def test_a_stream_whose_receiver_is_not_there_says_so_without_its_key(wait_for, caplog) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        address, tried = f"rtmp://127.0.0.1:{taken.getsockname()[1]}/live/secret", set[int]()
        with sending(Part("stream", {"address": address})) as outputs:
            wait_for(offering(outputs, GREY, lambda: tried.update(outputs.all[0].pids) or len(tried) >= 3))
            assert outputs.faults == {"output stream": 1}, "what was never there is not lost again with every try"
    assert "output stream lost: Connection refused" in caplog.text and "secret" not in caplog.text


def test_offering_does_not_wait_for_the_copy(wait_for) -> None:
    """The thread that copies is held up; the show hands over as before."""
    with sending(to(free_port())) as outputs:
        wait_for(lambda: outputs.all[0].wanting)
        go_on, held = threading.Event(), threading.Event()

        def held_up(*_: object) -> int:
            held.set()
            go_on.wait()
            return 0

        outputs.all[0]._slots.write = held_up  # type: ignore[method-assign]
        outputs.offer(lambda: GREY)
        assert held.wait(20)
        for _ in range(100):
            outputs.offer(lambda: GREY)
        go_on.set()


@pytest.mark.parametrize("name", plugins.available(ROOM))
def test_every_output_has_settings_an_address_and_a_word_on_whether_it_works(name: str) -> None:
    module = plugins.load(ROOM, name)
    (part,) = asked((), [f"{name}:there"])
    assert "there" in vars(check(module.Settings, part.settings, name)).values()
    assert isinstance(refusal(Part(name)), str) and "\n" not in refusal(Part(name))


def test_the_room_holds_these_outputs() -> None:
    assert plugins.available(ROOM) == ["ndi", "spout", "stream", "syphon", "virtual_camera"]


def test_the_command_line_stands_instead_of_the_show_file() -> None:
    shown = (Part("ndi"),)
    assert asked(shown, None) == shown and asked(shown, ["none"]) == ()
    words = ["stream:rtp://10.0.0.5:5004", "ndi"]
    assert asked(shown, words) == (Part("stream", {"address": "rtp://10.0.0.5:5004"}), Part("ndi"))
    with pytest.raises(LookupError, match="no outputs called 'nid'; did you mean 'ndi'"):
        asked(shown, ["nid"])


def test_what_cannot_work_here_is_refused_with_what_to_do(monkeypatch) -> None:
    with pytest.raises(SettingsError, match=r"outputs.stream: unknown key 'adress'; did you mean 'address'"):
        insist([Part("stream", {"adress": "x"})])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"outputs.virtual_camera: .*pip install pyvirtualcam"):
        insist([Part("virtual_camera")])
    insist([Part("stream")])


def test_virtual_cameras_are_those_that_no_hardware_stands_behind(tmp_path) -> None:
    for number, name in ((10, "Other"), (9, "installation\n")):
        (tmp_path / f"video{number}").mkdir()
        (tmp_path / f"video{number}" / "name").write_text(name)
    assert sorted(virtual_camera.places(tmp_path)) == ["/dev/video10 Other", "/dev/video9 installation"]
    assert virtual_camera.places(tmp_path / "none") == []
