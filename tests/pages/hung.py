"""A job whose takes hang on the select page, and what anyone may ask of its server, for the tests of this room."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from browser import Browser

from installation.pages.server import PageServer
from installation.signals import Still
from installation.stills.archive import Archive

COUNT = 12


def hang_takes(folder: Path, count: int = COUNT, first: int = 0) -> list[str]:
    """The folder of a job with measured takes of three compositions; returns their keys, best first."""
    archive, chance = Archive(folder / ".work"), np.random.default_rng(7)
    archive.folder.mkdir(parents=True, exist_ok=True)
    keys = []
    for i in range(first, first + count):
        pixels = np.zeros((90, 120 if i % 3 else 90, 4), np.uint16)
        pixels[20:70, 20:70] = (*(chance.integers(0, 65535, 3)), 65535)
        key, take = f"{i:020x}", f"{i + 4096:020x}"
        contrast = round(1 - i / COUNT, 3)
        figures = {"contrast": contrast, "noise": round(chance.uniform(0, 0.3), 3), "colourfulness": contrast}
        notes = {"selection": {"take": take, "figures": figures}, "slomo_glitch": {"t": 0.5, "bends": []}}
        colour = np.concatenate([np.full(4, contrast), chance.normal(size=4)]).astype(np.float32)
        step = {"stage": "selection", "key": key, "settings": {"keep": 1}}
        name = f"composition-{i % 3 + 1}-take{i // 3 + 1}"
        with archive.begin("selection", key) as part:
            archive.write(part, Still(pixels, name, key, i, {"embedding": colour}, notes, (step,)))
        keys.append(take)
    return keys


def order(page: Browser) -> list[str]:
    return list(page.evaluate("[...document.querySelectorAll('.take')].map((take) => take.dataset.key)"))


def on_disk(job: Path) -> dict[str, str]:
    path = job / "choices.json"
    return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}


def speak(
    server: PageServer, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """One request as any program could send it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.guard.port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    told = {"Host": f"127.0.0.1:{server.guard.port}"} | {k.replace("_", "-"): v for k, v in headers.items()}
    payload = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    if body is not None:
        told = {"Content-Length": str(len(payload)), "Content-Type": "application/json"} | told
    for name, value in told.items():
        connection.putheader(name, value)
    connection.endheaders(payload)
    answer = connection.getresponse()
    found = answer.status, answer.headers, answer.read()
    connection.close()
    return found


SELECT = (
    "import sys; from argparse import Namespace; from pathlib import Path; from installation.stills import choosing; "
    "sys.exit(choosing.main(Namespace(job=Path(sys.argv[1]), port=0, no_browser=True, taste=None)))"
)


@contextmanager
def select_process(job: Path) -> Iterator[tuple[subprocess.Popen[str], int, dict[str, str]]]:
    """`installation select` in a process of its own: the child, its port and what its page's requests bear."""
    command = [sys.executable, "-c", SELECT, str(job)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout
        try:
            found = re.search(r":(\d+)/\?token=(\S+)", child.stdout.readline())
            assert found, child.communicate()
            port = int(found[1])
            bears = {"Cookie": f"installation-{port}={found[2]}", "Origin": f"http://127.0.0.1:{port}"}
            yield child, port, bears | {"Content-Type": "application/json"}
        finally:
            child.kill()
