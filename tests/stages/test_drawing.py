"""What an artist gets of a drawing: strokes that a net believes in more and more, the same ones in the SVG."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from installation.pen import letters
from installation.signals import Still
from installation.stages import drawing
from installation.stages.drawing import agreeing, strokes
from installation.stages.work import Work

PAPER = (0.95, 0.94, 0.9)


def test_the_print_is_of_the_svg_and_every_net_is_asked_what_that_is(tmp_path: Path) -> None:
    inks = ((0.13, 0.13, 0.15), (0.8, 0.25, 0.15))
    settings = drawing.Settings(nets=("lite0",), strokes=6, steps=2, tries=2, paper=PAPER, inks=inks, size=(120, 90))
    told: list[float] = []
    work = Work(3, tmp_path, lambda fraction, note="": told.append(fraction))
    made = drawing.create(settings).run((Still(np.zeros((9, 12, 3), np.uint16), "x", "k"),), work)
    assert list(made.notes["scores"]) == ["lite0"] and 0 <= made.notes["scores"]["lite0"] <= 1
    svg = (tmp_path / "drawing.svg").read_text()
    assert len(re.findall(r'<path d="M[^"]*C', svg)) == 6 and svg.count("<g ") == 2
    assert made.pixels.shape == (90, 120, 3) and told == sorted(told)
    edge = np.asarray(made.pixels)[:3].reshape(-1, 3).mean(0) / 65535
    assert np.allclose(edge, PAPER, atol=0.01), "paper around it"
    assert np.asarray(made.pixels).min() < 30000, "ink on it"


@pytest.mark.parametrize("name", ["", "a rose"])
def test_a_caption_says_below_the_drawing_what_it_is_and_how_sure_each_net_was(name: str, tmp_path: Path) -> None:
    some = {"nets": ("lite0",), "strokes": 3, "steps": 1, "tries": 1, "paper": PAPER, "size": (90, 120)}
    settings = drawing.Settings(**some, caption=True, name=name, dpi=25.4)  # type: ignore[arg-type]
    made = drawing.create(settings).run((Still(np.zeros((9, 12, 3), np.uint16), "x", "k"),), Work(3, tmp_path))
    svg, title = (tmp_path / "drawing.svg").read_text(), name or "ImageNet class 559"
    assert f"<title>{title}</title>" in svg
    layer = svg.partition(' caption"')[2]
    told = f"lite0 {100 * made.notes['scores']['lite0']:.0f}%"
    assert layer.count("<path") == sum(len(letters.write(line, (0.0, 0.0), 1.0)) for line in (title, told))
    ys = [float(y) for path in re.findall(r' d="([^"]*)"', layer) for y in re.findall(r",([\d.]+)", path)]
    (_, top), side = drawing.place((90.0, 120.0), settings.margin, captioned=True)
    assert top + side < min(ys) and max(ys) < 120
    (left, top), side = drawing.place((120.0, 90.0), settings.margin, captioned=True)
    assert left > 0 < top and top + side <= 90 * (1 - drawing.BAND), "a broad sheet keeps a band for it"


def test_letters_are_lines_of_a_pen_that_fit_where_they_are_written() -> None:
    word = letters.write("Ärmel 7%", (10.0, 5.0), 6.0)
    points = np.concatenate([stroke.points for stroke in word])
    assert points.min(0).tolist() == [10.0, 5.0] and points[:, 1].max() == 11.0
    assert len(letters.write("\N{ROSE}", (0.0, 0.0), 6.0)) == 0
    narrow = np.concatenate([stroke.points for stroke in letters.write("Ärmel 7%", (0.0, 0.0), 6.0, 20.0)])
    assert 17.0 < narrow[:, 0].max() <= 20.0
    assert len({str(letters.LETTERS[sign]) for sign in letters.LETTERS}) >= len(letters.LETTERS) - 1, "no two alike"


def test_the_soft_picture_and_the_svg_show_the_same_strokes(tmp_path: Path) -> None:
    thrown = strokes.throw(5, [(0.1, 0.1, 0.1), (0.8, 0.2, 0.1)], (0.03, 0.1), np.random.default_rng(2))
    soft = strokes.paint(thrown, PAPER, 128, 0.002)[0].permute(1, 2, 0).detach().numpy()
    from installation.pen import to_svg

    svg = to_svg(strokes.to_layers(thrown, (0.0, 0.0), 128.0), (128.0, 128.0))
    judge = agreeing.Judge("eye", lambda x: x.mean((2, 3)), 64)
    (seen,) = drawing.score(svg, PAPER, [judge], 2, (0.0, 0.0), 128.0).values()
    assert seen == pytest.approx(float(torch.from_numpy(soft).mean((0, 1)).softmax(0)[2]), abs=0.005), "all of it"
    print_ = drawing.print_svg(svg, PAPER, (128, 128), 1.0, Work(0, tmp_path))
    assert np.abs(np.asarray(print_) / 65535 - soft).mean() < 0.01


def test_every_stroke_hears_where_it_should_go() -> None:
    thrown = strokes.throw(4, [(0.1, 0.1, 0.1)], (0.05, 0.1), np.random.default_rng(2))
    strokes.paint(thrown, PAPER, 48, 0.02)[..., :24].mean().backward()
    assert (thrown.points.grad.abs().sum((1, 2)) > 0).all() and thrown.wide.grad.abs().min() > 0


def judge_of(part: tuple[slice, slice], side_px: int) -> agreeing.Judge:
    """Who believes the more in a drawing, the darker that part of it is."""

    def look(pictures: torch.Tensor) -> torch.Tensor:
        light = pictures.mean(1)
        return torch.stack([8 * (light.mean((1, 2)) - light[:, *part].mean((1, 2))), light.new_zeros(len(light))], 1)

    return agreeing.Judge("eye", look, side_px)


def test_strokes_go_where_all_judges_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreeing, "DRAWN_PX", 32)
    left, top = (slice(None), slice(0, 16)), (slice(0, 12), slice(None))
    begin = agreeing.thrower(4, [(0.1, 0.1, 0.1)], (0.05, 0.2), np.random.default_rng, "cpu")
    judges = [judge_of(left, 32), judge_of(top, 24)]
    made = agreeing.agree(judges, 0, begin, PAPER, 60, 2, np.random.default_rng(1), lambda part, now: None)
    x, y = made.points.detach().reshape(-1, 2).mean(0).tolist()
    was_x, was_y = begin(0).points.detach().reshape(-1, 2).mean(0).tolist()
    assert x < was_x - 0.02 and y < was_y - 0.02


@pytest.mark.parametrize(
    "wrong", [{"nets": ("open_nsfw",)}, {"category": 1000}, {"widths": (0.2, 0.1)}, {"strokes": 0}]
)
def test_what_cannot_be_drawn_is_said(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        drawing.create(drawing.Settings(**wrong))  # type: ignore[arg-type]
