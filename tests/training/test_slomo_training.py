"""Training the nets of the slo-mo glitch: scenes whose motion is known, runs that survive kill -9."""

import argparse
import contextlib
import json
import signal
import subprocess
import sys
import tomllib
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from installation.__main__ import main
from installation.bending.carrying import carried
from installation.bending.slomo import NetworkConfig, SloMo, open_nets
from installation.training import slomo
from installation.training.corpus import open_corpus
from installation.training.flow_losses import flow_losses
from installation.training.motion import make_scenes
from installation.training.slomo_run import Run, Settings, begin

WIDTHS = "4,6,8,8,8,8"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def stills() -> torch.Tensor:
    dice = torch.Generator().manual_seed(4)
    rough = torch.rand(6, 3, 12, 12, generator=dice)
    return torch.nn.functional.interpolate(rough, (64, 64), mode="bicubic").clamp(0, 1).mul(255).to(torch.uint8)


def small_run(pictures: Path, tmp_path: Path, **more: object) -> Run:
    values = {"size": 32, "device": "cpu", "widths": WIDTHS, "batch": 2, **more}
    settings = Settings(pictures, tmp_path / "model", tmp_path / "work", **values)  # type: ignore[arg-type]
    return Run(settings, open_corpus(pictures, 64, tmp_path / "work"))


def test_the_flows_of_a_scene_lead_from_frame_to_frame(stills):
    scenes = make_scenes(stills, 16, 32, torch.Generator().manual_seed(1))
    lit = (scenes.last.mean((1, 2, 3)) - scenes.first.mean((1, 2, 3))).abs() < 0.04  # where the light stayed
    pairs = [
        (scenes.first, scenes.last, scenes.forth),
        (scenes.last, scenes.first, scenes.back),
        (scenes.middle, scenes.first, scenes.to_first),
        (scenes.middle, scenes.last, scenes.to_second),
    ]
    assert lit.sum() > 4
    for here, there, flow in pairs:
        found = (carried(there, flow) - here).abs()[lit].median()
        assert found < 0.02, "but for what is hidden and what enters, the flow finds every pixel"
    assert scenes.forth.abs().max() > 3, "something moves"


def test_scenes_are_drawn_by_their_seed(stills):
    one, same, other = (make_scenes(stills, 2, 32, torch.Generator().manual_seed(s)).middle for s in (1, 1, 2))
    assert one.equal(same) and not one.equal(other)


def test_every_part_of_the_run_learns_and_the_model_it_leaves_opens(pictures: Path, tmp_path: Path) -> None:
    run = small_run(pictures, tmp_path)
    before = [p.clone() for p in run.nets.parameters()]
    for part in (0.0, 0.5, 0.9):
        run.active_s = part * run.settings.minutes * 60
        assert all(torch.isfinite(torch.tensor(value)) for value in run.step().values())
    assert all(not torch.equal(a, b) for a, b in zip(before, run.nets.parameters(), strict=True))
    run.sheet()
    folder = run.write_model()
    card = tomllib.loads((folder / "model.toml").read_text("utf-8"))
    assert card["sha256"] == sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    assert card["training"]["scenes_seen"] == run.scenes_seen > 0
    assert card["quality"]["flow_error_px"] > 0
    nets, digest = open_nets(folder)
    assert digest == card["sha256"]
    assert nets.flow.conv1.weight.allclose(run.average.flow.conv1.weight, atol=1e-3)
    assert (tmp_path / "work" / "sheet.png").stat().st_size > 500


def test_flows_come_closer_to_what_is_known(stills) -> None:
    torch.manual_seed(0)
    scenes = make_scenes(stills, 4, 32)
    nets = begin(SloMo(NetworkConfig((8, 8, 16, 16, 16, 16))))
    optimizer = torch.optim.Adam(nets.flow.parameters(), 0.003)
    wrong = []
    for _ in range(25):
        parts = flow_losses(*nets.flows(scenes.first, scenes.last), scenes)
        optimizer.zero_grad()
        torch.stack(list(parts.values())).sum().backward()
        optimizer.step()
        wrong.append(float(parts["flow"].detach()))
    assert wrong[-1] < 0.85 * wrong[0]


def test_a_resumed_run_goes_on_exactly_as_one_that_was_never_stopped(pictures: Path, tmp_path: Path) -> None:
    whole = small_run(pictures, tmp_path)
    whole.step()
    whole.save()
    resumed = small_run(pictures, tmp_path)
    assert (resumed.steps, resumed.scenes_seen, resumed.active_s) == (whole.steps, whole.scenes_seen, whole.active_s)
    random = torch.get_rng_state()
    expected = whole.step()
    torch.set_rng_state(random)
    assert resumed.step() == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_training_resumes_after_kill_9(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = tmp_path / "work" / "checkpoint.safetensors"
    line = [sys.executable, "-m", "installation.training.slomo", str(pictures), "--threads=1", f"--widths={WIDTHS}"]
    line += ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "model"), "--size=32", "--batch=2"]
    with subprocess.Popen([*line, "--sheet-minutes=0.001"], cwd=ROOT, stderr=subprocess.DEVNULL) as first:
        while not checkpoint.exists():
            with contextlib.suppress(subprocess.TimeoutExpired):
                pytest.fail(f"training ended by itself: {first.wait(timeout=0.1)}")
        first.kill()
    assert first.returncode == -signal.SIGKILL
    with safe_open(checkpoint, "pt") as file:
        stopped = json.loads(file.metadata()["state"])
    monkeypatch.setattr(slomo, "prepare_machine", lambda settings: None)  # it is prepared, for other tests
    assert main(["train", "slomo", *line[3:], "--export"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "model")
    card = tomllib.loads((tmp_path / "model" / "model.toml").read_text("utf-8"))
    assert card["training"]["scenes_seen"] == stopped["scenes_seen"] > 0


def test_a_checkpoint_of_other_nets_is_refused_by_name(pictures: Path, tmp_path: Path) -> None:
    small_run(pictures, tmp_path).save()
    with pytest.raises((ValueError, RuntimeError)):
        small_run(pictures, tmp_path, widths="4,6,8,8,8,10")


@pytest.mark.parametrize(
    ("option", "message"), [("--widths=1,2", "six channel counts"), ("--size=100", "multiple of 32")]
)
def test_options_that_cannot_be_are_said_in_one_line(pictures, capsys, option, message):
    parser = argparse.ArgumentParser()
    slomo.add_arguments(parser)
    assert slomo.run(parser.parse_args([str(pictures), option])) == 2
    assert message in capsys.readouterr().err
