"""Compositions: objects lie where the scheme wants interest, within the frame, alike at every size."""

import json

import cv2
import numpy as np
import pytest

from installation.pictures import PictureError, read_picture, write_picture
from installation.signals import Still
from installation.stages import composition
from installation.stages.composition import grouping
from installation.stages.composition.arrangement import Fields, Rules, Scene, Slot
from installation.stages.composition.poses import make_grid, pose_of
from installation.stages.composition.schemes import SCHEMES, open_scheme
from installation.stages.cutouts import cut
from installation.stages.work import Work

SIZE = (160, 160)


def disc(name, colour, side=120, at=(0.5, 0.5)):
    """A round cut-out with an eye: interest is a small spot within."""
    y, x = np.mgrid[:side, :side] / side
    pixels = np.zeros((side, side, 4), np.uint16)
    pixels[..., :3] = colour
    pixels[..., 3] = (np.hypot(x - 0.5, y - 0.5) < 0.45) * 65535
    interest = np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 0.01).astype(np.float32)
    return Still(pixels, name, f"key of {name}", 1, {"interest": interest})


@pytest.fixture
def references():
    colours = [(60000, 9000, 9000), (9000, 60000, 9000), (9000, 9000, 60000), (50000, 50000, 0)]
    return [disc(f"disc {i}", colour, at=(0.3 + 0.1 * i, 0.4)) for i, colour in enumerate(colours)]


def settings(**changed):
    return composition.Settings(**({"working_size": SIZE, "tries": 1, "turns": 3} | changed))


def compose(references, tmp_path, **changed):
    stage = composition.create(settings(**changed))
    return [stage.run(plan.stills, Work(plan.seed, tmp_path)) for plan in stage.plan(references)]


def test_every_variant_is_a_picture_on_transparent_ground_with_its_recipe(references, tmp_path):
    variants = compose(references, tmp_path, variants=3, objects=(2, 4))
    assert len(variants) == 3
    for made in variants:
        alpha = made.pixels[..., 3]
        assert made.pixels.shape == (160, 160, 4) and alpha[0].max() == 0 and 0.2 < alpha.mean() < 0.9
        assert 0 < made.notes["score"] <= 1 and made.notes["scheme"] in SCHEMES
        assert 2 <= len(made.notes["objects"]) <= 4
        assert json.loads(json.dumps(made.notes)) == made.notes, "notes are plain values"
        interest = made.maps["interest"]
        assert interest.shape == SIZE and interest.dtype == np.float32 and 0.5 < interest.max() <= 1
    assert not np.array_equal(variants[0].pixels, variants[1].pixels)


def test_the_same_references_in_any_order_compose_alike_to_the_bit(references, tmp_path):
    one, two = compose(references, tmp_path, variants=2), compose(references[::-1], tmp_path, variants=2)
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a.pixels, b.pixels) and a.notes == b.notes


def test_more_variants_leave_the_first_ones_as_they_were(references):
    few, many = (composition.create(settings(variants=n)).plan(references) for n in (2, 9))
    assert len(many) == 9 and len({plan.seed for plan in many}) == 9
    assert few == many[:2]


def test_every_fine_reference_is_the_hero_once_before_one_is_again(references):
    plans = composition.create(settings(variants=8)).plan(references)
    heroes = [plan.stills[0].name for plan in plans]
    assert set(heroes[:4]) == set(heroes[4:]) == {still.name for still in references}


def test_a_small_picture_is_never_the_hero_of_fine_ones(references):
    tiny = disc("tiny", (0, 0, 0), side=20)
    plans = composition.create(settings(variants=12)).plan([*references, tiny])
    assert len(plans) == 12 and all(plan.stills[0].name != "tiny" for plan in plans)
    assert any(tiny in plan.stills for plan in plans)


def test_the_composition_is_the_same_at_every_working_size(references, tmp_path):
    small, large = (
        compose(references, tmp_path, variants=1, working_size=size)[0] for size in ((200, 200), (800, 800))
    )
    assert small.notes["objects"] == large.notes["objects"]
    shrunk = cv2.resize(large.pixels[..., 3], (200, 200), interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk - small.pixels[..., 3]).mean() < 0.01


def test_fft_scores_are_what_a_sum_at_one_place_gives(references):
    rules = Rules(outside=0, spread=0, fullness=0, upright=0)
    grid, scheme = make_grid((100, 80), 40), open_scheme("golden", (40, 32))
    worth = np.pad(scheme.of(0), grid.rim)
    cutout = cut(references[0])
    pose = pose_of(cutout, -7, 15.0, True, grid)
    option = next(Fields(Slot(cutout, pose.size, 0, 1, worth), Scene.empty(grid), rules).best_of(pose))
    by_hand = (worth[option.window] * pose.interest).sum() / pose.interest.sum()
    assert option.score == pytest.approx(by_hand, abs=1e-4)
    rows, columns = pose.room(grid)
    places = [(y, x) for y in range(rows) for x in range(columns)]
    height, width = pose.alpha.shape
    sums = [(worth[y : y + height, x : x + width] * pose.interest).sum() for y, x in places]
    assert places[int(np.argmax(sums))] == option.at, "no place is better"


def test_a_lone_object_brings_its_eye_to_the_focal_point(tmp_path):
    (made,) = compose([disc("alone", (9000, 9000, 60000), at=(0.3, 0.3))], tmp_path, variants=1, objects=(1, 1))
    assert len(made.notes["objects"]) == 1
    scheme = made.notes["objects"][0]["scheme"]
    assert scheme > 0.6, "most of what is of interest lies at the focal point"


def test_one_reference_is_repeated_smaller(tmp_path):
    (made,) = compose([disc("alone", (9000, 9000, 60000))], tmp_path, variants=1, objects=(3, 3))
    sizes = sorted(placed["size"] for placed in made.notes["objects"])
    assert len(sizes) == 3 and sizes[0] < 0.85 * sizes[-1]


def test_objects_touch_but_do_not_bury_one_another(references, tmp_path):
    for made in compose(references, tmp_path, variants=4, objects=(3, 3)):
        joined = [placed["overlap"] for placed in made.notes["objects"] if placed["overlap"] > 0]
        assert len(joined) == 2 and max(joined) < 0.5


def test_an_own_scheme_draws_interest_to_its_light_places(tmp_path):
    y, x = np.mgrid[:64, :64]
    light = (255 * np.exp(-((x - 20) ** 2 + (y - 22) ** 2) / 50)).astype(np.uint8)
    write_picture(tmp_path / "own.png", np.dstack([light] * 3))
    own = (str(tmp_path / "own.png"),)
    scheme = open_scheme(own[0], (64, 64))
    assert np.unravel_index(scheme.of(0).argmax(), (64, 64)) == (22, 20)
    (made,) = compose([disc("alone", (0, 0, 65535))], tmp_path, variants=1, objects=(1, 1), schemes=own)
    assert made.notes["scheme"] == own[0] and made.notes["objects"][0]["scheme"] > 0.3


def test_a_scheme_that_is_missing_or_unknown_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(PictureError, match=r"lost\.png"):
        composition.create(settings(schemes=(str(tmp_path / "lost.png"),)))
    with pytest.raises(ValueError, match="diagonals"):
        composition.create(settings(schemes=("diagonal",)))


def test_a_changed_scheme_picture_changes_the_fingerprint(tmp_path):
    found = []
    for column in (5, 25):
        picture = np.zeros((32, 32, 3), np.uint8)
        picture[:, column] = 255
        write_picture(tmp_path / "own.png", picture)
        found.append(composition.create(settings(schemes=(str(tmp_path / "own.png"),))).fingerprint)
    assert found[0] != found[1]


def test_a_bad_reference_is_named_and_the_others_are_composed(references, tmp_path):
    nothing = Still(np.zeros((50, 50, 4), np.uint16), "nothing", "key of nothing")
    thin = Still(np.full((1, 30000, 3), 30000, np.uint16), "thin", "key of thin")
    made = composition.create(settings()).run((nothing, *references[:2], thin), Work(1, tmp_path))
    assert len(made.notes["objects"]) == 2
    assert "nothing: nothing of interest" in made.notes["skipped"][0] and "too thin" in made.notes["skipped"][1]
    with pytest.raises(ValueError, match="nothing to compose with"):
        composition.create(settings()).run((nothing, thin), Work(1, tmp_path))


@pytest.mark.parametrize("shape", [(1, 1, 4), (1, 1, 3), (3, 900, 4), (30, 20, 3)])
def test_pictures_of_any_shape_without_a_map_are_composed(shape, references, tmp_path):
    odd = Still(np.full(shape, 65535, np.uint16), "odd", "key of odd")
    made = composition.create(settings()).run((odd, references[0]), Work(1, tmp_path))
    assert len(made.notes["objects"]) == 2 and made.pixels[..., 3].max() > 0.9


@pytest.mark.parametrize("size", [(320, 80), (60, 240), (3, 3)])
def test_frames_of_any_shape_are_filled_within(size, references, tmp_path):
    (made,) = compose(references, tmp_path, variants=1, working_size=size)
    assert made.pixels.shape == (size[1], size[0], 4) and made.pixels[..., 3].max() > 0.5


def test_real_cut_outs_fill_the_frame_and_lie_in_its_middle(shared, tmp_path):
    found = []
    for path in sorted((shared / "data" / "cutouts").glob("p*/*.png"))[3:9]:
        found.append(Still(read_picture(path), path.stem, path.stem, 1))
    for made in compose(found, tmp_path, variants=3, working_size=(240, 240)):
        assert made.notes["spans"] > 0.6 and made.notes["off_centre"] < 0.12 and made.notes["filled"] > 0.2
        rows = made.pixels[..., 3]
        assert rows[0].mean() < 0.05 and rows[-1].mean() < 0.05 and rows[:, 0].mean() < 0.05


def test_settling_carries_the_objects_with_their_group(references):
    grid, rules = make_grid(SIZE, 80), Rules()
    scheme = open_scheme("thirds", grid.frame)
    slot = Slot(cut(references[0]), 0.4, 0, 1, np.pad(scheme.of(0), grid.rim))
    option = next(Fields(slot, Scene.empty(grid), rules).best_of(pose_of(slot.cutout, -9, 0.0, False, grid)))
    before = Scene.empty(grid).joined_by(option)
    after = grouping.settle(before, scheme, rules)
    assert after.places[0].size > 1.2 * before.places[0].size, "a small group grows"
    assert 0.2 < after.places[0].x < 0.8 and 0.2 < after.places[0].y < 0.8
    assert grouping.rate(after, scheme)["spans"] > grouping.rate(before, scheme)["spans"]


def photograph(name, shift=0.0):
    """An opaque picture of a red ball on grey paper, with interest in the ball."""
    y, x = np.mgrid[:150, :200] / 150
    away = np.hypot(x - 0.5 - shift, y - 0.45)
    pixels = np.full((150, 200, 3), 45000, np.uint16)
    pixels += np.random.default_rng(1).integers(0, 1500, pixels.shape, dtype=np.uint16)
    pixels[away < 0.25] = (60000, 5000, 9000)
    return Still(pixels, name, f"key of {name}", 1, {"interest": np.exp(-(away**2) / 0.02).astype(np.float32)})


def test_a_photograph_is_cut_out_where_it_is_of_interest(references, tmp_path):
    ball = photograph("ball")
    alpha = cut(ball).alpha
    assert cut(ball).size == pytest.approx((75, 75), abs=8), "the ball's box"
    assert alpha[len(alpha) // 2, len(alpha) // 2] == 1 and alpha[0, 0] < 0.1
    made = composition.create(settings()).run((ball, references[1]), Work(1, tmp_path))
    red, green, blue, alpha = np.moveaxis(made.pixels, 2, 0)
    grey = (alpha > 0.9) & (np.abs(red - green) < 0.1) & (np.abs(red - blue) < 0.1)
    assert grey.mean() < 0.02, "the paper has gone"
    whole = composition.create(settings(cut_photographs=False)).run((ball, references[1]), Work(1, tmp_path))
    assert whole.pixels[..., 3].mean() > alpha.mean()


def test_a_lone_photograph_fills_the_frame_with_its_interest_on_the_scheme(tmp_path):
    (made,) = compose([photograph("ball", shift=0.3)], tmp_path, variants=1, objects=(2, 2))
    assert made.pixels[..., 3].min() > 0.99
    assert made.notes["under_scheme"] > 0.4 and made.maps["interest"].max() > 0.8


def test_the_measure_counts_compositions(references, tmp_path):
    assert composition.compositions_per_hour(references, settings(variants=2), tmp_path) > 1000
