"""A job, its wall, a server for it and a browser before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser
from hung import hang_takes

from installation.pages.server import PageServer
from installation.stills.choosing import JobWall


@pytest.fixture
def job(tmp_path: Path) -> Path:
    hang_takes(tmp_path / "garden")
    return tmp_path / "garden"


@pytest.fixture
def wall(job: Path) -> JobWall:
    return JobWall(job)


@pytest.fixture
def server(wall: JobWall) -> Iterator[PageServer]:
    with PageServer({"select": wall}) as made:
        yield made


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as made:
        yield made


@pytest.fixture
def page(server: PageServer, browser: Browser) -> Iterator[Browser]:
    browser.complaints.clear()
    browser.open(server.guard.address)
    yield browser
    complaints = list(browser.complaints)
    browser.call("Page.navigate", url="about:blank")  # before its server ends
    browser.until("location.href === 'about:blank'")
    assert not complaints, complaints


@pytest.fixture
def visitor(server: PageServer) -> dict[str, str]:
    """What the page's own requests bear."""
    return {"Cookie": server.guard.cookie.partition(";")[0], "Origin": f"http://127.0.0.1:{server.guard.port}"}
