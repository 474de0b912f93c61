"""The select page in a real browser: keys, choices on the disk, orders, two side by side, and who may speak."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browser import Browser
from hung import COUNT, on_disk, order, select_process, speak

from installation.pages.server import PageServer
from installation.signals import Still
from installation.stills.archive import Archive
from installation.stills.choosing import JobWall
from installation.stills.takes import find_takes, made_how

Wait = Callable[..., object]


def here(page: Browser) -> str:
    """The take that the keys speak of."""
    return str(page.evaluate("document.activeElement.dataset.key"))


def sort_by(page: Browser, name: str) -> None:
    menu = "document.getElementById('sort')"
    page.evaluate(f"{menu}.value = '{name}', {menu}.dispatchEvent(new Event('change'))")


# ---- what an artist does


def test_every_take_hangs_and_the_first_is_looked_at(page: Browser, server: PageServer) -> None:
    assert len(order(page)) == COUNT and here(page) == order(page)[0]
    page.until("[...document.images].slice(0, 6).every((image) => image.complete && image.naturalWidth)")
    assert page.evaluate("document.getElementById('counts').textContent").startswith("12 takes")
    assert server.guard.token not in page.evaluate("location.href")


def test_arrow_keys_walk_over_the_sheet(page: Browser) -> None:
    hung = order(page)
    columns = page.evaluate("getComputedStyle(document.getElementById('sheet')).gridTemplateColumns.split(' ').length")
    assert columns > 1
    page.press("ArrowRight")
    assert here(page) == hung[1]
    page.press("ArrowDown")
    assert here(page) == hung[1 + columns]
    page.press("ArrowUp", "ArrowLeft", "ArrowLeft", "ArrowUp")
    assert here(page) == hung[0]
    page.press("End")
    assert here(page) == hung[-1]
    box = page.evaluate("(({top, bottom}) => [top, bottom])(document.activeElement.getBoundingClientRect())")
    assert box[0] >= 0 and box[1] <= page.evaluate("innerHeight"), "what is looked at is in view"


def test_keep_and_reject_are_on_the_disk_at_once_and_undone(page: Browser, job: Path, wait_for: Wait) -> None:
    first, second, third = order(page)[:3]
    page.press("k")
    wait_for(lambda: on_disk(job) == {first: "keep"})
    assert here(page) == second, "the next one is looked at"
    page.press("r")
    wait_for(lambda: on_disk(job) == {first: "keep", second: "reject"})
    page.until("document.getElementById('counts').textContent.includes('1 kept  ·  1 rejected  ·  10 to judge')")
    assert here(page) == third
    page.press("u")
    wait_for(lambda: on_disk(job) == {first: "keep"})
    assert here(page) == second
    page.press("Backspace")
    wait_for(lambda: on_disk(job) == {})
    assert here(page) == first


def test_keys_pressed_faster_than_the_disk_each_count(page: Browser, job: Path, wait_for: Wait) -> None:
    sort_by(page, "name")  # an order that choices do not change
    page.press("Home")
    hung = order(page)
    page.press("k", "k", "r", "k", "r", "r")
    expected = dict(zip(hung, ("keep", "keep", "reject", "keep", "reject", "reject"), strict=False))
    wait_for(lambda: on_disk(job) == expected)


def test_a_reload_shows_what_was_chosen(page: Browser, job: Path, server: PageServer, wait_for: Wait) -> None:
    first = order(page)[0]
    page.press("k")
    wait_for(lambda: on_disk(job) == {first: "keep"})
    page.open(f"http://127.0.0.1:{server.guard.port}/")
    assert page.evaluate(f"document.querySelector('[data-key=\"{first}\"]').dataset.choice") == "keep"


def test_another_sort_is_another_order(page: Browser) -> None:
    overall = order(page)
    sort_by(page, "noise")
    noisy = order(page)
    values = page.evaluate("[...document.querySelectorAll('.value')].map((value) => Number(value.textContent))")
    assert noisy != overall and sorted(noisy) == sorted(overall)
    assert values == sorted(values, reverse=True)
    page.press("S")
    assert order(page) == noisy[::-1]


def test_filters_show_kept_rejected_and_not_judged(page: Browser, job: Path, wait_for: Wait) -> None:
    first, second = order(page)[:2]
    page.press("k", "r")
    wait_for(lambda: len(on_disk(job)) == 2)
    page.press("f")
    assert len(order(page)) == COUNT - 2 and first not in order(page)
    page.press("f")
    assert order(page) == [first]
    page.press("f")
    assert order(page) == [second]
    page.press("f")
    assert len(order(page)) == COUNT


def test_two_takes_hang_side_by_side_and_the_better_one_is_kept(page: Browser, job: Path, wait_for: Wait) -> None:
    first, _, third = order(page)[:3]
    page.press(" ", "ArrowRight", "ArrowRight", " ", "c")
    shown = "[...document.querySelectorAll('dialog[open] figure')]"
    page.until(f"{shown}.length === 2")
    assert page.evaluate(f"{shown}.map((figure) => figure.dataset.key)") == [first, third]
    page.until("[...document.querySelectorAll('dialog img')].every((image) => image.complete && image.naturalWidth)")
    page.press("ArrowRight", "k", "ArrowLeft", "r")
    wait_for(lambda: on_disk(job) == {third: "keep", first: "reject"})
    page.press("Escape")
    page.until(f"document.activeElement.dataset.key === '{third}'")
    assert not page.evaluate("document.querySelector('dialog').open")


def test_the_large_view_shows_one_take_with_its_figures(page: Browser) -> None:
    hung = order(page)
    page.press("Enter")
    page.until("document.querySelectorAll('dialog[open] figure').length === 1")
    assert "colourfulness" in page.evaluate("document.querySelector('dialog').textContent")
    page.press("ArrowRight")
    assert page.evaluate("document.querySelector('dialog figure').dataset.key") == hung[1]
    page.press("Enter")
    page.until(f"document.activeElement.dataset.key === '{hung[1]}'")


def test_the_order_follows_the_taste_after_each_choice(page: Browser, job: Path, wait_for: Wait) -> None:
    page.press("s")
    assert "from 4 choices on" in page.evaluate("document.getElementById('taste').textContent")
    takes = {
        take["key"]: take["figures"]["contrast"]
        for take in page.evaluate("fetch('/takes').then((a) => a.json())")["takes"]
    }
    for key, contrast in list(takes.items())[::2]:
        page.evaluate(f"document.querySelector('[data-key=\"{key}\"]').click()")
        page.press("r" if contrast > 0.5 else "k")
        wait_for(lambda key=key: key in on_disk(job))
    page.until("document.getElementById('taste').textContent.includes('learnt from 6 choices')")
    contrasts = [takes[key] for key in order(page)]
    assert np.corrcoef(contrasts, np.arange(COUNT))[0, 1] > 0.6, "pale ones are kept, so pale ones hang first"


def test_a_choice_that_cannot_be_written_is_said_and_taken_back(
    page: Browser, wall: JobWall, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("installation.stills.choices.write_choices", full)
    first = order(page)[0]
    page.press("k")
    page.until("!document.getElementById('trouble').hidden")
    assert "No space left" in page.evaluate("document.getElementById('trouble').textContent")
    assert page.evaluate(f"document.querySelector('[data-key=\"{first}\"]').dataset.choice") == ""
    assert wall.state()["takes"][0]["choice"] == ""
    page.complaints.clear()  # the browser says of itself that the server answered 500


def test_everything_can_be_reached_and_is_named_for_a_screen_reader(page: Browser) -> None:
    tree = page.call("Accessibility.getFullAXTree")["nodes"]
    named = {(node["role"]["value"], node["name"]["value"]) for node in tree if "role" in node and "name" in node}
    roles = [role for role, _ in named]
    assert roles.count("option") >= COUNT and ("listbox", "takes") in named and ("radio", "kept") in named
    assert any(role == "option" and "composition 1 · take 1" in name for role, name in named)


# ---- who may speak


def test_only_this_machine_is_listened_to(server: PageServer) -> None:
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_the_pages_own_choice_is_taken(server: PageServer, visitor: dict[str, str], job: Path) -> None:
    key = next(iter(find_takes(job)))
    assert speak(server, "POST", "/choice", {"key": key, "choice": "keep"}, **visitor)[0] == 200
    assert on_disk(job) == {key: "keep"}


@pytest.mark.parametrize(
    "changed",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec_Fetch_Site": "cross-site"},
        {"Cookie": "installation-1=guess"},
        {"Cookie": ""},
        {"Host": "evil.example"},
        {"Content_Type": "text/plain"},
    ],
    ids=str,
)
def test_a_strangers_choice_is_refused(
    server: PageServer, visitor: dict[str, str], job: Path, changed: dict[str, str]
) -> None:
    choice = {"key": next(iter(find_takes(job))), "choice": "reject"}
    status, _, _ = speak(server, "POST", "/choice", choice, **(visitor | changed))
    assert status in (400, 403, 421) and on_disk(job) == {}


@pytest.mark.parametrize("path", ["/", "/takes", "/select.js", "/picture/00000000000000001000", "/?token=guess"])
def test_without_the_token_nothing_is_shown(server: PageServer, path: str) -> None:
    status, headers, body = speak(server, "GET", path)
    assert status == 403 and "Set-Cookie" not in headers and b"composition" not in body


def test_the_token_becomes_a_cookie_that_other_sites_cannot_send(server: PageServer) -> None:
    status, headers, _ = speak(server, "GET", f"/?token={server.guard.token}")
    assert status == 303 and headers["Location"] == "/"
    assert "HttpOnly" in headers["Set-Cookie"] and "SameSite=Strict" in headers["Set-Cookie"]


def test_a_name_bent_to_this_machine_is_refused(server: PageServer, visitor: dict[str, str]) -> None:
    for host in ("evil.example", f"evil.example:{server.guard.port}", "127.0.0.1:1", ""):
        assert speak(server, "GET", "/takes", **(visitor | {"Host": host}))[0] == 421


@pytest.mark.parametrize(
    "path",
    [
        "/picture/../../../../etc/passwd",
        "/picture/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/picture/selection-00000000000000000000",
        "/../choosing.py",
        "/server.py",
        "/picture/",
        "/picture/ffffffffffffffffffff",
    ],
)
def test_only_listed_takes_and_files_are_served(server: PageServer, visitor: dict[str, str], path: str) -> None:
    assert speak(server, "GET", path, **visitor)[0] == 404


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"[" * 4000, b'{"key": 1, "choice": "keep"}', b'{"key": "a", "choice": "burn"}', b"x" * 5000],
)
def test_bodies_that_are_no_choice_are_refused(
    server: PageServer, visitor: dict[str, str], body: bytes, job: Path
) -> None:
    assert speak(server, "POST", "/choice", body, **visitor)[0] == 400
    assert speak(server, "POST", "/choice", b"{}", **(visitor | {"Content_Length": "99999999999999"}))[0] == 400
    assert on_disk(job) == {}


def test_a_take_that_is_not_there_cannot_be_chosen(server: PageServer, visitor: dict[str, str], job: Path) -> None:
    assert speak(server, "POST", "/choice", {"key": "../../etc", "choice": "keep"}, **visitor)[0] == 404
    assert on_disk(job) == {}


def test_answers_forbid_scripts_frames_and_guessing(server: PageServer, visitor: dict[str, str]) -> None:
    _, headers, body = speak(server, "GET", "/", **visitor)
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
    page = Path(__file__).parents[2] / "installation" / "pages" / "select"
    told = body.decode() + "".join(path.read_text("utf-8") for path in sorted(page.glob("select.*")))
    assert not re.search(r"https?://|//cdn|@import|url\(", told), "the page needs nothing from elsewhere"


def test_a_picture_is_a_jpeg_on_white_paper(server: PageServer, visitor: dict[str, str], job: Path) -> None:
    import io

    from PIL import Image

    key = next(iter(find_takes(job)))
    status, headers, jpeg = speak(server, "GET", f"/picture/{key}?size=large", **visitor)
    assert status == 200 and headers["Content-Type"] == "image/jpeg"
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    assert image.size == (90, 90) and min(image.getpixel((2, 2))) > 250  # type: ignore[type-var,arg-type]


# ---- the job's folder


def test_choices_survive_a_kill_while_they_are_being_made(job: Path, wait_for: Wait) -> None:
    with select_process(job) as (child, port, bears):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        keys = list(find_takes(job))
        for key in keys[:5]:
            connection.request("POST", "/choice", json.dumps({"key": key, "choice": "keep"}), bears)
            assert connection.getresponse().read()
        os.kill(child.pid, signal.SIGKILL)
    assert on_disk(job) == dict.fromkeys(keys[:5], "keep")
    assert not list(job.glob(".choices*")), "nothing half written is left"
    assert {t["key"] for t in JobWall(job).state()["takes"] if t["choice"] == "keep"} == set(keys[:5])


def test_a_folder_without_takes_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected the folder of a job whose takes are made"):
        JobWall(tmp_path)


def test_a_take_measured_again_hangs_once_and_keeps_its_choice(job: Path) -> None:
    keys = list(find_takes(job))
    wall = JobWall(job)
    wall.judge(keys[0], "keep")
    archive = Archive(job / ".work")
    old = archive.open("selection", find_takes(job)[keys[0]].still.key)
    with archive.begin("selection", "f" * 20) as part:
        archive.write(part, Still(np.array(old.pixels), old.name, "f" * 20, 1, old.maps, old.notes, old.history))
    os.utime(archive.path("selection", "f" * 20) / "still.json", (2e9, 2e9))
    state = wall.state()
    assert len(state["takes"]) == COUNT
    assert [t["choice"] for t in state["takes"] if t["key"] == keys[0]] == ["keep"]
    assert find_takes(job)[keys[0]].still.key == "f" * 20


def test_what_goes_on_is_what_the_stage_would_choose(job: Path) -> None:
    from installation.stages import selection

    wall = JobWall(job)
    keys = list(wall.takes)
    for i, key in enumerate(keys[:7]):
        state = wall.judge(key, "keep" if i % 3 else "reject")
    stills = [take.still for take in find_takes(job).values()]
    chosen = selection.create(selection.Settings()).choose(stills, on_disk(job))
    assert {s.name for s in chosen} == {t["name"] for t in state["takes"] if t["goes_on"]}


def test_a_taste_file_is_filled_as_choices_are_made(job: Path, tmp_path: Path) -> None:
    from installation.stages.selection import taste

    wall = JobWall(job, tmp_path / "mine" / "taste.npz")
    keys = list(wall.takes)
    wall.judge(keys[0], "keep")
    wall.judge(keys[1], "reject")
    wall.judge(keys[0], "")
    memory = taste.recall(tmp_path / "mine" / "taste.npz")
    assert memory.takes == (keys[1],) and memory.kept == (False,)
    assert wall.state()["taste"]["earlier"] == 1, "and what is in it counts"


def test_drawn_pictures_are_kept_within_bounds(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wall = JobWall(job)
    key, *others = wall.takes
    jpeg = wall.picture(key, 640)
    assert wall.picture(key, 640) is jpeg
    monkeypatch.setattr("installation.stills.choosing.CACHE_BYTES", 3 * len(jpeg))
    for other in others:
        wall.picture(other, 640)
    assert wall._drawn_bytes == sum(map(len, wall._drawn.values())) <= 3 * len(jpeg)


def test_what_was_bent_is_told_in_a_line() -> None:
    bends = [{"name": "a", "operation": "melt", "layer": "flow.up1", "amount": 0.4}]
    assert made_how({"slomo_glitch": {"t": 0.31, "bends": bends}}) == "t 0.31, melt flow.up1"
    assert made_how({}) == ""
