"""Training a translator: pairs from one folder, from two, from none; runs that survive a kill; a card that opens."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from installation.generators import translator
from installation.generators.translator.palette import blend, codes_of, find_palettes
from installation.networks.sight import CHANNELS, edges, ink, see
from installation.networks.unet import NetworkConfig, UNet
from installation.settings import Part
from installation.signals import Controls
from installation.training.body import Body
from installation.training.translator import Settings, create
from installation.training.translator.trainer import TranslatorTrainer

SMALL = {"size": 16, "widths": "4,6", "batch": 2, "device": "cpu", "critic": 0.0}


def run_of(pictures: Path, tmp_path: Path, **more: object) -> Body:
    settings = Settings(pictures, tmp_path / "model", tmp_path / "work", **{**SMALL, **more})  # type: ignore[arg-type]
    return create(settings.resolve())


@pytest.fixture(autouse=True)
def without_pretrained_nets(monkeypatch: pytest.MonkeyPatch) -> None:
    """They judge and sharpen; that they do is tested where they are."""
    monkeypatch.setattr("installation.training.translator.trainer.load_vgg", lambda device: None)
    monkeypatch.setattr("installation.training.translator.trainer.open_judge", lambda corpus, device: None)


def disc(shift: int = 0, light: int = 230) -> np.ndarray:
    """A pale disc on a dark ground (64, 64, 3)."""
    rgb = np.full((64, 64, 3), 30, np.uint8)
    return cv2.circle(rgb, (32 + shift, 32), 18, (light, 40, 60), -1, cv2.LINE_AA)


def test_edges_are_thin_lines_where_a_thing_ends_in_dim_rooms_as_in_bright_ones() -> None:
    bright, dim = edges(disc(), 0.3), edges((disc() // 5), 0.3)
    y, x = np.mgrid[:64, :64] - 32
    ring = np.abs(np.hypot(x, y) - 18) < 3
    assert bright[~ring].max() < 0.1 and bright[ring].mean() > 0.25 and bright.max() <= 1
    assert np.abs(bright - dim).mean() < 0.03
    noise = np.random.default_rng(0).normal(128, 2, (64, 64, 3)).astype(np.uint8)
    assert edges(noise, 1.0).max() == 0, "the noise of an even wall is no edge"


def test_a_drawing_is_shown_as_edges_are() -> None:
    paper = np.full((256, 256, 3), 255, np.uint8)
    cv2.circle(paper, (128, 128), 72, (0, 0, 0), 7, cv2.LINE_AA)
    drawn, found = ink(paper, 64, 64), edges(disc(), 0.3)
    assert drawn.shape == (64, 64) and drawn.min() == 0 and drawn.max() <= 1
    assert (drawn * found).sum() > 0.5 * (found * found).sum(), "its lines lie where those of the thing would lie"
    assert 0.4 < drawn.sum() / found.sum() < 2.5, "and are about as wide"


@pytest.mark.parametrize("kind", CHANNELS)
def test_what_is_seen_has_its_channels_and_stays_in_its_range(kind: str) -> None:
    seen = see(kind, disc(6), 0.5, disc())
    assert seen.shape == (CHANNELS[kind], 64, 64) and seen.dtype == np.float32
    assert -1 <= seen.min() < seen.max() <= 1
    if kind == "flow":
        assert seen[0].max() > 0.3 > abs(seen[1]).mean(), "to the right"
    if kind == "mask":
        assert seen[0, 32, 38] > 0.9 and seen[0, 4, 4] < 0.1


def test_a_code_is_the_colour_of_what_stands_in_the_middle_and_of_its_ground_and_palettes_are_a_round() -> None:
    pictures = torch.from_numpy(np.stack([disc(), disc(light=90)])).permute(0, 3, 1, 2) / 127.5 - 1
    codes = codes_of(pictures)
    assert codes[0, 0] > 0.5 > codes[1, 0] and (codes[:, 1:3] < -0.4).all() and (codes[:, 3:6] < -0.7).all()
    palettes = find_palettes(codes.repeat(4, 1), 2)
    assert torch.allclose(blend(palettes, 0.0), blend(palettes, 1.0)) and not blend(palettes, 0.5).equal(palettes[0])


def test_a_network_is_told_colours_that_lines_do_not_say() -> None:
    torch.manual_seed(0)
    net = UNet(NetworkConfig(widths=(4, 6))).eval()
    seen, red = torch.rand(1, 1, 16, 16), torch.tensor([[1.0, -1, -1, -1, -1, -1, 1, 1, 1]])
    painted = net(seen, red), net(seen, -red)
    assert (painted[0][:, 0] - painted[1][:, 0]).abs().mean() > 0.05
    with pytest.raises(ValueError, match="found 5"):
        NetworkConfig(code=5)


def test_a_run_learns_goes_on_after_a_kill_bit_for_bit_and_writes_a_model_that_plays(
    pictures: Path, tmp_path: Path
) -> None:
    whole = run_of(pictures, tmp_path / "whole")
    for _ in range(3):
        whole.step()
    begun = run_of(pictures, tmp_path)
    for _ in range(2):
        begun.step()
    begun.sheet()
    begun.step()  # this one dies with the process
    again = run_of(pictures, tmp_path)
    assert again.trainer.seen == 4 and again.steps == 2
    again.step()
    ours, theirs = (run.trainer.weights() for run in (again, whole))
    assert all(ours[name].equal(theirs[name]) for name in theirs)
    folder = again.export()
    card = tomllib.loads((folder / "model.toml").read_text())
    assert card["kind"] == "translator" and card["sight"] == "edges" and card["training"]["pairs_seen"] == 6
    assert "psnr_db" in card["quality"]
    played = translator.create(
        translator.Settings(str(folder), Part("pattern"), (32, 16), "float32"), device="cpu", seed=1
    )
    assert played.render(Controls(0.0, {})).pixels.shape == (3, 16, 32)
    shown = torch.rand(1, 1, 16, 32)
    code = torch.linspace(-1, 1, 9)
    played.brush.colour(code)
    assert isinstance(again.trainer, TranslatorTrainer)
    textbook = again.trainer.average(shown, code[None])
    assert torch.allclose(played.brush(shown), textbook, atol=0.02), "half precision keeps it"
    with pytest.raises(ValueError, match="another translator"):
        run_of(pictures, tmp_path, widths="4,8")


def test_what_is_learnt_brings_the_picture_nearer(pictures: Path, tmp_path: Path) -> None:
    run = run_of(pictures, tmp_path, lr=0.01, batch=4)
    lost = [run.step()["pixels"] for _ in range(20)]
    assert np.mean(lost[-5:]) < 0.85 * np.mean(lost[:5]), lost


def test_two_folders_pair_by_name_and_two_without_pairs_go_there_and_back(pictures: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(pictures, other)
    (other / "grey.png").unlink()
    paired = run_of(pictures, tmp_path / "a", inputs=other)
    assert isinstance(paired.trainer, TranslatorTrainer) and paired.trainer.config.inputs == 3
    assert len(paired.trainer.source.images) == len(paired.corpus) - 1
    pairs = paired.trainer.source.plainly(np.arange(3), 16)
    assert torch.allclose(pairs.shown * 2 - 1, pairs.target, atol=0.02), "here both folders show the same"
    free = run_of(pictures, tmp_path / "b", unpaired=other)
    first = {name: value.clone() for name, value in free.trainer.modules()["back"].state_dict().items()}
    free.step()
    again = free.trainer.modules()["back"].state_dict()
    assert any(not first[name].equal(again[name]) for name in first)
    folder = free.export()
    played = translator.create(translator.Settings(str(folder), Part("pattern"), (16, 16)), device="cpu")
    assert "translator.hue" not in played.knobs and played.render(Controls(0.0, {})).pixels.isfinite().all()
    with pytest.raises(ValueError, match="equal names, found 0"):
        run_of(pictures, tmp_path / "c", inputs=_renamed(other))


def _renamed(folder: Path) -> Path:
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        path.rename(path.with_name(f"x{path.name}"))
    return folder


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"size": 18}, "multiple of 4"),
        ({"widths": "4"}, "two to eight"),
        ({"batch": 1}, "batch of 2"),
        ({"inputs": Path("a"), "unpaired": Path("b")}, "found both"),
        ({"unpaired": Path("b"), "sight": "edges"}, "leave --from out"),
        ({"critic": -1.0}, "critic of 0..10"),
    ],
)
def test_what_there_cannot_be_is_refused_in_one_line(wrong: dict[str, object], said: str, pictures: Path) -> None:
    with pytest.raises(ValueError, match=said):
        Settings(pictures, **{**SMALL, **wrong}).resolve()  # type: ignore[arg-type]


def test_flow_needs_films(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected films"):
        run_of(pictures, tmp_path, sight="flow")
