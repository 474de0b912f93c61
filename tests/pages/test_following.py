"""A page that follows a running job: takes, choices and progress come by themselves, and a break is said and mended."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
from browser import Browser
from hung import COUNT, hang_takes, on_disk, order, speak
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from installation.pages.feed import Feed
from installation.pages.server import PageServer
from installation.stills.choosing import JobWall

Wait = Callable[..., object]
UP, DOWN = (f"document.documentElement.dataset.link === '{word}'" for word in ("up", "down"))
TROUBLE = "document.getElementById('trouble').textContent"


@pytest.fixture
def followed(page: Browser) -> Browser:
    """The page, told everything once."""
    page.until(UP)
    return page


def work_on(job: Path, name: str, fraction: float, pid: int) -> Path:
    """A piece of a running job, as its worker leaves it."""
    part = job / ".work" / f".part-{socket.gethostname()}-{pid}-slomo_glitch-{name}-abc"
    part.mkdir(exist_ok=True)
    told = {"stage": "slomo_glitch", "name": name, "fraction": fraction, "note": ""}
    (part / "progress.json").write_text(json.dumps(told), "utf-8")
    return part


# ---- in a real browser


def test_a_take_that_a_job_finishes_appears_by_itself(followed: Browser, job: Path) -> None:
    before = order(followed)
    (new,) = hang_takes(job, 1, first=COUNT)
    followed.until(f"document.querySelectorAll('.take').length === {COUNT + 1}")
    assert set(order(followed)) == {*before, new}
    assert followed.evaluate("document.getElementById('counts').textContent").startswith("13 takes")
    image = f"document.querySelector('[data-key=\"{new}\"] img')"
    followed.evaluate(f"{image}.scrollIntoView()")
    followed.until(f"{image}.complete && {image}.naturalWidth > 0")


def test_what_comes_by_itself_moves_nothing_from_under_the_artists_eyes(followed: Browser, job: Path) -> None:
    menu = "document.getElementById('sort')"
    followed.evaluate(f"{menu}.value = 'contrast', {menu}.dispatchEvent(new Event('change'))")
    followed.press("End")
    followed.until("document.getAnimations().length === 0")
    key = str(followed.evaluate("document.activeElement.dataset.key"))
    top = f"document.querySelector('[data-key=\"{key}\"]').getBoundingClientRect().top"
    before = followed.evaluate(top)
    new = hang_takes(job, 6, first=-30)  # they hang first, and push the others on by whole rows
    followed.until(f"document.querySelectorAll('.take').length === {COUNT + 6}")
    followed.until("document.getAnimations().length === 0")
    assert set(order(followed)[:6]) == set(new) and order(followed)[-1] == key
    assert followed.evaluate("document.activeElement.dataset.key") == key
    assert abs(followed.evaluate(top) - before) < 2


def test_a_menu_that_is_open_is_left_alone_when_news_come(followed: Browser, job: Path) -> None:
    menu = "document.getElementById('sort')"
    followed.evaluate(f"{menu}.focus(), {menu}.value = 'noise'")  # chosen, not yet confirmed
    hang_takes(job, 1, first=COUNT)
    followed.until(f"document.querySelectorAll('.take').length === {COUNT + 1}")
    assert followed.evaluate(f"[document.activeElement.id, {menu}.value]") == ["sort", "noise"]


def test_choices_made_in_another_page_appear_by_themselves(
    followed: Browser, server: PageServer, visitor: dict[str, str], job: Path, wait_for: Wait
) -> None:
    first, second, third = order(followed)[:3]
    followed.press("k")
    wait_for(lambda: on_disk(job) == {first: "keep"})
    assert speak(server, "POST", "/choice", {"key": third, "choice": "reject"}, **visitor)[0] == 200
    followed.until(f"document.querySelector('[data-key=\"{third}\"]').dataset.choice === 'reject'")
    followed.press("k")
    wait_for(lambda: on_disk(job) == {first: "keep", second: "keep", third: "reject"})
    followed.until("document.getElementById('counts').textContent.includes('2 kept  ·  1 rejected')")


def test_an_answer_that_comes_late_does_not_undo_newer_news(
    followed: Browser, server: PageServer, visitor: dict[str, str]
) -> None:
    first, _, third = order(followed)[:3]
    followed.evaluate(
        "window.held = new Promise((release) => { window.release = release; }), window.really = fetch, window.late = 0,"
        "window.fetch = async (...asked) => {"
        "  const answer = await really(...asked); late += 1; await held; return answer; }, 1"
    )
    followed.press("k")
    followed.until("late === 1")
    assert speak(server, "POST", "/choice", {"key": third, "choice": "reject"}, **visitor)[0] == 200
    followed.until(f"document.querySelector('[data-key=\"{third}\"]').dataset.choice === 'reject'")
    assert followed.evaluate(f"document.querySelector('[data-key=\"{first}\"]').dataset.choice") == "keep"
    followed.evaluate("release(), new Promise((answer) => setTimeout(answer))")
    followed.until("document.getElementById('counts').textContent.includes('1 kept  ·  1 rejected')")


def test_a_file_of_choices_changed_by_hand_is_shown_at_once(followed: Browser, job: Path) -> None:
    first = order(followed)[0]
    (job / "choices.json").write_text(json.dumps({first: "reject"}), "utf-8")
    followed.until(f"document.querySelector('[data-key=\"{first}\"]').dataset.choice === 'reject'")


def test_how_far_a_running_job_is_can_be_seen(followed: Browser, job: Path) -> None:
    work = "document.getElementById('work')"
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    left = work_on(job, "composition-9-take9", 0.9, ended.pid)
    part = work_on(job, "composition-2-take5", 0.42, os.getpid())
    part.with_name(f"{part.name}0").mkdir()  # so new that it has said nothing yet
    followed.until(f"{work}.textContent.includes('composition 2 · take 5 42 %')")
    assert "slomo glitch" in followed.evaluate(f"{work}.textContent")
    assert "take 9" not in followed.evaluate(f"{work}.textContent"), "its worker is dead"
    work_on(job, "composition-2-take5", 0.8, os.getpid())
    followed.until(f"{work}.textContent.includes('80 %')")
    part.rename(left / "done")
    followed.until(f"{work}.hidden")


def test_a_page_outlives_a_restart_of_its_server_and_then_knows_what_it_missed(
    browser: Browser, wall: JobWall, job: Path
) -> None:
    with PageServer({"select": wall}) as server:
        browser.open(server.guard.address)
        browser.until(UP)
        port, token = server.guard.port, server.guard.token
    browser.until(DOWN)
    assert "disconnected" in browser.evaluate(TROUBLE)
    assert browser.evaluate("document.getElementById('trouble').getBoundingClientRect().height") > 0
    first = order(browser)[0]
    browser.press("k")  # nobody is there to write it down
    browser.until(f"{TROUBLE}.includes('does not answer')")
    assert browser.evaluate(f"document.querySelector('[data-key=\"{first}\"]').dataset.choice") == ""
    hang_takes(job, 1, first=COUNT)
    with PageServer({"select": JobWall(job)}, port, token=token):
        browser.until(f"{UP} && document.querySelectorAll('.take').length === {COUNT + 1}")
        browser.until("document.getElementById('trouble').hidden")
        browser.call("Page.navigate", url="about:blank")


def test_a_server_begun_anew_with_another_token_is_told_apart(browser: Browser, wall: JobWall) -> None:
    with PageServer({"select": wall}) as server:
        browser.open(server.guard.address)
        browser.until(UP)
        port = server.guard.port
    browser.until(DOWN)
    with PageServer({"select": wall}, port) as again:
        browser.until(f"{TROUBLE}.includes('open the address that it printed')")
        browser.open(again.guard.address)
        browser.until(f"{UP} && document.getElementById('trouble').hidden")
        browser.call("Page.navigate", url="about:blank")


def test_a_broken_file_of_choices_is_said_on_the_page_until_it_is_put_away(
    followed: Browser, job: Path, wait_for: Wait
) -> None:
    first, second = order(followed)[:2]
    broken = '{"%s": "keep",}' % first  # noqa: UP031
    (job / "choices.json").write_text(broken, "utf-8")
    followed.until(f"{TROUBLE}.includes('choices.json cannot be read whole (line 1')")
    assert followed.evaluate(f"document.querySelector('[data-key=\"{first}\"]').dataset.choice") == "keep"
    followed.evaluate(f"document.querySelector('[data-key=\"{second}\"]').click()")
    followed.press("r")
    wait_for(lambda: (job / "choices.broken-1.json").is_file())
    followed.until(f"{TROUBLE}.includes('it is kept as choices.broken-1.json')")
    wait_for(lambda: on_disk(job) == {first: "keep", second: "reject"})
    assert (job / "choices.broken-1.json").read_text("utf-8") == broken
    followed.evaluate("document.getElementById('trouble').click()")
    assert followed.evaluate("document.getElementById('trouble').hidden")


# ---- the feed


class Told:
    """A socket whose page is a list."""

    def __init__(self) -> None:
        self.heard: dict[str, Any] = {}
        self.news = asyncio.Event()
        self.gone = asyncio.Event()

    async def accept(self) -> None:
        pass

    async def receive(self) -> dict[str, str]:
        await self.gone.wait()
        return {"type": "websocket.disconnect"}

    async def send_text(self, text: str) -> None:
        self.heard |= json.loads(text)
        self.news.set()

    async def until(self, question: Callable[[dict[str, Any]], bool]) -> None:
        async with asyncio.timeout(20):
            while not question(self.heard):
                self.news.clear()
                await self.news.wait()


def watches() -> list[asyncio.Task[Any]]:
    return [t for t in asyncio.all_tasks() if getattr(t.get_coro(), "__name__", "") == "_keep_watch"]


def test_many_pages_are_told_by_one_watch_which_ends_with_the_last() -> None:
    looks = 0

    def look() -> dict[str, Any]:
        nonlocal looks
        looks += 1
        return {"looks": looks}

    async def play() -> None:
        feed, pages = Feed(look, every_s=0.001), [Told() for _ in range(5)]
        served = [asyncio.create_task(feed.serve(cast(WebSocket, page))) for page in pages]
        for page in pages:
            await page.until(lambda heard: heard.get("looks", 0) > 3)
        assert len(watches()) == 1
        for page in pages:
            page.gone.set()
        await asyncio.gather(*served)
        async with asyncio.timeout(20):
            await asyncio.gather(*watches())
        late = Told()
        serving = asyncio.create_task(feed.serve(cast(WebSocket, late)))
        before = looks
        await late.until(lambda heard: heard.get("looks", 0) > before)
        late.gone.set()
        await serving

    asyncio.run(play())


def test_a_look_that_fails_is_told_once_and_the_next_one_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    fails = True

    def look() -> dict[str, Any]:
        if fails:
            raise OSError("the disk is gone")
        return {"wall": 1}

    async def play() -> None:
        nonlocal fails
        feed, page = Feed(look, every_s=0.001), Told()
        serving = asyncio.create_task(feed.serve(cast(WebSocket, page)))
        await page.until(lambda heard: heard.get("trouble") == "the disk is gone")
        fails = False
        await page.until(lambda heard: heard == {"trouble": "", "wall": 1})
        page.gone.set()
        await serving

    asyncio.run(play())
    assert caplog.text.count("the disk is gone") == 1


def test_only_what_has_changed_is_told(server: PageServer, visitor: dict[str, str], job: Path) -> None:
    address = f"ws://127.0.0.1:{server.guard.port}/follow"
    with connect(address, additional_headers=visitor, proxy=None) as page:
        told = json.loads(page.recv(timeout=20))
        assert len(told["wall"]["takes"]) == COUNT and told["work"] == [] and told["trouble"] == ""
        work_on(job, "composition-1-take9", 0.5, os.getpid())
        assert set(json.loads(page.recv(timeout=20))) == {"work"}
        hang_takes(job, 1, first=COUNT)
        assert set(json.loads(page.recv(timeout=20))) == {"wall"}


def test_a_look_opens_no_take_again(wall: JobWall, job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from installation.stills.archive import Archive

    opened: list[str] = []
    really = Archive.open

    def count(self: Archive, stage: str, key: str) -> Any:
        opened.append(key)
        return really(self, stage, key)

    monkeypatch.setattr(Archive, "open", count)
    state = wall.news()["wall"]
    assert wall.news()["wall"] is state and wall.state() is state
    hang_takes(job, 1, first=COUNT)
    assert len(wall.news()["wall"]["takes"]) == COUNT + 1 and len(opened) == 1


def test_a_wall_of_many_takes_holds_no_file_open(job: Path) -> None:
    before = psutil.Process().num_fds()
    wall = JobWall(job)
    for key in wall.takes:
        assert wall.picture(key, 640)
    assert psutil.Process().num_fds() == before


@pytest.fixture(autouse=True)
def _quiet(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "browser" in request.fixturenames and "page" not in request.fixturenames:
        request.getfixturevalue("browser").complaints.clear()  # a browser says of itself that a server is not there
