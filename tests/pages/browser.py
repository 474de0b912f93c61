"""A real Chromium without a screen, driven over DevTools' pipe: an address in, what a visitor would see and do out."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # containers run tests as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--disable-features=Translate,MediaRouter",
    "--hide-scrollbars",
    "--password-store=basic",
)
ASK = """new Promise((answer) => {
  const began = Date.now();
  const look = () => (%s) ? answer(true) : Date.now() - began > 400 ? answer(false) : setTimeout(look, 10);
  look();
})"""
CODES = {
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "Enter": 13,
    "Escape": 27,
    "Backspace": 8,
    " ": 32,
    "Home": 36,
    "End": 35,
}
TEXTS = {"Enter": "\r", " ": " "}


class Browser:
    """One browser with one page; ends with its `with` block."""

    def __init__(self, profile: Path, size: tuple[int, int] = (1440, 900)) -> None:
        binary = next(filter(None, map(shutil.which, NAMES)), None)
        assert binary, f"no browser: expected one of {NAMES}; `make setup` installs chromium"
        flags = [*FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}", "about:blank"]
        (theirs_in, self._to), (self._from, theirs_out) = os.pipe(), os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (theirs_in, theirs_out)]
        for end in (theirs_in, theirs_out):
            os.close(end)

        def lay_pipes() -> None:  # DevTools reads from 3 and writes to 4
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        quiet = subprocess.DEVNULL
        command = [binary, *flags]
        self._child = subprocess.Popen(command, stdout=quiet, stderr=quiet, preexec_fn=lay_pipes, pass_fds=(3, 4))
        for end in ends:
            os.close(end)
        self._rest, self._number, self._session = b"", 0, ""
        self.complaints: list[str] = []  # what the page's console says of errors

    def __enter__(self) -> Browser:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._to)  # the browser ends when its pipe does
        try:
            self._child.wait(10)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        os.close(self._from)

    def call(self, method: str, within_s: float = 40.0, **parameters: Any) -> dict[str, Any]:
        """One DevTools call; what else the browser says meanwhile is only looked through for errors."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline_s = time.monotonic() + within_s
        while (told := self._read(deadline_s, method)).get("id") != self._number:
            self._listen(told)
        assert "error" not in told, f"{method}: {told['error']}"
        return dict(told["result"])

    def open(self, address: str) -> None:
        """Go there and wait until the page says that it is ready."""
        self.call("Page.navigate", url=address)
        self.until("document.documentElement.dataset.ready === 'yes' || document.contentType === 'text/plain'")

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression; promises are awaited."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, question: str, within_s: float = 60.0) -> None:
        """Wait until a JavaScript expression is true; a page that is just being left is asked again."""
        deadline_s = time.monotonic() + within_s
        while True:
            try:
                if self.evaluate(ASK % question):
                    return
            except AssertionError:
                if time.monotonic() > deadline_s:
                    raise
            assert time.monotonic() < deadline_s, f"did not come true within {within_s} s: {question}"

    def press(self, *keys: str) -> None:
        """Press and release keys, by their DOM names: "ArrowRight", "k", "S", "Enter"."""
        for key in keys:
            code = CODES.get(key, ord(key[0].upper()) if len(key) == 1 else 0)
            text = key if len(key) == 1 else TEXTS.get(key, "")
            down: dict[str, Any] = {
                "key": key,
                "windowsVirtualKeyCode": code,
                "modifiers": 8 if key.isupper() and len(key) == 1 else 0,
            }
            self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **down)
            self.call("Input.dispatchKeyEvent", type="keyUp", **down)

    def photograph(self, path: Path) -> None:
        """What is seen, as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def _listen(self, told: dict[str, Any]) -> None:
        if told.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(told["params"]["exceptionDetails"].get("exception", {}).get("description")))
        if told.get("method") == "Log.entryAdded" and told["params"]["entry"]["level"] == "error":
            self.complaints.append(told["params"]["entry"]["text"] + " " + told["params"]["entry"].get("url", ""))

    def _read(self, deadline_s: float, method: str) -> dict[str, Any]:
        while b"\0" not in self._rest:
            left_s = deadline_s - time.monotonic()
            ready = left_s > 0 and select.select([self._from], [], [], left_s)[0]
            assert ready, f"the browser did not answer {method} in time"
            piece = os.read(self._from, 1 << 20)
            assert piece, f"the browser ended during {method}"
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(line))
