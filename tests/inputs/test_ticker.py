"""A price comes from a file along the show's clock, or from a web server that may say anything or nothing."""

import contextlib
import http.server
import json
import socketserver
import threading

import pytest

from installation.inputs import ticker


@pytest.fixture
def web():
    """A real local server; web.answer is what it says next, web.asked how often it was asked."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked += 1
            body = server.answer if isinstance(server.answer, bytes) else json.dumps(server.answer).encode()
            self.send_response(server.status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.answer, server.asked, server.status = {"value": 1}, 0, 200
    server.url = f"http://127.0.0.1:{server.server_port}/price"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def open_ticker(**settings):
    made = ticker.create(ticker.Settings(**settings))
    made.start()
    return made


def test_a_file_of_times_and_values_is_read_along_the_clock_and_loops(tmp_path):
    (tmp_path / "a.csv").write_text("time,price\n0,10\n1,20\n2,40\n")
    made = open_ticker(source=str(tmp_path / "a.csv"))
    assert [made.read(t).value for t in (0.0, 0.5, 1.5, 2.0, 2.5, 3.0)] == pytest.approx([10, 15, 30, 40, 25, 10])
    assert (made.read(0).low, made.read(0).high) == (10, 40) and made.alive and made.faults == {}


def test_a_wrong_row_among_many_makes_no_range(tmp_path):
    (tmp_path / "a.csv").write_text("\n".join(["0"] + [str(100 + i % 10) for i in range(99)]))
    made = open_ticker(source=str(tmp_path / "a.csv"))
    assert (made.read(0).low, made.read(0).high) == (100, 109)


def test_a_file_of_values_alone_takes_its_steps_and_speed_from_the_settings(tmp_path):
    (tmp_path / "b.csv").write_text("1\n2\n\n3\n")
    made = open_ticker(source=str(tmp_path / "b.csv"), step_s=2.0, speed=2.0)
    assert [made.read(t).value for t in (0.0, 1.0, 2.0)] == pytest.approx([1, 2, 3])


@pytest.mark.parametrize(
    "text", ["", "time,value\n", '0,"' + "1\n" * 99_999, "0,1\n1,two\n", "0,1\n0,2\n", "0,nan\n", "0,inf\n"]
)
def test_a_bad_file_is_one_fault_and_gives_nothing(tmp_path, text, caplog):
    (tmp_path / "bad.csv").write_text(text)
    made = open_ticker(source=str(tmp_path / "bad.csv"))
    assert made.read(0.0) is None and not made.alive and made.faults == {"ticker": 1} and "bad.csv" in caplog.text


def test_a_number_deep_in_json_is_read_from_a_real_server(web, wait_for):
    web.answer = {"data": [{"price": "41.5"}]}
    made = open_ticker(source=web.url, key="data.0.price", poll_s=0.01)
    number = wait_for(lambda: made.read(50.0))
    made.close()
    assert number.value == 41.5 and 49 < number.time_s <= 50 and made.alive


@pytest.mark.parametrize(
    "answer",
    [
        b"{",
        b"\xff\xfe",
        [],
        {"other": 1},
        {"value": None},
        {"value": True},
        b'{"value": NaN}',
        b"[" * 5000,
        b"1" * 70000,
        b'{"value": 1' + b"0" * 400 + b"}",
    ],
    ids=lambda a: repr(a)[:20],
)
def test_an_answer_that_is_no_number_holds_the_last_one_and_counts_once(web, wait_for, answer):
    made = open_ticker(source=web.url, poll_s=0.01)
    wait_for(lambda: made.read(0.0))
    web.answer = answer
    wait_for(lambda: made.faults["ticker"])
    asked = web.asked
    wait_for(lambda: web.asked > asked + 1)
    assert made.faults == {"ticker": 1} and not made.alive
    web.answer = {"value": 2}
    wait_for(lambda: (number := made.read(0.0)) and number.value == 2)
    assert made.alive
    made.close()


@pytest.mark.parametrize(
    "words", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", b"\x00" * 200]
)
def test_a_server_that_does_not_speak_http_is_survived(words, wait_for):
    class Mumble(socketserver.BaseRequestHandler):
        def handle(self):
            asked.append(self.request.recv(4096))
            self.request.sendall(words)

    asked: list[bytes] = []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mumble) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        made = open_ticker(source=f"http://127.0.0.1:{server.server_address[1]}/", poll_s=0.01)
        wait_for(lambda: len(asked) >= 3)
        assert made.faults == {"ticker": 1} and made.read(0.0) is None
        made.close()
        server.shutdown()


def test_a_server_that_fails_or_is_gone_is_asked_ever_more_rarely(web, wait_for, monkeypatch):
    web.status = 500
    made = ticker.create(ticker.Settings(source=web.url, poll_s=1.0))
    waits: list[float] = []
    pause = made._closing.wait
    monkeypatch.setattr(made._closing, "wait", lambda wait_s: waits.append(wait_s) or pause(0.01))
    made.start()
    wait_for(lambda: len(waits) >= 10)
    made.close()
    assert waits[:4] == [2.0, 4.0, 8.0, 16.0] and waits[9] == ticker.LONGEST_WAIT_S
    assert made.read(0.0) is None and made.faults == {"ticker": 1}


def test_only_web_addresses_are_asked():
    with pytest.raises(ticker.TickerError, match="http"):
        ticker.ask("file:///etc/passwd", "value", 1.0)


def test_an_answer_that_never_ends_is_given_up_in_time_though_every_byte_of_it_comes_in_time(wait_for):
    class Drip(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(4096)
            self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with contextlib.suppress(OSError):
                while not over.wait(0.05):
                    self.request.sendall(b" ")

    over = threading.Event()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Drip) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        made = open_ticker(source=f"http://127.0.0.1:{server.server_address[1]}/", timeout_s=0.3)
        try:
            wait_for(lambda: made.faults["ticker"])
        finally:
            made.close()
            over.set()
            server.shutdown()


def test_a_key_in_the_address_is_not_logged(web, wait_for, caplog):
    web.answer = []
    made = open_ticker(source=f"{web.url}?key=secret")
    wait_for(lambda: made.faults["ticker"])
    made.close()
    assert "/price" in caplog.text and "secret" not in caplog.text + made.describe()
