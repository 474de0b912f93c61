"""The file of choices: written by several pages at once and by hand, and nothing in it is ever lost."""

from __future__ import annotations

import http.client
import json
import logging
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hung import hang_takes, on_disk, select_process

from installation.stills import choices
from installation.stills.chain import Chain
from installation.stills.choices import alone, change_choices, read_choices
from installation.stills.choosing import JobWall
from installation.stills.job import Job
from installation.stills.takes import find_takes

FOUR = [f"{i + 4096:020x}" for i in range(4)]


def test_two_pages_in_two_processes_keep_all_that_was_chosen_in_either(job: Path) -> None:
    keys = list(find_takes(job))
    answers: list[int] = []

    def choose(port: int, bears: dict[str, str], mine: list[str]) -> None:
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=40)
        for key in mine:
            asked.request("POST", "/choice", json.dumps({"key": key, "choice": "keep"}), bears)
            answer = asked.getresponse()
            answer.read()
            answers.append(answer.status)

    with select_process(job) as (_, one, bears_one), select_process(job) as (_, two, bears_two):
        halves = ((one, bears_one, keys[::2]), (two, bears_two, keys[1::2]))
        artists = [threading.Thread(target=choose, args=half) for half in halves]
        for artist in artists:
            artist.start()
        for artist in artists:
            artist.join()
    assert set(answers) == {200} and on_disk(job) == dict.fromkeys(keys, "keep")


def test_two_walls_know_each_others_choices_and_either_may_take_one_back(job: Path) -> None:
    one, two = JobWall(job), JobWall(job)
    first, second, *_ = one.takes
    one.judge(first, "keep")
    told = two.judge(second, "reject")
    assert {t["key"]: t["choice"] for t in told["takes"] if t["choice"]} == {first: "keep", second: "reject"}
    two.judge(first, "")
    assert on_disk(job) == {second: "reject"}
    assert {t["key"] for t in one.state()["takes"] if t["choice"]} == {second}


def test_changes_wait_for_each_other(tmp_path: Path) -> None:
    began, go_on = threading.Event(), threading.Event()

    def slowly(said: dict[str, str]) -> dict[str, str]:
        began.set()
        assert go_on.wait(20)
        return said | {"a": "keep"}

    first = threading.Thread(target=change_choices, args=(tmp_path, slowly))
    first.start()
    assert began.wait(20)
    second = threading.Thread(target=change_choices, args=(tmp_path, lambda said: said | {"b": "reject"}))
    second.start()
    go_on.set()
    first.join()
    second.join()
    assert on_disk(tmp_path) == {"a": "keep", "b": "reject"}


def test_a_page_that_was_killed_while_it_held_the_file_holds_up_nobody(tmp_path: Path) -> None:
    lock = tmp_path / ".work" / "choices.lock"
    code = (
        "import sys; from pathlib import Path; from installation.stills.choices import alone\n"
        "with alone(Path(sys.argv[1])): print('mine', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout and child.stdout.readline() == "mine\n"
        child.kill()
    assert change_choices(tmp_path, lambda said: said | {"a": "keep"}).said == {"a": "keep"}


def test_a_page_that_holds_the_file_for_ever_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "PATIENCE_S", 0.05)
    with alone(tmp_path / ".work" / "choices.lock"), pytest.raises(OSError, match="another page has held it"):
        change_choices(tmp_path, dict)
    assert on_disk(tmp_path) == {}


BROKEN = {
    "a comma too many": '{\n "%s": "keep",\n "%s": "reject",\n}',
    "a comma too few": '{"%s": "keep" "%s": "reject"}',
    "torn": '{"%s": "keep", "%s": "reject", "0000000000000000',
    "a word that is no choice": '{"%s": "keep", "%s": "reject", "00000000000000001002": "kep"}',
    "a comment": '{"%s": "keep", // the best\n "%s": "reject"}',
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_kept_aside_and_choices_begin_from_what_can_be_had(
    job: Path, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = broken % tuple(FOUR[:2])
    (job / "choices.json").write_text(text, "utf-8")
    with caplog.at_level(logging.WARNING):
        wall = JobWall(job)
    assert "choices.json cannot be read whole" in caplog.text, "said in the terminal"
    told = wall.state()
    assert {t["key"]: t["choice"] for t in told["takes"] if t["choice"]} == {FOUR[0]: "keep", FOUR[1]: "reject"}
    assert "cannot be read whole" in told["notice"]
    assert (job / "choices.json").read_text("utf-8") == text, "looking changes nothing"
    told = wall.judge(FOUR[3], "keep")
    assert on_disk(job) == {FOUR[0]: "keep", FOUR[1]: "reject", FOUR[3]: "keep"}
    assert (job / "choices.broken-1.json").read_text("utf-8") == text
    assert "choices.broken-1.json" in told["notice"] and "choices.broken-1.json" in caplog.text


@pytest.mark.parametrize("text", ['["keep"]', "null", "\x00\x01", '"keep"', "[" * 4000])
def test_what_is_no_file_of_choices_at_all_is_kept_too(job: Path, text: str) -> None:
    (job / "choices.json").write_text(text, "utf-8")
    wall = JobWall(job)
    assert "cannot be read whole" in wall.state()["notice"]
    wall.judge(FOUR[0], "keep")
    assert (job / "choices.broken-1.json").read_text("utf-8") == text and on_disk(job) == {FOUR[0]: "keep"}


def test_a_second_broken_file_does_not_take_the_name_of_the_first(job: Path) -> None:
    wall = JobWall(job)
    for number in (1, 2):
        (job / "choices.json").write_text(f"broken {number}", "utf-8")
        wall.judge(FOUR[0], "keep")
    kept = [(job / f"choices.broken-{number}.json").read_text("utf-8") for number in (1, 2)]
    assert kept == ["broken 1", "broken 2"]


def test_a_file_mended_by_hand_is_no_longer_complained_of(job: Path) -> None:
    (job / "choices.json").write_text('{"%s": "keep",}' % FOUR[0], "utf-8")  # noqa: UP031
    wall = JobWall(job)
    assert wall.state()["notice"]
    (job / "choices.json").write_text(json.dumps({FOUR[0]: "keep"}), "utf-8")
    assert wall.state()["notice"] == ""
    wall.judge(FOUR[1], "keep")
    assert not list(job.glob("choices.broken*"))


def test_a_file_saved_with_a_byte_order_mark_is_whole(tmp_path: Path) -> None:
    (tmp_path / "choices.json").write_text(json.dumps({"a": "keep"}), "utf-8-sig")
    assert (read_choices(tmp_path).said, read_choices(tmp_path).fault) == ({"a": "keep"}, "")


def test_where_nothing_was_chosen_yet_nothing_is_complained_of(tmp_path: Path) -> None:
    assert read_choices(tmp_path) == choices.Choices()
    (tmp_path / "choices.json").write_text("\n")
    assert read_choices(tmp_path) == choices.Choices()


def test_a_file_that_cannot_be_read_at_all_is_not_written_over(job: Path) -> None:
    (job / "choices.json").mkdir()
    wall = JobWall(job)
    assert "choices.json" in wall.state()["notice"]
    with pytest.raises(OSError):
        wall.judge(FOUR[0], "keep")
    assert (job / "choices.json").is_dir()


def test_the_print_chain_says_that_choices_are_broken_and_uses_what_can_be_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "choices.json").write_text('{"a": "keep",\n "b": "reject",}', "utf-8")
    chain = Chain(Job((), out=str(tmp_path)), cast(Any, SimpleNamespace(slots=1)))
    assert chain.choices == {"a": "keep", "b": "reject"}
    assert "choices.json: cannot be read whole (line 2" in capsys.readouterr().err


def test_two_jobs_that_teach_one_taste_forget_nothing_of_each_other(tmp_path: Path) -> None:
    from installation.stages.selection import taste

    file = tmp_path / "taste.npz"
    walls = []
    for number, name in enumerate(("garden", "harbour")):
        hang_takes(tmp_path / name, 6, first=20 * number)
        walls.append(JobWall(tmp_path / name, file))

    def teach(wall: JobWall) -> None:
        for key in list(wall.takes):
            wall.judge(key, "keep")

    artists = [threading.Thread(target=teach, args=(wall,)) for wall in walls]
    for artist in artists:
        artist.start()
    for artist in artists:
        artist.join()
    assert set(taste.recall(file).takes) == {*walls[0].takes, *walls[1].takes}
