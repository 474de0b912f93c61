"""What a model paints laid out by likeness, walked by hand, and where visitors lingered."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from installation.__main__ import main
from installation.latent import bred, layout, lingering, maps, naming, reaching, vectors
from installation.live.keeping import Footsteps
from installation.live.leading import led_by
from installation.settings import Cue, Part, Route, SettingsError, Show
from installation.signals import Controls


def test_what_is_alike_lies_together() -> None:
    source = torch.Generator().manual_seed(0)
    kinds = torch.arange(3).repeat_interleave(50)
    rows = torch.randn(3, 20, generator=source)[kinds] * 6 + torch.randn(150, 20, generator=source)
    places = layout.spread_out(rows)
    assert places.amin() >= 0 and places.amax() <= 1
    nearest = torch.cdist(places, places).fill_diagonal_(9).topk(10, largest=False).indices
    assert (kinds[nearest] == kinds[:, None]).float().mean() > 0.97
    assert places.equal(layout.spread_out(rows)), "the same plane every time"


def test_a_tidy_map_has_every_picture_once_and_keeps_left_left() -> None:
    places = torch.rand(90, 2, generator=torch.Generator().manual_seed(1)) ** 2
    cells = layout.tidied(places)
    assert len({tuple(cell) for cell in cells.tolist()}) == 90 and cells.max() < 10
    for axis in (0, 1):
        ranks = torch.stack([places[:, axis].argsort().argsort().float(), cells[:, axis].float()])
        assert torch.corrcoef(ranks)[0, 1] > 0.9


@pytest.fixture
def made() -> maps.Map:
    source = torch.Generator().manual_seed(2)
    places = torch.rand(200, 2, generator=source)
    points = torch.randn(200, 24, generator=source)
    return maps.Map(points, places, layout.tidied(places), points.mean(0))


def at(made: maps.Map, x: float, y: float) -> torch.Tensor:
    return made.at({maps.X: x, maps.Y: y})[0]


def test_on_a_picture_the_map_is_that_picture_and_between_them_it_goes_without_a_jump(made: maps.Map) -> None:
    x, y = made.places[7].tolist()
    assert torch.nn.functional.cosine_similarity(at(made, x, y), made.points[7], dim=0) > 0.9
    way = torch.stack([at(made, i / 4000, 0.4) for i in range(4001)])
    steps, size = (way[1:] - way[:-1]).norm(dim=1), made.points.norm(dim=1).mean()
    assert steps.max() < 0.2 * size, "a neighbour that comes or goes weighs nothing then"
    length = (way - made.average).norm(dim=1)
    assert length.min() > 0.6 * size, "no dull middle between independent pictures"


def test_a_map_is_drawn_kept_found_again_and_another_training_has_none(model: Path, own: Path, tmp_path) -> None:
    assert main(["latent", "map", str(model), "--count", "100", "--no-page"]) == 0
    folder = own / "maps" / "small"
    assert Image.open(folder / maps.ATLAS).size == (640, 640)
    import tomllib

    sha256 = tomllib.loads((model / "model.toml").read_text())["sha256"]
    found = maps.read(str(model), sha256)
    assert found is not None and found.points.shape == (100, 24)
    assert maps.read(str(model), "of another training") is None
    (folder / maps.FILE).write_bytes(b"torn")
    with pytest.raises(SettingsError, match="draw the map anew"):
        maps.read(str(model), sha256)
    assert main(["latent", "map", str(model), "--count", "3", "--no-page", "--anew"]) == 2


def test_a_hand_walks_the_map(generator, show, model, made) -> None:
    maps.keep(str(model), generator.weights_sha256, made, Image.new("RGB", (8, 8)))
    reaching.reach(generator, dataclasses.replace(show, cues=(Cue("1", vector="map"),)))
    there = Controls(0.0, {"generator.to.map": 1.0, maps.X: 0.3, maps.Y: 0.6})
    assert torch.allclose(generator.where(there)[4], at(made, 0.3, 0.6), atol=1e-5)
    assert led_by(dataclasses.replace(show, cues=(Cue("1", vector="map"),)))[0].values == {"generator.to.map": 1.0}


def test_a_show_that_speaks_of_a_map_that_was_not_drawn_plays_on(generator, show, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        reaching.reach(generator, dataclasses.replace(show, routes=(Route("hands.right.x", maps.X),)))
    assert "installation latent map" in caplog.text and maps.X in generator.knobs
    before = generator.where(Controls(0.0, {}))
    assert generator.where(Controls(0.0, {"generator.to.map": 1.0})).equal(before)


def test_a_show_without_a_map_has_no_knobs_for_it(generator, show) -> None:
    reaching.reach(generator, show)
    assert maps.X not in generator.knobs


def test_whoever_was_bred_and_shown_is_found_by_number_in_any_show_from_then_on(generator, show, model, own) -> None:
    points = [torch.randn(8, 24, generator=torch.Generator().manual_seed(n)) for n in range(3)]
    assert [bred.keep(str(model), generator.weights_sha256, point) for point in points[:2]] == [1, 2]
    reaching.reach(generator, dataclasses.replace(show, cues=(Cue("1", vector="bred", values={bred.WHICH: 2}),)))

    def where(number: float) -> torch.Tensor:
        return generator.where(Controls(0.0, {bred.TO: 1.0, bred.WHICH: number}))

    assert where(1).equal(points[0]) and where(2).equal(points[1])
    assert where(3).equal(points[1]), "nobody has that number yet: it stays where it was"
    assert bred.keep(str(model), generator.weights_sha256, points[2]) == 3
    assert where(3).equal(points[2]) and where(1).equal(points[0])
    vectors.write(own / "bred" / "small" / "00004.npz", torch.zeros(1, 7))
    assert where(4).equal(points[0]), "another model's"
    led = led_by(dataclasses.replace(show, cues=(Cue("1", vector="bred"), Cue("2", vector="walk"))))
    assert [cue.values for cue in led] == [{bred.TO: 1.0}, {bred.TO: 0.0}]


def test_a_show_has_those_knobs_only_where_somebody_bred_or_it_speaks_of_them(generator, show, own, caplog) -> None:
    reaching.reach(generator, show)
    assert bred.TO not in generator.knobs
    spoken = dataclasses.replace(show, routes=(Route("hands.right.x", bred.WHICH),))
    reaching.reach(generator, spoken)
    assert bred.TO in generator.knobs and "installation latent breed" in caplog.text
    with pytest.raises(SettingsError, match="map and bred are taken"):
        naming.checked("bred", "vectors")


def test_where_visitors_linger_is_counted_while_the_map_leads_and_carried_on(model: Path, own: Path) -> None:
    show = Show("small", generator=Part("stylegan2", {"model": str(model)}))
    values = {"generator.to.map": 1.0, maps.X: 0.99, maps.Y: 0.0}
    for evening in (1, 2):
        steps = Footsteps(show)
        for second in range(65):
            steps.note(Controls(0.0, values if second < 63 else {}), float(second))
        steps.note(Controls(0.0, values), 9_999.0)  # it hung
        counted = lingering.read(own / "maps" / "small")
        assert counted[0, -1] == pytest.approx(evening * 64, abs=2 * evening) and np.count_nonzero(counted) == 1


def test_counts_that_are_torn_begin_anew(tmp_path: Path) -> None:
    (tmp_path / lingering.FILE).write_text('{"seconds": [[1, "a"]]}')
    assert lingering.read(tmp_path).sum() == 0
