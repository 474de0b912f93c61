"""Colouring: what an artist would notice of paint, paper, styles and sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from installation.networks import vgg
from installation.pictures import PictureError, write_picture
from installation.settings import SettingsError
from installation.signals import Still
from installation.stages import colour, pixels
from installation.stages.colour import transfer
from installation.stages.colour.carry import carry_up, keep_chroma, spread
from installation.stages.colour.style import (
    LAYERS,
    Style,
    covariance,
    moments,
    parse_references,
    roots_by_eigenvalues,
    roots_by_products,
)
from installation.stages.work import Made, Work

CPU = torch.device("cpu")
QUICK: dict[str, Any] = {"first_iterations": 2, "iterations": 1, "last_iterations": 1, "smallest_px": 32}


def draw_stripes(height: int, width: int, colours: tuple[tuple[float, ...], ...], thick_px: int = 6) -> np.ndarray:
    """A style that is easily recognised: diagonal stripes."""
    y, x = np.mgrid[:height, :width]
    return np.array(colours, np.float32)[(y + x) // thick_px % len(colours)]


def draw_flower(px: int = 64) -> np.ndarray:
    """A green disc with a pale ring on nothing, its edge soft."""
    y, x = (np.mgrid[:px, :px] - px / 2 + 0.5) / px
    radius = np.hypot(x, y)
    rgb = np.where((radius < 0.2)[..., None], (0.1, 0.5, 0.2), (0.8, 0.8, 0.6))
    return np.dstack([rgb, np.clip((0.38 - radius) * px / 2, 0, 1)]).astype(np.float32)


def still_of(picture: np.ndarray) -> Still:
    return Still(pixels.to_uint16(picture), "flower", "key", 7)


def write_style(folder: Path, colours: tuple[tuple[float, ...], ...], name: str = "style") -> str:
    write_picture(folder / f"{name}.png", pixels.to_uint8(draw_stripes(96, 128, colours)))
    return f"{folder}/{name}.png"


@pytest.fixture
def styles(tmp_path: Path) -> tuple[str, str]:
    """Two style pictures: red and black, blue and yellow."""
    fire = write_style(tmp_path, ((0.9, 0.1, 0.0), (0.1, 0.0, 0.0)), "fire")
    sea = write_style(tmp_path, ((0.0, 0.2, 0.8), (0.9, 0.9, 0.1)), "sea")
    return f"{fire}:0.75", f"{sea}:0.25"


def paint(picture: np.ndarray, folder: Path, **settings: Any) -> Made:
    return colour.create(colour.Settings(**settings)).run((still_of(picture),), Work(1, folder))


def redness(made: Made) -> float:
    rgb, alpha = pixels.split(made.pixels)
    return float(np.average(rgb[..., 0] - rgb[..., 2], weights=alpha))


def test_both_ways_of_painting_bring_the_colours_of_the_style(styles: tuple[str, str], tmp_path: Path) -> None:
    flower = draw_flower(48)
    for clearly, settings in ((0.3, {"method": "fast"}), (0.04, QUICK | {"first_iterations": 8, "smallest_px": 48})):
        red = paint(flower, tmp_path, styles=styles[:1], **settings)
        blue = paint(flower, tmp_path, styles=styles[1:], **settings)
        assert redness(red) > redness(blue) + clearly, settings


def test_a_weight_moves_the_painting_towards_its_style(styles: tuple[str, str], tmp_path: Path) -> None:
    fire, sea = (text.rpartition(":")[0] for text in styles)
    painted = {
        weight: paint(draw_flower(), tmp_path, styles=(f"{fire}:{weight}", f"{sea}:{1 - weight}"), method="fast").pixels
        for weight in (1.0, 0.8, 0.2, 0.0)
    }
    for mixed, near, far in ((0.8, 1.0, 0.0), (0.2, 0.0, 1.0)):
        apart = [np.abs(painted[mixed] - painted[pure]).mean() for pure in (near, far)]
        assert 0 < apart[0] < apart[1]


@pytest.mark.parametrize("method", colour.METHODS)
def test_the_paper_stays_paper_unless_it_is_to_be_painted(styles: tuple[str, str], tmp_path: Path, method: str) -> None:
    flower = draw_flower()
    made = paint(flower, tmp_path, styles=styles, method=method, **QUICK)
    rgb, alpha = pixels.split(made.pixels)
    assert np.allclose(alpha, flower[..., 3], atol=1e-4)
    assert (rgb[alpha == 0] == 1).all() and rgb[alpha > 0.9].mean() < 0.9
    whole = paint(flower, tmp_path, styles=styles, method=method, ground="paint", **QUICK)
    assert whole.pixels.shape == (64, 64, 3) and whole.pixels[0, 0].mean() < 0.995


def test_the_same_still_and_seed_are_painted_the_same_to_the_last_bit(styles: tuple[str, str], tmp_path: Path) -> None:
    for settings in ({"method": "fast"}, QUICK):
        first, second = (paint(draw_flower(40), tmp_path, styles=styles, **settings).pixels for _ in range(2))
        assert np.array_equal(first, second)


def test_tiles_change_nothing() -> None:
    net = vgg.load("vgg16", transfer.TAPS, "replicate")
    chance = torch.Generator().manual_seed(0)
    content, picture = (torch.rand(1, 3, 64, 280, generator=chance) for _ in range(2))
    place = torch.rand(1, 1, 64, 280, generator=chance)
    seen = transfer.see_style(net, [(1.0, draw_stripes(60, 50, ((1, 0, 0), (0, 0, 1))))], 60, CPU)
    style = Style(seen, dict.fromkeys(LAYERS, 0.2))
    strength = transfer.Strength(content=0.2, variation=0.5, step=0.02, averaging=0.9)
    whole, tiled = (transfer.Sheet(net, style, content, place, strength, px).gradient(picture) for px in (512, 96))
    assert (whole - tiled).abs().max() < 1e-3 * whole.abs().max()


def test_tiles_cover_every_pixel_once() -> None:
    for height, width, tile_px in ((1, 1, 64), (103, 118, 48), (64, 700, 128), (640, 640, 640)):
        covered = np.zeros((height, width), int)
        for tile in transfer.tiles_of(height, width, tile_px):
            y0, y1, x0, x1 = tile.core
            covered[y0:y1, x0:x1] += 1
        assert (covered == 1).all()


def test_the_written_gradient_is_that_of_the_distance() -> None:
    """The pull is derived by hand; automatic differentiation of the distance has to agree."""
    chance = torch.Generator().manual_seed(1)
    clouds = [torch.randn(6, 200, generator=chance) * scale for scale in (1.0, 2.0)]
    wanted = {"1_1": (clouds[1].mean(1) + 1, clouds[1] @ clouds[1].T / 200 + 2)}
    style = Style(wanted, {"1_1": 1.0})
    features = clouds[0].double().requires_grad_()
    mean, second = features.mean(1), features @ features.T / 200
    matrix = covariance(mean, second)
    root = style.roots["1_1"].double()
    common = torch.linalg.eigvalsh(root @ matrix @ root).clamp(min=0).sqrt().sum()
    distance = (mean - style.means["1_1"]).square().sum() + matrix.trace() + style.traces["1_1"] - 2 * common
    (distance * style.weights["1_1"]).backward()
    found = moments([{"1_1": (torch.tensor(200.0), clouds[0].sum(1), clouds[0] @ clouds[0].T)}])
    constant, pull = style.pull(found)["1_1"]
    by_hand = (pull @ clouds[0] + constant[:, None]) / 200
    assert features.grad is not None
    assert torch.allclose(features.grad.float(), by_hand, atol=2e-3 * float(by_hand.abs().max()))
    assert style.distance(wanted) < 1e-3 < style.distance(found)


@pytest.mark.parametrize("roots", [roots_by_eigenvalues, roots_by_products])
def test_roots_of_a_matrix_multiply_back_to_it(roots: Any) -> None:
    some = torch.randn(20, 40, generator=torch.Generator().manual_seed(0))
    matrix = some @ some.T
    root, inverse = roots(matrix)
    assert torch.allclose(root @ root, matrix, atol=1e-3 * float(matrix.max()))
    assert torch.allclose(root @ inverse, torch.eye(20), atol=1e-2)


def test_edges_of_paint_keep_its_colour_and_nothing_turns_black_about_them(
    styles: tuple[str, str], tmp_path: Path
) -> None:
    """White paper must not soften them, nor pixels run off that hardly count."""
    bright = write_style(tmp_path, ((0.9, 0.8, 0.3), (0.8, 0.6, 0.2)))
    made = paint(draw_flower(48), tmp_path, styles=(bright,), **QUICK | {"first_iterations": 12, "smallest_px": 48})
    assert pixels.flatten(made.pixels).min(axis=2).mean() > 0.3
    rgb, alpha = pixels.split(made.pixels)
    assert rgb[(alpha > 0) & (alpha < 0.2)].max(axis=1).min() > 0.3


def test_optimising_longer_comes_closer_to_the_style() -> None:
    net = vgg.load("vgg16", transfer.TAPS, "replicate")
    stripes = draw_stripes(48, 48, ((0.9, 0.1, 0), (0.1, 0, 0)))
    style = Style(transfer.see_style(net, [(1.0, stripes)], 48, CPU), dict.fromkeys(LAYERS, 0.2))
    content = transfer.to_tensor(pixels.flatten(draw_flower(48)), CPU)
    sheet = transfer.Sheet(
        net, style, content, torch.ones_like(content[:, :1]), transfer.Strength(0.05, 0.5, 0.02, 0.9), 512
    )
    canvas, far = transfer.Canvas(content), []
    for iterations in (0, 8, 8):
        transfer.work_at(sheet, canvas, iterations, lambda iteration, picture: None)
        far.append(float(style.distance(sheet.moments(canvas.picture))))
    assert far[0] > 1.3 * far[1] > 1.3 * 1.1 * far[2]
    assert canvas.picture.min() >= 0 and canvas.picture.max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (300, 5), (17, 33)])
@pytest.mark.parametrize("method", colour.METHODS)
def test_any_size_is_painted(styles: tuple[str, str], tmp_path: Path, shape: tuple[int, int], method: str) -> None:
    picture = np.full((*shape, 3), 0.5, np.float32)
    settings = QUICK | {"first_iterations": 1, "smallest_px": 64, "largest_px": 64}
    made = paint(picture, tmp_path, styles=styles, method=method, **settings)
    assert made.pixels.shape == (*shape, 3) and np.isfinite(made.pixels).all()


def test_without_style_or_with_nothing_on_the_paper_a_still_stays_and_says_why(
    styles: tuple[str, str], tmp_path: Path
) -> None:
    flower, nothing = draw_flower(), np.zeros((20, 30, 4), np.float32)
    for picture, chosen, why in ((flower, (), "no style picture"), (nothing, styles, "nothing on the paper")):
        made = paint(picture, tmp_path, styles=chosen, **QUICK)
        assert np.array_equal(made.pixels, pixels.to_uint16(picture))
        assert made.notes == {"painted": False, "why": why}


def test_a_missing_or_broken_style_is_named_before_anything_is_painted(styles: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"gone\.jpg: no such style"):
        colour.create(colour.Settings(styles=(styles[0], f"{tmp_path}/gone.jpg:0.5")))
    (tmp_path / "torn.png").write_bytes((tmp_path / "fire.png").read_bytes()[:90])
    with pytest.raises(PictureError, match=r"torn\.png"):
        colour.create(colour.Settings(styles=(f"{tmp_path}/torn.png",)))


def test_weights_of_styles_are_shares_and_paths_may_have_colons(tmp_path: Path) -> None:
    for name in ("a.png", "b:c.png"):
        write_picture(tmp_path / name, np.zeros((4, 4, 3), np.uint8))
    found = parse_references((f"{tmp_path}/a.png:3", f"{tmp_path}/b:c.png"))
    assert [(r.path.name, r.weight) for r in found] == [("a.png", 0.75), ("b:c.png", 0.25)]
    with pytest.raises(ValueError, match="0 or more"):
        parse_references((f"{tmp_path}/a.png:-1",))


def test_a_setting_out_of_range_is_named() -> None:
    for settings in ({"method": "quick"}, {"ground": "grass"}, {"style_weights": (1.0,)}, {"growth": 1.0}):
        with pytest.raises(SettingsError, match=rf"colour\.{next(iter(settings))}"):
            colour.create(colour.Settings(**settings))


def test_the_fingerprint_changes_with_a_style_picture_its_weight_and_the_network(styles: tuple[str, str]) -> None:
    fire = Path(styles[0].rpartition(":")[0])
    first = colour.create(colour.Settings(styles=styles)).fingerprint
    assert first == colour.create(colour.Settings(styles=styles)).fingerprint
    others = {colour.create(colour.Settings(styles=styles, method="fast")).fingerprint}
    others.add(colour.create(colour.Settings(styles=(styles[0], f"{styles[1]}5"))).fingerprint)
    others.add(colour.create(colour.Settings(styles=styles, network="vgg19")).fingerprint)
    write_picture(fire, np.full((8, 8, 3), 200, np.uint8))
    others.add(colour.create(colour.Settings(styles=styles)).fingerprint)
    assert len(others | {first}) == 5


def test_scales_go_from_the_smallest_to_the_whole_picture() -> None:
    assert transfer.scales_of(640, 128, 2.0) == [128, 286, 640]
    assert transfer.scales_of(2500, 128, 2.0)[0] == 128 and transfer.scales_of(2500, 128, 2.0)[-1] == 2500
    assert transfer.scales_of(100, 128, 2.0) == [100]
    plan = colour.plan_of(2500, colour.Settings())
    assert [count for _, count in plan] == [1000, 500, 500, 500, 200]


def test_progress_rises_to_the_end_and_names_scale_and_iteration(styles: tuple[str, str], tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    work = Work(1, tmp_path, lambda fraction, note="": told.append((fraction, note)))
    colour.create(colour.Settings(styles=styles, **QUICK)).run((still_of(draw_flower(64)),), work)
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(1)
    assert told[0][1] == "scale 32 px, iteration 1/2"


def test_what_is_carried_up_keeps_the_colours_of_the_paint_and_the_edges_of_the_picture() -> None:
    content = np.zeros((200, 200, 3), np.float32)
    content[:, 101:] = 0.9
    small = pixels.resize(content, (50, 50))
    painted = np.where(small > 0.4, (0.9, 0.6, 0.1), (0.1, 0.0, 0.4)).astype(np.float32)
    large = carry_up(painted, content)
    assert np.allclose(large[:, :80].mean((0, 1)), (0.1, 0.0, 0.4), atol=0.02)
    assert np.allclose(large[:, 120:].mean((0, 1)), (0.9, 0.6, 0.1), atol=0.02)
    step = np.abs(np.diff(large[100, :, 0])).max()
    assert step > 1.5 * np.abs(np.diff(pixels.resize(painted, (200, 200))[100, :, 0])).max()


def test_under_what_is_not_covered_lie_the_nearest_colours() -> None:
    rgb, cover = np.ones((40, 60, 3), np.float32), np.zeros((40, 60, 1), np.float32)
    rgb[10:30, 5:20], cover[10:30, 5:20] = (0.8, 0.1, 0.1), 1
    rgb[10:30, 40:55], cover[10:30, 40:55] = (0.1, 0.1, 0.8), 1
    filled = spread(rgb, cover)
    assert np.array_equal(filled[12, 7], rgb[12, 7])
    assert filled[:, :24, 0].min() > 0.6 > filled[:, :24, 2].max() and filled[:, 36:, 2].min() > 0.6
    faint = spread(np.full((9, 9, 3), 0.6, np.float32), np.full((9, 9, 1), 0.02, np.float32))
    assert np.allclose(faint, 0.6, atol=0.05)
    assert np.isfinite(spread(rgb[:1, :1], cover[:1, :1])).all()


def test_colours_can_be_kept_under_the_strokes() -> None:
    painted, own = (np.full((4, 4, 3), rgb, np.float32) for rgb in ((0.8, 0.2, 0.2), (0.2, 0.6, 0.2)))
    assert np.allclose(keep_chroma(painted, own, 0.0), painted, atol=2e-3)
    kept = keep_chroma(painted, own, 1.0)
    assert kept[0, 0, 1] > kept[0, 0, 0]


def test_vgg_19_reads_torchvisions_layout_and_says_where_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = vgg.VGG("vgg19", ("1_1", "2_1"))
    numbers = (0, 2, 5)  # where torchvision's list has its first convolutions
    tensors: dict[str, Any] = {
        f"features.{n}.weight": conv.weight.data for n, conv in zip(numbers, net.convs, strict=True)
    }
    tensors |= {f"features.{n}.bias": conv.bias.data for n, conv in zip(numbers, net.convs, strict=True)}
    assert [w.shape for w, _ in vgg.from_torchvision(tensors)] == [conv.weight.shape for conv in net.convs]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(vgg.weights.WeightsError, match=r"download https://.*vgg19-dcbb9e9d\.pth"):
        vgg.load("vgg19", ("1_1",))
    put = tmp_path / "installation" / "vgg19" / "vgg19-dcbb9e9d.pth"
    put.parent.mkdir(parents=True)
    put.write_bytes(b"something else")
    with pytest.raises(vgg.weights.WeightsError, match="begins with dcbb9e9d"):
        vgg.load("vgg19", ("1_1",))


def test_a_real_plant_keeps_its_shape_and_takes_the_colours_of_a_painting(shared: Path, tmp_path: Path) -> None:
    from installation.pictures import read_picture

    plant = read_picture(next(iter(sorted((shared / "data/cutouts/plants").glob("*.png")))))
    small = pixels.resize(plant, pixels.fit((plant.shape[1], plant.shape[0]), 256))
    scream = f"{shared}/data/styles/the_scream.jpg"
    made = paint(small, tmp_path, styles=(scream,), method="fast")
    rgb, alpha = pixels.split(made.pixels)
    light, own = (pixels.flatten(p) @ np.array([0.2, 0.7, 0.1]) for p in (made.pixels, small))
    assert np.corrcoef(light[alpha > 0.5], own[alpha > 0.5])[0, 1] > 0.5
    assert np.abs(rgb - small[..., :3])[alpha > 0.5].mean() > 0.03
