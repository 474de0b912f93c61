"""A still at the size of its print: no seams, no lost tiles, its own colours, crisp cut-outs, little memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from installation.networks.upscaler import NetworkConfig, Upscaler
from installation.pictures import read_picture
from installation.signals import Still
from installation.stages import upscale
from installation.stages.upscale import Settings, create
from installation.stages.upscale.resampling import fill
from installation.stages.upscale.tiles import plan_tiles, with_rim
from installation.stages.work import Made, Work
from installation.training.export import write_model
from installation.weights import WeightsError

Run = Callable[..., Made]


class Nearest(nn.Module):
    """A network that repeats pixels four times, gives all a tint, and counts what it was given."""

    def __init__(self, tint: float = 0.0, most_px: int = 10**9, error: Exception | None = None) -> None:
        super().__init__()
        self.scale, self.multiple, self.rim_px, self.bytes_per_px = 4, 1, 16, 400
        self.weight = nn.Parameter(torch.zeros(1))
        self.tint, self.most_px, self.error, self.sizes = tint, most_px, error, []

    def forward(self, x: Tensor) -> Tensor:
        self.sizes.append(tuple(x.shape[2:]))
        if x.shape[2] * x.shape[3] > self.most_px and self.error is not None:
            raise self.error
        return nn.functional.interpolate(x, scale_factor=4) + self.tint


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """run(pixels, **settings) -> what the stage makes of them."""

    def run(pixels: np.ndarray, seed: int = 1, progress: Any = lambda fraction, note="": None, **settings: Any) -> Made:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        made = create(Settings(**settings)).run((Still(pixels, "still", "key"),), Work(seed, folder, progress))
        assert [path.name for path in folder.iterdir()] == ["pixels.npy"]
        assert made.pixels.dtype == np.uint16
        return made

    return run


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[nn.Module], nn.Module]:
    """use(network): the stage's networks are all this one."""

    def use(network: nn.Module) -> nn.Module:
        monkeypatch.setattr(upscale, "open_network", lambda name: network)
        return network

    return use


def paint(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Strokes of all colours and directions, uint16; with 4 channels also soft and hard holes."""
    chance = np.random.default_rng(seed)
    picture = np.full((height, width, channels), 160, np.uint8)
    for _ in range(3 + height * width // 300):
        ends = chance.integers(-10, (width + 10, height + 10), (2, 2))
        colour = [int(c) for c in chance.integers(0, 256, channels)]
        cv2.line(picture, ends[0].tolist(), ends[1].tolist(), colour, int(chance.integers(1, 6)), cv2.LINE_AA)
    return picture.astype(np.uint16) * 257


def cut_out(size: int = 48) -> np.ndarray:
    """A red disc without alpha around it, where the colour is a bright green that must never be seen."""
    alpha = np.zeros((size, size), np.uint8)
    cv2.circle(alpha, (size // 2, size // 2), size // 3, 255, -1, cv2.LINE_AA)
    rgb = np.where(alpha[..., None] > 0, np.uint8([200, 40, 30]), np.uint8([0, 255, 0]))
    return np.dstack([rgb, alpha]).astype(np.uint16) * 257


def difference(one: Made, other: Made) -> float:
    """The largest difference of two pictures in 1/255."""
    return float(np.abs(one.pixels.astype(int) - other.pixels.astype(int)).max() / 257)


@pytest.mark.parametrize("channels", [3, 4])
def test_tiles_leave_no_seam_with_the_small_network(run: Run, channels: int) -> None:
    picture = paint(70, 90, channels)
    whole, tiled = run(picture, network="srvgg"), run(picture, network="srvgg", tile_px=32)
    assert (whole.notes["tiles"], tiled.notes["tiles"]) == (1, 9)
    assert difference(whole, tiled) <= 1


def test_tiles_leave_no_seam_with_the_large_network(run: Run) -> None:
    picture = paint(150, 12)
    whole, tiled = run(picture, network="x4plus"), run(picture, network="x4plus", tile_px=80)
    assert tiled.notes["tiles"] == 2
    assert difference(whole, tiled) <= 3


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_a_tile_that_does_not_fit_the_memory_is_made_again_smaller(run: Run, use, error: Exception) -> None:
    picture = paint(100, 150, 4)
    use(Nearest())
    whole = run(picture, keep_colour=0.0)
    network = use(Nearest(most_px=3000, error=error))
    made = run(picture, keep_colour=0.0, pad_px=8)
    assert np.array_equal(made.pixels, whole.pixels)
    assert made.notes["out_of_memory"] >= 2
    assert made.notes["tiles"] > 4
    assert network.sizes[0] == (100, 150)


def test_when_not_even_a_small_tile_fits_the_still_fails_with_a_reason(run: Run, use) -> None:
    use(Nearest(most_px=10, error=MemoryError()))
    with pytest.raises(MemoryError, match="does not fit the memory"):
        run(paint(64, 64))


def test_an_error_that_is_not_about_memory_is_not_retried(run: Run, use) -> None:
    network = use(Nearest(most_px=10, error=RuntimeError("expected 3 channels")))
    with pytest.raises(RuntimeError, match="expected 3 channels"):
        run(paint(64, 64))
    assert len(network.sizes) == 1


@pytest.mark.parametrize("pad_px", [0, 20, 64])
@pytest.mark.parametrize("size", [(1, 1), (17, 3000), (333, 555), (2500, 2500)])
def test_a_plan_covers_every_pixel_once_within_the_memory(size: tuple[int, int], pad_px: int) -> None:
    covered, most_px = np.zeros(size, np.uint8), 90_000
    for tile in plan_tiles(size, pad_px, most_px):
        covered[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] += 1
        assert with_rim(tile, size, pad_px).area_px <= most_px
    assert covered.min() == covered.max() == 1


def test_a_tint_of_the_network_is_taken_off_but_its_detail_stays(run: Run, use) -> None:
    picture = paint(90, 120)
    use(Nearest(tint=0.08))
    made = run(picture // 2 + 8000, tile_px=48)
    assert made.notes["true_to_input"]["max"] < 1
    tinted = run(picture // 2 + 8000, keep_colour=0.0)
    assert tinted.notes["true_to_input"]["mean"] == pytest.approx(0.08 * 255, abs=0.1)


def test_whole_areas_keep_their_colour_with_the_real_network(run: Run) -> None:
    picture = paint(48, 48)
    areas = cv2.resize(picture, (3, 3), interpolation=cv2.INTER_AREA).astype(float)

    def shift(keep_colour: float) -> float:
        made = run(picture, network="srvgg", keep_colour=keep_colour).pixels
        return float(np.abs(cv2.resize(made, (3, 3), interpolation=cv2.INTER_AREA) - areas).mean() / 257)

    assert shift(1.0) < 1 < 2 < shift(0.0)


def test_a_cut_out_has_crisp_edges_no_ring_and_no_foreign_colour(run: Run) -> None:
    made = run(cut_out(), network="srvgg").pixels / 65535
    alpha, rgb = made[..., 3], made[..., :3]
    distance = np.hypot(*(np.indices(alpha.shape) - 98))
    assert alpha[distance > 16 * 4 + 10].max() < 0.02
    assert alpha[distance < 16 * 4 - 8].min() > 0.98
    assert ((alpha > 0.05) & (alpha < 0.95)).mean() < 0.05
    seen = rgb[alpha > 0.02]
    assert seen[:, 1].max() < 0.35
    assert np.median(seen[:, 0]) > 0.7


@pytest.mark.parametrize("network", ["srvgg", "none"])
@pytest.mark.parametrize(
    "pixels",
    [
        np.full((1, 1, 3), 30000, np.uint16),
        np.full((1, 1, 4), 30000, np.uint16),
        np.zeros((20, 30, 4), np.uint16),
        np.full((40, 24, 3), 65535, np.uint16),
        paint(2, 3000),
    ],
    ids=["1x1", "1x1 translucent", "all transparent", "white", "very wide"],
)
def test_odd_stills_come_out_whole(run: Run, pixels: np.ndarray, network: str) -> None:
    made = run(pixels, network=network).pixels
    assert made.shape == (pixels.shape[0] * 4, pixels.shape[1] * 4, pixels.shape[2])
    if pixels.min() == pixels.max():
        part = np.s_[..., 3] if pixels.shape[2] == 4 else np.s_[...]
        assert np.abs(made[part].astype(int) - int(pixels.max())).max() < 8 * 257


@pytest.mark.parametrize(
    ("size", "passes"),
    [((160, 120), 1), ((125, 94), 1), ((220, 165), 1), ((700, 525), 2), ((40, 30), 0), ((20, 15), 0)],
)
def test_any_size_is_met_to_the_pixel_and_stays_true(run: Run, use, size: tuple[int, int], passes: int) -> None:
    use(Nearest())
    made = run(paint(30, 40), size=size)
    assert made.pixels.shape == (size[1], size[0], 3)
    assert made.notes["passes"] == passes
    if size[0] >= 125:
        assert made.notes["true_to_input"]["mean"] < 4


def test_what_does_not_fit_the_shape_of_the_print_is_cut_off_evenly(run: Run, use) -> None:
    use(Nearest())
    picture = np.full((40, 100, 3), 65535, np.uint16)
    picture[:, 30:70] = 0
    made = run(picture, size=(160, 160))
    assert made.notes["cut_off_px"] == [60, 0]
    assert made.pixels.max() == 0


def test_bands_make_the_same_picture_as_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    from installation.stages.upscale import resampling

    picture = np.random.default_rng(1).random((300, 210, 3), np.float32)
    whole, banded = np.zeros((170, 333, 3), np.uint16), np.zeros((170, 333, 3), np.uint16)
    fill(whole, lambda top, bottom: picture[top:bottom], (300, 210))
    monkeypatch.setattr(resampling, "BAND_VALUES", 1)
    fill(banded, lambda top, bottom: picture[top:bottom], (300, 210))
    assert np.abs(whole.astype(int) - banded).max() <= 1
    assert whole.mean() / 65535 == pytest.approx(picture.mean(), abs=2e-3)


def test_the_same_still_makes_the_same_print_and_grain_follows_the_seed(run: Run) -> None:
    picture = np.full((30, 40, 3), 30000, np.uint16)
    plain, again = run(picture, network="srvgg"), run(picture, network="srvgg")
    assert np.array_equal(plain.pixels, again.pixels)
    assert plain.notes == again.notes
    one, same, other = (run(picture, seed=seed, network="srvgg", grain=5.0) for seed in (1, 1, 2))
    assert np.array_equal(one.pixels, same.pixels)
    assert not np.array_equal(one.pixels, other.pixels)
    assert (one.pixels.astype(float) - plain.pixels).std() / 257 == pytest.approx(5, rel=0.15)


def test_progress_only_grows_and_ends_at_one(run: Run, use) -> None:
    use(Nearest())
    seen: list[float] = []
    run(paint(64, 64), size=(1100, 1100), tile_px=32, progress=lambda fraction, note="": seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert max(np.diff([0.0, *seen])) < 0.7


def test_settings_that_make_no_sense_are_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"upscale.network: expected none, x4plus, .* found 'x4plos'"):
        create(Settings(network="x4plos"))
    with pytest.raises(ValueError, match=r"upscale.stretch: expected 1.0 or more, found 0.5"):
        create(Settings(stretch=0.5))


def test_another_file_of_weights_is_another_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    found = set()
    for content in (b"one", b"other"):
        path.write_bytes(content)
        found.add(create(Settings(network=str(path))).fingerprint)
    found |= {create(Settings(network=name)).fingerprint for name in ("none", "srvgg", "x4plus", "x4plus-anime")}
    assert len(found) == 6


MEMORY = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, str(Path("tests/stages").resolve()))
from test_upscale import Nearest, Settings, Still, Work, create, upscale
upscale.open_network = lambda name: Nearest()
for height in (400, 2800):
    folder = Path(sys.argv[1], str(height))
    folder.mkdir()
    still = Still(np.full((height, 240, 3), 9999, np.uint16), "still", "key")
    create(Settings(tile_px=128, pad_px=16, size=(800, height * 10 // 3))).run((still,), Work(1, folder))
    status = Path("/proc/self/status").read_text()  # ru_maxrss would count the parent that forked it
    print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""


def test_memory_does_not_grow_with_the_height_of_the_print(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MEMORY, str(tmp_path)]
    # what is freed goes back at once: what glibc would keep for itself is another amount on every machine
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    low, tall = map(int, answer.stdout.split())
    written_mb = (2800 * 4 * 240 * 4 + 9333 * 800) * 6 / 2**20
    assert tall - low < written_mb / 5


def test_a_real_painting_is_crisper_than_by_plain_resampling(run: Run, shared: Path) -> None:
    picture = read_picture(shared / "data" / "styles" / "wave_crop_485px.jpg")[100:160, 100:160]
    ours, plain = run(picture, network="srvgg"), run(picture, network="none")
    assert (
        np.abs(np.diff(ours.pixels.astype(int), axis=1)).mean()
        > np.abs(np.diff(plain.pixels.astype(int), axis=1)).mean()
    )
    assert ours.notes["true_to_input"]["mean"] < 8


@pytest.fixture(scope="module")
def upscaler_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artist's own model of kind upscaler, of random weights."""
    torch.manual_seed(0)
    network = Upscaler(NetworkConfig(4, features=4, blocks=1))
    tensors = {name: tensor.half() for name, tensor in network.state_dict().items()}
    folder = tmp_path_factory.mktemp("models") / "mine"
    card = {"name": "mine", "kind": "upscaler", "network": network.config.to_dict()}
    return write_model(folder, tensors, Image.new("RGB", (4, 4)), card)


def test_a_model_of_ones_own_enlarges_without_seams_and_made_small_again_it_is_the_still(
    run: Run, upscaler_folder: Path
) -> None:
    picture, model = paint(70, 90), str(upscaler_folder)
    whole, tiled = run(picture, model=model), run(picture, model=model, network="none", tile_px=32)
    assert (whole.notes["network"], whole.notes["tiles"], tiled.notes["tiles"]) == (model, 1, 9)
    assert difference(whole, tiled) <= 1
    assert whole.notes["true_to_input"]["mean"] < 0.1
    assert difference(whole, run(picture, network="none")) > 5


def test_a_model_has_its_own_fingerprint_and_one_that_is_not_there_is_said(upscaler_folder: Path) -> None:
    mine, others = create(Settings(model=str(upscaler_folder))), create(Settings(network="none"))
    assert mine.fingerprint and mine.fingerprint != others.fingerprint
    with pytest.raises(WeightsError, match="no model 'nobodys'"):
        create(Settings(model="nobodys"))
    with pytest.raises(WeightsError, match="expected a model of kind upscaler, found 'stylegan2'"):
        create(Settings(model="bloom"))
