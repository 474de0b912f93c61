"""The slo-mo glitch: takes that differ, come again, keep their ground clear and are the same at every size."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from installation.bending.draws import DRAWS, draw_bends
from installation.bending.layers import Bends
from installation.bending.slomo import NetworkConfig, SloMo, layer_names
from installation.settings import Bend, SettingsError, check
from installation.signals import Still
from installation.stages import slomo_glitch
from installation.stages.pixels import resize, to_uint16
from installation.stages.slomo_glitch import Settings, create
from installation.stages.work import Work

SMALL = Settings(net_px=96, tries=2)


def flower(size: int = 160, alpha: bool = True) -> np.ndarray:
    """Petals around a heart, on nothing."""
    y, x = (np.mgrid[0:size, 0:size] + 0.5) / size * 2 - 1
    angle, far = np.arctan2(y, x), np.hypot(x, y)
    cover = np.clip((0.45 + 0.25 * np.cos(7 * angle) - far) * size / 4, 0, 1)
    rgb = np.stack([0.6 + 0.4 * np.cos(9 * far), 0.5 + 0.5 * np.cos(3 * angle + 1), 0.5 + 0.4 * np.sin(14 * far)], 2)
    if not alpha:
        return to_uint16(rgb * cover[..., None] + (1 - cover[..., None]) * 0.9)
    return to_uint16(np.dstack([rgb, cover]))


def still_of(pixels: np.ndarray, **more) -> Still:
    return Still(pixels, "rose", "key", 3, **more)


def make(settings: Settings, still: Still, folder: Path, seed: int = 5):
    made = create(settings).run((still,), Work(seed, folder))
    return np.array(made.pixels), made


def test_each_still_gets_its_takes_with_names_and_seeds_of_their_own():
    stills = [still_of(flower(32)), replace(still_of(flower(32)), name="lily", seed=4)]
    plans = create(Settings(takes=3)).plan(stills)
    assert [plan.name for plan in plans[:4]] == ["rose-take1", "rose-take2", "rose-take3", "lily-take1"]
    assert len({plan.seed for plan in plans}) == 6
    assert plans == create(Settings(takes=3)).plan(stills)


def test_a_take_is_glitched_yet_alike_and_comes_again_bit_for_bit(tmp_path):
    still = still_of(flower())
    one, made = make(SMALL, still, tmp_path)
    kept = one.copy()
    again, _ = make(SMALL, still, tmp_path)
    assert kept.dtype == np.uint16 and kept.shape == still.pixels.shape
    assert (kept == again).all()
    other, _ = make(SMALL, still, tmp_path, seed=6)
    assert (kept != other).mean() > 0.05
    found = made.notes["judgement"]
    assert found["change"] > 0.05 and found["likeness"] > 0.4


def test_the_notes_of_a_take_make_it_again_on_any_seed(tmp_path):
    still = still_of(flower())
    first, made = make(SMALL, still, tmp_path)
    kept, notes = first.copy(), made.notes
    assert notes["bends"] and set(notes) >= {"t", "seed", "second", "bends", "attempt", "judgement"}
    table = {"net_px": 96, "tries": 1, "seed": notes["seed"], "bends": notes["bends"]}
    again, _ = make(check(Settings, table, "job"), still, tmp_path, seed=99)
    assert (kept == again).all()


def test_ground_stays_clear_and_edges_take_no_colour_from_it(tmp_path):
    dark = flower()
    dark[..., :3][dark[..., 3] == 0] = 0  # what a program may leave under the transparent part
    light = dark.copy()
    light[..., :3][light[..., 3] == 0] = 65535
    one, _ = make(SMALL, still_of(dark), tmp_path)
    kept = one.copy()
    other, _ = make(SMALL, still_of(light), tmp_path)
    assert (kept == other).all()
    assert (kept[:6, :6, 3] == 0).all() and kept[80, 80, 3] > 60000


def test_a_larger_form_is_torn_in_the_same_places_and_sharper(tmp_path):
    large = flower(640)
    small = to_uint16(resize(large, (160, 160)))
    one, _ = make(SMALL, still_of(small), tmp_path)
    kept = one.copy()
    other, _ = make(SMALL, still_of(large), tmp_path)
    shrunk = to_uint16(resize(other, (160, 160)))
    assert np.abs(shrunk[..., 3].astype(float) - kept[..., 3]).mean() / 65535 < 0.03
    assert np.abs(np.diff(other[..., 3].astype(float), axis=0)).max() > 0.3 * 65535 / 4


def test_strips_join_without_a_seam(tmp_path, monkeypatch):
    still = still_of(flower())
    whole, _ = make(SMALL, still, tmp_path)
    kept = whole.copy()
    monkeypatch.setattr("installation.stages.slomo_glitch.slomo_frames.STRIP_PX", 160 * 7)
    strips, _ = make(SMALL, still, tmp_path)
    assert np.abs(kept.astype(int) - strips).max() <= 32


def test_without_strength_the_nets_are_left_alone(tmp_path):
    bent = replace(SMALL, tries=1, strength=1.0, bends=(Bend("tear", "flow.conv3", "multiply", 0.6),))
    one, _ = make(bent, still_of(flower()), tmp_path)
    kept = one.copy()
    other, _ = make(replace(bent, strength=0.0), still_of(flower()), tmp_path)
    assert (kept != other).any()
    none, _ = make(replace(bent, bends=(Bend("tear", "flow.conv3", "multiply", 0.0),)), still_of(flower()), tmp_path)
    assert (none == other).all()


def test_maps_of_interest_travel_with_what_they_are_of(tmp_path):
    pixels = flower()
    interest = (pixels[..., 3] / 65535).astype(np.float32)
    glitched, made = make(SMALL, still_of(pixels, maps={"interest": interest}), tmp_path)
    assert made.maps["interest"].shape == interest.shape
    alpha = glitched[..., 3] / 65535
    assert np.abs(made.maps["interest"] - alpha).mean() < 0.02


@pytest.mark.parametrize("shape", [(1, 1, 4), (2, 700, 4), (90, 1, 3), (40, 56, 3)])
def test_any_shape_of_still_comes_through(tmp_path, shape):
    pixels = np.full(shape, 30000, np.uint16)
    pixels[..., 3:] = 65535
    made, _ = make(replace(SMALL, net_px=64), still_of(pixels), tmp_path)
    assert made.shape == shape


def test_a_still_with_nothing_in_it_is_refused_with_a_reason(tmp_path):
    with pytest.raises(ValueError, match="every pixel is transparent"):
        make(SMALL, still_of(np.zeros((50, 50, 4), np.uint16)), tmp_path)


def test_nets_that_break_leave_a_finite_picture_and_the_notes_say_what_was_tried(tmp_path, monkeypatch):
    nets = SloMo(NetworkConfig((4, 4, 4, 4, 4, 4))).requires_grad_(False)
    for parameter in nets.blend.conv3.parameters():
        parameter.fill_(float("nan"))
    monkeypatch.setattr(slomo_glitch, "_nets", lambda model: nets)
    pixels, made = make(SMALL, still_of(flower()), tmp_path)
    assert pixels[80, 80, 3] > 0
    assert made.notes["attempt"] in (0, 1)


def test_a_take_that_is_too_near_is_drawn_again(tmp_path, monkeypatch):
    seen = []
    honest = slomo_glitch.judge

    def strict(still: torch.Tensor, take: torch.Tensor):
        seen.append(1)
        found = honest(still, take)
        return replace(found, change=0.0) if len(seen) == 1 else replace(found, change=0.3, detail=1.0)

    monkeypatch.setattr(slomo_glitch, "judge", strict)
    _, made = make(replace(SMALL, tries=3), still_of(flower()), tmp_path)
    assert len(seen) == 2
    assert made.notes["attempt"] == 1 and made.notes["fault"] == ""


def test_every_kind_of_drawn_glitch_fits_the_nets():
    layers = layer_names(NetworkConfig(), 256)
    for n in range(200):
        bends = draw_bends(np.random.default_rng(n), layers)
        assert 1 <= len(bends) <= 3
        Bends(bends, layers)  # raises for a layer, an operation, an amount or a share that cannot be
    assert len({draw.operation for draw in DRAWS}) > 4


@pytest.mark.parametrize("wrong", [{"t": (0.8, 0.2)}, {"takes": 0}, {"net_px": 8}, {"strength": -1.0}])
def test_settings_that_cannot_be_are_refused_by_name(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        create(Settings(**wrong))


def test_real_plants_stay_recognisable(shared, tmp_path):
    from installation.pictures import read_picture

    plant = next(iter(sorted((shared / "data" / "cutouts" / "plants").glob("*.png"))))
    pixels = to_uint16(resize(read_picture(plant), (320, 320)))
    for seed in range(3):
        _, made = make(replace(SMALL, tries=5), still_of(pixels), tmp_path, seed)
        assert made.notes["fault"] == ""
