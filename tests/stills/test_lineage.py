"""A result is made again when anything changed that it came of, and a moment is led up to as long as it remembers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from printing import QUICK, paint, still

from installation import files
from installation.live.moments import as_table, open_moment
from installation.settings import Effect, Part, Screen, Show, to_table
from installation.signals import Controls, Moment
from installation.stills import lineage, repainting

TINY = ["--stages", "clean", "--size", "64x36"]


def made(out: Path) -> set[str]:
    return {path.name for path in (out / ".work").glob("*-*")}


def moment_of(effects: tuple[Effect, ...], **values: float) -> Moment:
    screen = Screen(size=(64, 36), working_size=(64, 36), fps=10.0)
    show = Show("a show", generator=Part("pattern"), effects=effects, screen=screen)
    controls = Controls(100.0, {"generator.speed": 6.0, **values}, 3.0)
    return Moment(show.name, controls, "", (64, 36), 1000, to_table(show))


def test_a_moment_is_painted_anew_when_an_effect_of_it_was_changed(tmp_path: Path) -> None:
    effect, out = tmp_path / "mine.fs", tmp_path / "prints"
    shutil.copy(files.shipped("shaders/effects") / "grade.fs", effect)
    path = tmp_path / "moment.json"
    path.write_text(json.dumps(as_table(moment_of((Effect(str(effect)),)))))
    assert still(path, "--out", out, *TINY) == 0
    before, shown = made(out), (out / "moment.png").read_bytes()
    assert still(path, "--out", out, *TINY) == 0 and made(out) == before
    text = effect.read_text()
    end = text.rindex("}")
    effect.write_text(text[:end] + "    gl_FragColor = vec4(1.0, 0.0, 0.0, 1.0);\n" + text[end:])
    assert still(path, "--out", out, *TINY) == 0
    assert len(made(out) - before) == 2 and (out / "moment.png").read_bytes() != shown


@pytest.mark.parametrize("setting", ["model", "enlarge"])
def test_other_weights_under_the_same_name_are_another_lineage(tmp_path: Path, setting: str) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.toml").write_text('sha256 = "1"\n')
    moment = moment_of(())
    settings = dict(moment.settings) | {"generator": {"name": "pattern", "settings": {setting: str(model)}}}
    moment = Moment("", moment.controls, "", (64, 36), 0, settings)
    before = lineage.of_moment(moment)
    assert lineage.of_moment(moment) == before
    (model / "weights.safetensors").write_bytes(b"new")
    assert lineage.of_moment(moment) != before


def test_other_code_of_a_stage_makes_its_results_again_and_no_earlier_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, out = paint(tmp_path / "rose.png"), tmp_path / "prints"
    assert still(picture, "--out", out, *QUICK) == 0
    before, of_stage = made(out), lineage.of_stage
    monkeypatch.setattr(lineage, "of_stage", lambda name: of_stage(name) + ("!" if name == "print_file" else ""))
    assert still(picture, "--out", out, *QUICK) == 0
    assert [name.split("-")[0] for name in made(out) - before] == ["print_file"]


def test_the_code_of_a_stage_is_all_that_it_imports_and_not_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "installation"
    shutil.copytree(lineage.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(lineage, "PACKAGE", package)

    def of(stage: str) -> str:
        lineage.code_of.cache_clear()
        return lineage.code_of(f"installation.stages.{stage}")

    before = {stage: of(stage) for stage in ("colour", "clean", "print_file")}
    for changed in ("stages/colour/transfer.py", "networks/arbitrary.py"):
        (package / changed).write_text((package / changed).read_text() + "\nEXTRA = 1\n")
        assert of("colour") != before["colour"] and of("clean") == before["clean"]
        assert of("print_file") == before["print_file"]
        before["colour"] = of("colour")
    lineage.code_of.cache_clear()


def test_a_moment_under_a_long_echo_is_painted_as_it_was_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = moment_of(
        (Effect("echo"),), **{"effect.echo.length_s": 2.0, "effect.echo.amount": 1.0, "generator.speed": 3.0}
    )

    def painted(constants: float, longest_s: float) -> np.ndarray:
        monkeypatch.setattr(repainting, "CONSTANTS", constants)
        monkeypatch.setattr(repainting, "LONGEST_PREROLL_S", longest_s)
        return repainting.render(moment, (64, 36)).astype(float)

    ours = painted(repainting.CONSTANTS, repainting.LONGEST_PREROLL_S)
    shown = painted(6.0, 72.0)
    short = painted(0.1, 1.0)
    assert np.abs(ours - shown).mean() < 1.0 < np.abs(short - shown).mean()


def test_effects_that_rest_or_forget_at_once_cost_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    led_to = repainting._led_to
    monkeypatch.setattr(repainting, "_led_to", lambda *a: counted.append(len(led_to(*a))) or led_to(*a))
    for values in ({"effect.echo.amount": 0.0, "effect.echo.length_s": 6.0}, {}):
        effects = (Effect("echo"),) if values else (Effect("grade"),)
        repainting.render(moment_of(effects, **values), (64, 36))
    assert counted == [11, 11], "a second at ten frames each, and the moment"


def test_a_moment_of_before_is_still_opened(written_before: Path) -> None:
    (path,) = (written_before / "moments").glob("*.json")
    assert len(lineage.of_moment(open_moment(path))) == 64
