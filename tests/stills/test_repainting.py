"""A moment's print is as sharp as a network can make the picture that its generator paints."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from installation.live.moments import as_table
from installation.networks.upscaler import NetworkConfig, Upscaler
from installation.settings import Effect, Part, Screen, Show, to_table
from installation.signals import Controls, Moment
from installation.stages.work import Work
from installation.stills import job, repainting, sources, steps, tasks
from installation.training.export import write_model

SIZE = (732, 732)  # three times what bloom paints


def moment_of(generator: Part, effects: tuple[Effect, ...] = ()) -> Moment:
    show = Show("a show", generator=generator, effects=effects, screen=Screen(size=(96, 96), working_size=(96, 96)))
    return Moment(show.name, Controls(2.0, {}, 3.0), "", (96, 96), 60, to_table(show))


@pytest.fixture(autouse=True)
def _led_to_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repainting, "PREROLL_S", 0.05)


def steepest(picture: np.ndarray) -> float:
    """How sharp the sharpest borders are: what one of a thousand steps from pixel to pixel reaches, 0..1."""
    grey = picture.mean(2).astype(np.float32)
    return float(np.quantile(np.abs(np.diff(grey, axis=1)), 0.999)) / 255


def opened(moment: Moment, folder: Path, size: tuple[int, int]) -> np.ndarray:
    """A moment as the chain opens it for a print that is enlarged."""
    path, work = folder / "moment.json", folder / "work"
    path.write_text(json.dumps(as_table(moment)))
    work.mkdir()
    table = job.stage_settings(job.Job(("x",)), "upscale", size, "moment")
    told = {"kind": "moment", "path": str(path), "working_size": size, "enlarging": table}
    drawn = sources.Opening(told).run((), Work(0, work)).pixels
    assert not list(work.iterdir()), "nothing is left behind"
    return drawn


def test_a_flower_is_printed_sharper_than_it_is_painted_and_is_the_same_flower(tmp_path: Path) -> None:
    moment = moment_of(Part("stylegan2", {"model": "bloom"}))
    scaled = repainting.render(moment, SIZE)
    drawn = opened(moment, tmp_path, SIZE)
    assert drawn.shape == scaled.shape and steepest(drawn) > 1.5 * steepest(scaled)
    small, before = (cv2.resize(p, (61, 61), interpolation=cv2.INTER_AREA).astype(float) for p in (drawn, scaled))
    assert np.abs(small - before).mean() < 6


def test_what_a_generator_paints_as_large_as_it_is_asked_to_is_left_as_it_is(tmp_path: Path) -> None:
    moment = moment_of(Part("pattern"))
    drawn = opened(moment, tmp_path, (200, 200))
    assert (drawn == repainting.render(moment, (200, 200))).all()


def test_by_which_weights_a_moment_is_enlarged_is_part_of_its_key(tmp_path: Path) -> None:
    path, mine, reads = tmp_path / "moment.json", tmp_path / "mine", []
    path.write_text(json.dumps(as_table(moment_of(Part("pattern")))))
    order = job.Job((str(path),), settings={"upscale": {"model": str(mine)}})
    config = NetworkConfig(4, 4, 1)
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        card = {"kind": "upscaler", "network": config.to_dict()}
        write_model(mine, Upscaler(config).state_dict(), Image.new("RGB", (4, 4)), card)
        tasks._open_stage.cache_clear()
        ((source,),) = sources.find_sources(order).sets
        step = steps.opening_step(source, steps.lay_steps(order, source))
        assert step.settings["enlarging"]["model"] == str(mine)
        reads.append(step.stage.fingerprint)
    assert reads[0] == reads[1] != reads[2]


def test_an_effect_that_remembers_for_hours_is_rolled_in_for_so_long_and_no_longer() -> None:
    knob = SimpleNamespace(name="length_s", identity=0.0)
    passes = [SimpleNamespace(persistent=True)]
    link = SimpleNamespace(name="echo", loaded=SimpleNamespace(effect=SimpleNamespace(knobs=[knob], passes=passes)))
    for length_s, rolled_s in ((0.0, repainting.PREROLL_S), (9_999.0, repainting.LONGEST_PREROLL_S)):
        assert repainting._remembered_s([link], {"effect.echo.length_s": length_s}) == rolled_s  # type: ignore[list-item]
