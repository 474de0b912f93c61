"""Workers as a job meets them: several at once, one that dies, one that is halted, and whose turn it is."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import deeds
import psutil
import pytest
from printing import QUICK, halted, paint, pixels_of, still

from installation.stills import engines, tasks
from installation.stills.tasks import Task

pytestmark = pytest.mark.usefixtures("workers")


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], dict[str, str]]:
    """Three pictures, and the pixels of their prints when nothing happens."""
    folder = tmp_path_factory.mktemp("calm")
    pictures = [paint(folder / f"flower{n}.png", n) for n in range(3)]
    assert still(*pictures, "--out", folder / "prints", *QUICK) == 0
    return pictures, pixels_in(folder / "prints")


def pixels_in(prints: Path) -> dict[str, str]:
    return {path.name: pixels_of(path) for path in prints.glob("*.tif")}


@pytest.fixture(scope="module")
def cluster() -> Iterator[engines.Ray]:
    """Ray on this machine, begun once for the tests that look at it."""
    engine = engines.Ray(slots=1)
    yield engine
    engine.close()


@pytest.fixture
def crew(monkeypatch: pytest.MonkeyPatch) -> Iterator[engines.Local]:
    """Two workers that do deeds instead of stages."""
    monkeypatch.setattr(tasks, "perform", deeds.act)
    engine = engines.Local(2)
    yield engine
    engine.close()


def task(name: str, folder: Path) -> Task:
    return Task("clean", {}, "", (), 0, name, name, str(folder))


def run(engine: engines.Local, *todo: Task) -> list[Any]:
    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*(engine.run(one) for one in todo), return_exceptions=True)

    return asyncio.run(all_at_once())


def test_a_task_that_kills_each_worker_ends_alone_and_its_neighbour_is_not_even_begun_again(
    crew: engines.Local, tmp_path: Path
) -> None:
    fatal, neighbour = run(crew, task("fatal", tmp_path), task("neighbour", tmp_path))
    assert isinstance(fatal, engines.WorkerLost) and "died 3 times" in str(fatal) and neighbour == 1.0
    assert (tmp_path / "neighbour").read_text() == "begun\n"
    assert run(crew, task("next", tmp_path)) == [1.0]


def test_what_a_task_raises_is_told_as_it_is_and_its_worker_goes_on(crew: engines.Local, tmp_path: Path) -> None:
    wrong, good = run(crew, task("wrong", tmp_path), task("good", tmp_path))
    assert isinstance(wrong, ValueError) and str(wrong) == "there is nothing on it" and good == 1.0
    assert run(crew, task("wrong", tmp_path), task("good", tmp_path))[1] == 1.0


@pytest.mark.parametrize("engine", [["--jobs", "2"], ["--engine", "ray", "--jobs", "2"]], ids=["local", "ray"])
def test_a_batch_that_loses_a_worker_makes_the_same_prints(
    tmp_path: Path, wait_for: Callable[..., Any], calm: tuple[list[Path], dict[str, str]], engine: list[str]
) -> None:
    pictures, expected = calm
    with halted("clean", tmp_path, wait_for, *pictures, "--out", tmp_path / "prints", *QUICK, *engine) as (job, worker):
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: job.poll() is not None, within_s=180)
        assert job.returncode == 0, (tmp_path / "log").read_text()
    assert pixels_in(tmp_path / "prints") == expected


def test_of_two_jobs_at_once_one_goes_on_while_the_other_is_halted_and_the_prints_are_the_same(
    tmp_path: Path, wait_for: Callable[..., Any], calm: tuple[list[Path], dict[str, str]]
) -> None:
    (pictures, expected), out = calm, tmp_path / "prints"
    with halted("clean", tmp_path, wait_for, *pictures, "--out", out, *QUICK, "--jobs", "2") as (job, worker):
        wait_for(lambda: len(list(out.glob("*.json"))) == 2, within_s=60)
        os.kill(worker, signal.SIGCONT)
        wait_for(lambda: job.poll() is not None, within_s=60)
        assert job.returncode == 0, (tmp_path / "log").read_text()
    assert pixels_in(out) == expected


def test_no_more_than_the_slots_are_let_in_at_once_and_the_deepest_come_first() -> None:
    inside, most, order = 0, 0, []

    async def pass_through(gate: engines.Turnstile, depth: int) -> None:
        nonlocal inside, most
        async with gate.turn(depth):
            inside, order[len(order) :] = inside + 1, [depth]
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async def crowd() -> None:
        gate = engines.Turnstile(2)
        await asyncio.gather(*(pass_through(gate, depth) for depth in (1, 1, 1, 4, 2, 3)))

    asyncio.run(crowd())
    assert most == 2 and order == [1, 1, 4, 3, 2, 1]


def test_a_still_that_was_just_served_goes_on_before_others_begin_so_that_the_first_print_is_there_soon() -> None:
    order: list[str] = []

    async def carry(gate: engines.Turnstile, name: str) -> None:
        for depth in (1, 2, 3):
            async with gate.turn(depth):
                order.append(f"{name}{depth}")
                await asyncio.sleep(0)

    async def two() -> None:
        gate = engines.Turnstile(1)
        await asyncio.gather(carry(gate, "a"), carry(gate, "b"))

    asyncio.run(two())
    assert order == ["a1", "a2", "a3", "b1", "b2", "b3"]


def test_a_turn_that_ends_in_an_error_is_handed_on() -> None:
    async def fail_then_pass() -> str:
        gate = engines.Turnstile(1)
        with pytest.raises(ValueError, match="torn"):
            async with gate.turn(1):
                raise ValueError("torn")
        async with gate.turn(1):
            return "passed"

    assert asyncio.run(asyncio.wait_for(fail_then_pass(), 20)) == "passed"


def test_a_ray_of_this_machine_is_heard_by_this_machine_alone_and_prints_nothing(
    cluster: engines.Ray, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    from ray._private import worker

    caplog.set_level("INFO", "installation.stills")
    inside = psutil.Process().children(recursive=True)
    heard = {one.laddr.ip for process in inside for one in connections_of(process) if one.status == "LISTEN"}
    assert {address.removeprefix("::ffff:") for address in heard} == {"127.0.0.1"}
    worker.print_to_stdstream({"lines": ["infinite oom retries"]}, ignore_prefix=False)
    assert "oom" not in "".join(capfd.readouterr()) and "ray: infinite oom retries" in caplog.text


def connections_of(process: psutil.Process) -> list[Any]:
    try:
        return process.net_connections("tcp")
    except psutil.NoSuchProcess:
        return []


def test_a_task_that_runs_out_of_memory_on_ray_ends_in_one_line(
    cluster: engines.Ray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from ray.exceptions import OutOfMemoryError

    assert os.environ["RAY_task_oom_retries"] == str(engines.TRIES - 1)  # noqa: SIM112 (as Ray reads it)

    class Killed:
        def options(self, **needs: Any) -> Killed:
            return self

        async def remote(self, task: Task) -> float:
            raise OutOfMemoryError("Task was killed due to the node running low on memory.\nMemory on the node ...")

    monkeypatch.setattr(cluster, "_perform", Killed())
    (lost,) = run(cluster, task("large", tmp_path))  # type: ignore[arg-type]
    assert isinstance(lost, engines.WorkerLost) and "out of memory" in str(lost) and "\n" not in str(lost)
