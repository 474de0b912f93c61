"""The benches: every line says its unit, what fails costs its own line, and what is called the same is the same."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from bench_steps import crash, good, half_good, hang
from torch.utils.flop_counter import FlopCounterMode

from installation.bending.layers import Bends
from installation.bending.operations import OPERATIONS
from installation.generators.stylegan2 import Settings, StyleGAN2
from installation.machine import bench_live, gpu, peak
from installation.machine.gpu import interop, plan, running, twins
from installation.machine.rows import FAILED, LEFT_OUT, NO_TIME, OK, Row, Table

ROOT = Path(__file__).resolve().parents[2]
ABSENT = "mediapipe av ray h5py pyvips tifffile soundfile sounddevice pymatting starlette uvicorn websockets"
HIDES = f"""
import importlib.abc, sys
class Hides(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT.split()}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hides())
"""
TINY, TINY_BASE = plan.TINY.twin_px, plan.TINY.channel_base


def bench(*words: str, path: tuple[Path, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "installation", "bench", *words]
    places = os.pathsep.join(map(str, (*path, ROOT)))
    environment = {**os.environ, "PYTHONPATH": places}
    return subprocess.run(command, capture_output=True, text=True, timeout=1800, cwd=ROOT, env=environment)


# ---- bench gpu, whole


def test_every_line_of_the_gpu_bench_runs_on_a_machine_that_has_little(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(HIDES)
    answer = bench("gpu", "--tiny", "--minutes", "60", "--json", str(tmp_path / "gpu.json"), path=(tmp_path,))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    told = json.loads((tmp_path / "gpu.json").read_text())
    rows = [Row(**row) for row in told["rows"]]
    printed = answer.stdout.splitlines()
    assert all(any(line.startswith(row.part) for line in printed) for row in rows)
    for row in rows:
        assert row.unit, f"{row.part} has no unit"
        assert row.state in (OK, LEFT_OUT), f"{row.part}: {row.note}"
        assert row.value is not None or row.note, f"{row.part} says neither how much nor why not"
    for step in plan.steps_of(plan.TINY):
        assert any(row.part.startswith(step.part) for row in rows), f"no line of {step.part}"
    if not torch.cuda.is_available():
        left_out = {row.part for row in rows if row.state == LEFT_OUT}
        assert {"GPU", "captured graph against eager", "upload from CUDA to GL"} <= left_out


def test_all_bends_are_compared() -> None:
    assert sorted(plan.operations()) == sorted(OPERATIONS)


def test_what_matters_most_comes_first() -> None:
    parts = [step.part for step in plan.steps_of(plan.WHOLE)]
    order = ("import torch", "GPU", "StyleGAN2, random", "bend ablate", "slo-mo", "upscaler", "style transfer")
    order += ("captured graph", "upload from CUDA", "StyleGAN2 256 px", "StyleGAN2 1024 px", "whole loop at 1280x720")
    order += ("style transfer, one step at 2500", "upscaling", "training step")
    places = [next(n for n, part in enumerate(parts) if part.startswith(name)) for name in order]
    assert places == sorted(places)


# ---- steps that fail; these run in a process of their own, by their names in their module


def step(act: object, need_s: float = 30.0) -> running.Step:
    return running.Step(act.__name__, "ms", need_s, act)  # type: ignore[attr-defined,arg-type]


def test_a_step_that_raises_hangs_or_crashes_costs_its_own_line_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SHARE", 0.0)
    steps = [step(good), step(half_good), step(good), step(crash), step(good), step(hang, 0.1), step(good)]
    rows = list(running.run(steps, 3600))
    assert [(row.part, row.state) for row in rows] == [
        *(("good", OK), ("half", OK), ("half_good", FAILED), ("good", OK)),
        *(("crash", FAILED), ("good", OK), ("hang", FAILED), ("good", OK)),
    ]
    notes = {row.part: row.note for row in rows}
    assert notes["half_good"] == "RuntimeError: a kernel was not there"
    assert "ended with 3" in notes["crash"] and "was ended" in notes["hang"]
    assert all(row.unit == "ms" for row in rows)
    assert gpu.verdict(rows) == 1 and gpu.verdict(rows[:2]) == 0


def test_what_no_longer_fits_is_listed_and_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "Worker", None)  # calling it would raise
    rows = list(running.run([step(good), step(half_good)], 1.0))
    assert [(row.part, row.state, row.unit) for row in rows] == [("good", NO_TIME, "ms"), ("half_good", NO_TIME, "ms")]
    assert gpu.verdict(rows) == 1


def test_the_json_is_whole_after_every_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path, sent = tmp_path / "gpu.json", []

    def rows(steps: object, within_s: float) -> Iterator[Row]:
        for row in (Row("GPU", 141.0, "GB", note="a card"), Row("b", None, "ms", note="why", state=FAILED)):
            sent.append(row)
            yield row
            told = json.loads(path.read_text())
            assert [Row(**kept) for kept in told["rows"]] == sent
            assert told["machine"]["gpu"] == "a card"

    monkeypatch.setattr(gpu, "run", rows)
    assert gpu.main(Namespace(tiny=True, minutes=1.0, json=path, markdown=False)) == 1
    assert len(sent) == 2


# ---- twins


def changed(monkeypatch: pytest.MonkeyPatch, change: object) -> None:
    """From now on one of two twins is not what it should be."""
    pair = twins.pair

    def uneven(make: object) -> tuple[object, object]:
        mine, twin = pair(make)
        change(mine)  # type: ignore[operator]
        return mine, twin

    monkeypatch.setattr(twins, "pair", uneven)


def louder(generator: StyleGAN2) -> None:
    layer = next(layer for layer in generator.synthesis.layers if layer.name == "b32.torgb")
    layer.bias.add_(0.05)


def without_noise(generator: StyleGAN2) -> None:
    generator.noise = "none"


def unbent(generator: StyleGAN2) -> None:
    generator.bends.shed(1)


def test_twins_that_are_equal_pass() -> None:
    rows = [*twins.twin_generator(TINY, TINY_BASE), *twins.twin_bend("rotate", TINY, TINY_BASE)]
    assert [row.state for row in rows] == [OK, OK]


@pytest.mark.parametrize("change", [louder, without_noise])
def test_a_generator_that_is_not_its_twin_fails(monkeypatch: pytest.MonkeyPatch, change: object) -> None:
    changed(monkeypatch, change)
    (row,) = twins.twin_generator(TINY, TINY_BASE)
    assert row.state == FAILED


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_a_bend_that_does_nothing_on_one_side_fails(monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    changed(monkeypatch, unbent)
    (row,) = twins.twin_bend(operation, TINY, TINY_BASE)
    assert row.state == FAILED


def test_a_bend_that_does_nothing_on_either_side_fails_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bends, "apply", lambda self, name, x: x)
    (row,) = twins.twin_bend("rotate", TINY, TINY_BASE)
    assert row.state == FAILED and "no more than the twins differ" in row.note


def test_pictures_that_are_not_finite_or_plain_grey_are_no_twins() -> None:
    ramp, may = np.linspace(-1, 1, 64), twins.SMOOTH
    assert twins.compare("same", ramp, ramp, may).state == OK
    assert twins.compare("nan", np.where(ramp > 0.9, np.nan, ramp), ramp, may).state == FAILED
    assert twins.compare("grey", ramp * 0, ramp * 0, may).state == FAILED
    one_off = ramp.copy()
    one_off[3] += 0.2
    assert twins.compare("one number", one_off, ramp, may).state == FAILED
    with pytest.raises(ValueError, match="shape"):
        twins.compare("shape", ramp[1:], ramp, may)


def test_a_copy_to_the_host_is_seen() -> None:
    away = torch.empty(3, device="meta")  # any other device than the CPU; what copies from it raises, but is counted
    with interop.host_copies() as counted:
        away.permute(0) + 1
        torch.empty(3).clone().copy_(torch.ones(3))
        assert counted.copies == 0
        with pytest.raises(NotImplementedError):
            away.cpu()
        assert counted.copies == 1
        with pytest.raises(NotImplementedError):
            torch.empty(3).copy_(away)
        assert counted.copies == 2


# ---- what the generator makes of the machine


@pytest.mark.parametrize("extend", [0, 1])
def test_operations_are_counted_as_torch_counts_them(extend: int) -> None:
    """Torch's counter knows convolutions and matrix products, as they are called: these are all that matters."""
    net = twins.lively_net(TINY, 4096)
    generator = StyleGAN2(net, Settings(dtype="float32", extend=extend), device="cpu")
    generator.synthesis.fused = False  # torch's counter does not know the fused operators
    ws = torch.zeros(1, net.config.num_ws, net.config.w_dim)
    with FlopCounterMode(display=False) as counter:
        generator.synthesis(ws)
    counted = peak.flops_of(generator)
    assert counted == pytest.approx(counter.get_total_flops(), rel=0.05)


def test_the_live_bench_names_every_part_with_its_unit_and_the_share_of_the_peak(tmp_path: Path) -> None:
    text = (ROOT / "installation/shows/bloom.toml").read_text("utf-8")
    small, changed = re.subn(r"(?m)^(size|working_size) = .*$", r"\1 = [128, 72]", text)
    assert changed == 2
    show, written = tmp_path / "small.toml", tmp_path / "bench.json"
    show.write_text(small, "utf-8")
    answer = bench("live", "--show", str(show), "--frames", "3", "--json", str(written))
    assert answer.returncode == 0, answer.stderr
    rows = {row["part"].strip(): Row(**row) for row in json.loads(written.read_text())["rows"]}
    for part in ("generator", "generator + bends", "effects", "upload", "present", "feature sound", "loop total"):
        assert any(name.startswith(part) and row.unit == "ms" for name, row in rows.items()), f"no {part} in {rows}"
    assert rows["plain : ours"].unit == "times"
    line = next(line for line in answer.stdout.splitlines() if line.startswith("plain : ours"))
    assert " times" in line and " ms" not in line
    share = rows["generator's share of the machine's peak"]
    assert share.unit == "%" and 0 < share.value < 130
    assert "GFLOP a picture" in share.note and "matrix product in" in share.note
    assert share.part in answer.stdout


def test_a_table_for_the_readme_has_as_many_cells_in_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(("high", "peak_mb"), markdown=True)
    whole = Row("a", 1234.5, "ms", 2000.0, peak_mb=3.0, note="n")
    table.add_all([whole, replace(whole, value=None, high=None, peak_mb=None, state=FAILED, note="why")])
    lines = capsys.readouterr().out.splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2] == "| a | 1,234 ms | 2,000 | 3.00 | n |"
    assert "failed: why" in lines[3]


def test_where_a_picture_takes_long_few_are_painted_and_the_one_that_warmed_up_does_not_count(monkeypatch) -> None:
    taken = iter(range(20))
    assert bench_live.in_time([lambda: next(taken)] * 6, 2) == [2, 3, 4, 5]
    monkeypatch.setattr(bench_live, "TURN_S", -1.0)
    assert bench_live.in_time([lambda: next(taken)] * 6, 2) == [7]
