"""What an artist gets of a drawing: strokes that a net believes in more and more, the same ones in the SVG."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from installation.signals import Still
from installation.stages import drawing
from installation.stages.drawing import agreeing, strokes
from installation.stages.work import Work

PAPER = (0.95, 0.94, 0.9)


def test_strokes_are_moved_until_a_net_believes_in_them_and_the_print_is_of_the_svg(tmp_path: Path) -> None:
    settings = drawing.Settings(
        category=949, nets=("lite0",), strokes=6, steps=30, tries=1, paper=PAPER, size=(120, 90)
    )
    told: list[float] = []
    stage = drawing.create(settings)
    made = stage.run(
        (Still(np.zeros((9, 12, 3), np.uint16), "x", "k"),), Work(3, tmp_path, lambda f, n="": told.append(f))
    )
    (judge,) = agreeing.open_judges(["lite0"], "cpu")
    begun = strokes.throw(6, list(settings.inks), settings.widths, Work(3, tmp_path).chance("strokes", 0))
    before = judge.score(strokes.paint(begun, PAPER, 128, 0.005).detach(), 949)
    assert made.notes["scores"]["lite0"] > 3 * before
    svg = (tmp_path / "drawing.svg").read_text()
    assert len(re.findall(r'<path d="M[^"]*C', svg)) == 6 and svg.count("<g ") == 2
    assert made.pixels.shape == (90, 120, 3) and told == sorted(told)
    edge = np.asarray(made.pixels)[:3].reshape(-1, 3).mean(0) / 65535
    assert np.allclose(edge, PAPER, atol=0.01), "paper around it"


def test_the_soft_picture_and_the_svg_show_the_same_strokes(tmp_path: Path) -> None:
    thrown = strokes.throw(5, [(0.1, 0.1, 0.1), (0.8, 0.2, 0.1)], (0.03, 0.1), np.random.default_rng(2))
    soft = strokes.paint(thrown, PAPER, 128, 0.002)[0].permute(1, 2, 0).detach().numpy()
    from installation.pen import to_svg

    svg = to_svg(strokes.to_layers(thrown, (0.0, 0.0), 128.0), (128.0, 128.0))
    print_ = drawing.print_svg(svg, PAPER, (128, 128), Work(0, tmp_path))
    assert np.abs(np.asarray(print_) / 65535 - soft).mean() < 0.01


def test_every_stroke_hears_where_it_should_go() -> None:
    thrown = strokes.throw(4, [(0.1, 0.1, 0.1)], (0.05, 0.1), np.random.default_rng(2))
    strokes.paint(thrown, PAPER, 48, 0.02)[..., :24].mean().backward()
    assert (thrown.points.grad.abs().sum((1, 2)) > 0).all() and thrown.wide.grad.abs().min() > 0


def test_all_nets_have_to_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = {"one": 32, "other": 48}
    judges = [
        agreeing.Judge(name, lambda x: torch.stack([x.mean((1, 2, 3)), x.var((1, 2, 3))], 1), s)
        for name, s in sides.items()
    ]
    seen: list[str] = []
    monkeypatch.setattr(
        agreeing, "_views", lambda picture, side, *_: (seen.append(str(side)), picture.expand(2, -1, -1, -1))[1]
    )
    begin = agreeing.thrower(3, [(0.1, 0.1, 0.1)], (0.05, 0.1), lambda number: np.random.default_rng(number), "cpu")
    agreeing.agree(judges, 0, begin, PAPER, 4, 2, np.random.default_rng(1), lambda part, now: None)
    assert set(seen) == {"32", "48"}


@pytest.mark.parametrize(
    "wrong", [{"nets": ("open_nsfw",)}, {"category": 1000}, {"widths": (0.2, 0.1)}, {"strokes": 0}]
)
def test_what_cannot_be_drawn_is_said(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        drawing.create(drawing.Settings(**wrong))  # type: ignore[arg-type]
