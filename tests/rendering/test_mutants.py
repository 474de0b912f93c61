"""The tests of pictures notice when a formula changes: a few changes that once went by, and some of every kind."""

from __future__ import annotations

from pathlib import Path

import mutate_shaders
import pytest
from mutants import Mutant, mutants

from installation.rendering.canvas import SHADERS

ONCE_UNSEEN = {
    "effects/echo.fs": ["float angle = turn * step_s * 0.6 -> float angle = turn * 0.6", "vec3(0.985, -> vec3(1.0,"],
    "effects/wilt.fs": ["vec4(flow * speed * -> vec4(flow *"],
    "effects/scanline.fs": ["TIME * 0.07 -> TIME * 0.105"],
    "effects/grain.fs": ["floor(gl_FragCoord.xy / (size * unit) -> floor(gl_FragCoord.xy / (size)"],
    "projector/stretch.glsl": ["2 * n * int -> n * int", "i < n ? -> i > n ?"],
    "projector/measure.glsl": ["0.8 * whole -> 1.2 * whole"],
    "projector/card.glsl": ["fract(time_s / 4.0) -> fract(time_s / 6.0)"],
}
SHADER = """uniform float share;
// half of it, or 2.0 * x
vec2 halved(vec2 x) { return x * 0.5; }
void main() {
    float far = max(share, 2.0) - 1.0;
    if (far < 3.0) far += 1.0;
    colour = mix(halved(far), vec2(0.0), share).xyxy;
}
"""


@pytest.fixture
def bench(context, tmp_path: Path) -> mutate_shaders.Bench:
    return mutate_shaders.Bench(context, tmp_path / "shaders")


@pytest.mark.parametrize("file", ONCE_UNSEEN)
def test_a_change_that_once_went_unseen_is_noticed(bench, file: str) -> None:
    text = (SHADERS / file).read_text()
    for change in ONCE_UNSEEN[file]:
        before, after = change.split(" -> ")
        assert text.count(before) >= 1, f"{file} no longer says {before}"
        assert bench.judge(SHADERS / file, Mutant(0, "", "", text.replace(before, after))) == "killed", change
    assert (bench.folder / file).read_text() == text, "and what was changed is put back"


def test_what_nobody_can_see_is_told_apart(bench) -> None:
    file = SHADERS / "effects" / "vignette.fs"
    text = file.read_text()
    assert not bench.complain(file)
    for before, after, verdict in (
        ("picture.a)", "0.5 * picture.a)", "alike"),
        ("* 0.84", "* 0.8404", "alike"),
        ("vec4 picture", "vec4 pictures", "broken"),
        ("* 2.0;", "* 1.5;", "killed"),
    ):
        assert bench.judge(file, Mutant(0, "", "", text.replace(before, after))) == verdict


def test_mutants_change_every_kind_of_formula_and_nothing_else() -> None:
    after = {mutant.after for mutant in mutants(SHADER, 0, {"share": "0.4"})}
    assert {
        "vec2 halved(vec2 x) { return x / 0.5; }",  # an operator
        "vec2 halved(vec2 x) { return x * 0.750000000; }",  # a constant
        "float far = min(share, 2.0) - 1.0;",  # a function
        "float far = max(share, 2.0) ;",  # a term
        "float far = max(0.4, 2.0) - 1.0;",  # a uniform
        "if (far > 3.0) far += 1.0;",  # a comparison
        "colour = mix(vec2(0.0), halved(far), share).xyxy;",  # an order
        ";",  # a statement
    } <= after
    assert len(after) == len({*after}) and not any("uniform" in one or "//" in one for one in after)


def test_the_script_tells_what_it_finds(capsys, bench) -> None:
    file = SHADERS / "effects" / "vignette.fs"
    verdicts = iter(["killed", "survived", "alike", "broken"])
    said = mutate_shaders.report(file, mutate_shaders.changes(file)[:4], lambda *_: next(verdicts))
    assert said.total() == 4
    assert "1 of 2 changes noticed (50.0 %), 1 with no visible change, 1 that do not compile" in capsys.readouterr().out
