"""Takes are measured, ranked and chosen as an artist would notice; a taste follows what was kept and rejected."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from installation.networks import nima
from installation.pictures import read_picture
from installation.signals import Still
from installation.stages import selection
from installation.stages.selection import figures, ranking, taste
from installation.stages.work import Work
from installation.weights import WeightsError


def petals(seed: int, colour: float = 1.0, size: int = 200) -> np.ndarray:
    """A flower of soft discs on transparent paper, (H, W, 4) uint16; colour 0 is grey."""
    chance = np.random.default_rng(seed)
    canvas = np.zeros((size, size, 4), np.float32)
    for _ in range(9):
        rgb = chance.uniform(0, 1, 3)
        rgb = rgb.mean() + (rgb - rgb.mean()) * colour
        at = tuple(int(v) for v in chance.uniform(0.25, 0.75, 2) * size)
        cv2.circle(canvas, at, int(chance.uniform(0.06, 0.18) * size), (*map(float, rgb), 1.0), -1, cv2.LINE_AA)
    return (np.clip(cv2.GaussianBlur(canvas, (0, 0), 1), 0, 1) * 65535).astype(np.uint16)


def noise(size: int = 200) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 65535, (size, size, 3), dtype=np.uint16)


def still(name: str, pixels: np.ndarray, **kept: Any) -> Still:
    return Still(pixels, name, f"in{name}", 1, **kept)


def measured(stage: selection.Selection, take: Still, folder: Path) -> Still:
    """The take after the stage, as the runner stores it."""
    made = stage.run((take,), Work(1, folder))
    assert made.pixels is take.pixels
    notes = dict(take.notes) | {"selection": dict(made.notes)}
    return dataclasses.replace(take, key=f"out{take.name}", maps=dict(made.maps), notes=notes)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> selection.Selection:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # no NIMA of this machine's user
    made = selection.create(selection.Settings())
    assert isinstance(made, selection.Selection)
    return made


def plain(name: str, **found: float) -> Still:
    """A take whose figures are given."""
    return still(name, petals(0, size=8), notes={"selection": {"take": f"in{name}", "figures": found}})


# ---- figures


def test_noise_is_told_from_a_flower_and_from_fine_lines() -> None:
    lines = np.full((256, 256, 3), 65535, np.uint16)
    for first in range(3):  # a hatching of 3 px lines
        lines[first::20] = 0
        lines[:, first::27] = 0
    white, flower, hatched = (figures.measure(p)["noise"] for p in (noise(), petals(1), lines))
    assert white > 0.9 > 0.45 > hatched
    assert flower < 0.15


def test_grey_is_not_colourful_and_strong_colours_are() -> None:
    grey, pale, strong = (figures.measure(petals(2, colour))["colourfulness"] for colour in (0.0, 0.3, 1.0))
    assert grey < 0.02 < pale < strong


def test_contrast_of_black_and_white_is_one_and_of_a_plain_colour_none() -> None:
    halves = np.zeros((64, 64, 3), np.uint16)
    halves[:, 32:] = 65535
    assert figures.measure(halves)["contrast"] == pytest.approx(1, abs=0.01)
    assert figures.measure(np.full((64, 64, 3), 30000, np.uint16))["contrast"] < 0.01


def test_coverage_is_the_share_of_paper_that_is_painted() -> None:
    half = np.zeros((40, 40, 4), np.uint16)
    half[:, :20] = 65535 // 2, 0, 0, 65535
    assert figures.measure(half)["coverage"] == pytest.approx(0.5, abs=0.02)
    opaque = np.full((40, 40, 3), 65535, np.uint16)
    opaque[:10] = 0
    assert figures.measure(opaque)["coverage"] == pytest.approx(0.25, abs=0.02)


def test_a_take_like_its_composition_is_told_from_one_that_left_it() -> None:
    take = petals(3)
    before = figures.flatten(take)
    same = figures.measure(take, before)["likeness"]
    warped = figures.measure(np.roll(take, 60, axis=1), before)["likeness"]
    assert same > 0.99
    assert warped < 0.5
    told = {"slomo_glitch": {"judgement": {"change": 0.7}}, "composition": {"score": 0.6}}
    found = figures.measure(take, None, told)
    assert found["likeness"] == pytest.approx(0.3) and found["composition"] == 0.6


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 1, 4), np.uint16),
        np.zeros((30, 50, 4), np.uint16),
        np.full((3, 30_000, 3), 20000, np.uint16),
        np.full((700, 2, 4), 65535, np.uint16),
    ],
    ids=["one pixel", "all transparent", "30,000 px wide", "two px wide"],
)
def test_any_picture_is_measured(stage: selection.Selection, tmp_path: Path, pixels: np.ndarray) -> None:
    take = measured(stage, still("odd", pixels), tmp_path)
    measured_figures = ranking.figures_of(take)
    assert measured_figures and all(0 <= value <= 1 for value in measured_figures.values())
    assert take.maps["embedding"].shape == (1280,) and np.isfinite(take.maps["embedding"]).all()


def test_measuring_twice_gives_the_same(stage: selection.Selection, tmp_path: Path) -> None:
    one, two = (measured(stage, still("a", petals(4)), tmp_path) for _ in range(2))
    assert one.notes == two.notes
    assert np.array_equal(one.maps["embedding"], two.maps["embedding"])


def test_real_plates_are_no_failures_and_noise_is(stage: selection.Selection, tmp_path: Path, shared: Path) -> None:
    plates = [read_picture(p) for p in sorted((shared / "data" / "plates").glob("*.jpg"))[:3]]
    takes = [measured(stage, still(f"p-take{i}", p), tmp_path) for i, p in enumerate([*plates, noise(400)])]
    ranks = ranking.rank(takes, {})
    assert [r.failure for r in ranks] == ["", "", "", "near noise"]
    assert min(ranks, key=lambda r: r.overall) is ranks[3]


# ---- choosing


def test_without_choices_the_best_take_of_each_composition_goes_on(stage: selection.Selection) -> None:
    takes = [
        plain("composition-1-take1", contrast=0.2, noise=0.1),
        plain("composition-1-take2", contrast=0.6, noise=0.1),
        plain("composition-2-take1", contrast=0.9, noise=0.2),
        plain("composition-2-take2", contrast=0.1, noise=0.9),
    ]
    assert [s.name for s in stage.choose(takes, {})] == ["composition-1-take2", "composition-2-take1"]


def test_what_the_artist_kept_goes_on_whole_and_what_was_rejected_never() -> None:
    takes = [plain(f"c-{c}-take{t}", contrast=t / 5) for c in (1, 2, 3) for t in (1, 2, 3)]
    choices = {"inc-1-take1": "keep", "inc-1-take2": "keep", "inc-2-take3": "reject"}
    choices |= {f"inc-3-take{t}": "reject" for t in (1, 2, 3)}
    scores = [0.1, 0.5, 0.9] * 3
    chosen = ranking.select(takes, scores, choices)
    assert [s.name for s in chosen] == ["c-1-take1", "c-1-take2", "c-2-take2"]
    two = ranking.select(takes, scores, choices, keep=2)
    assert [s.name for s in two] == ["c-1-take1", "c-1-take2", "c-2-take1", "c-2-take2"]
    going = {s.name for s in selection.create(selection.Settings()).choose(takes, choices)}
    assert {"c-1-take1", "c-1-take2"} < going and not going & {"c-2-take3", "c-3-take1", "c-3-take2", "c-3-take3"}


def test_choices_count_under_the_key_of_the_measured_take_too() -> None:
    takes = [plain("c-take1", contrast=0.9), plain("c-take2", contrast=0.1)]
    stage = selection.create(selection.Settings())
    assert [s.name for s in stage.choose(takes, {takes[0].key: "reject"})] == ["c-take2"]


def test_what_its_maker_called_a_failure_comes_last() -> None:
    good = plain("c-take1", contrast=0.9)
    bad = dataclasses.replace(good, notes=dict(good.notes) | {"slomo_glitch": {"fault": "near-identical"}})
    ranks = ranking.rank([bad, plain("c-take2", contrast=0.1)], {})
    assert ranks[0].failure == "near-identical" and ranks[0].overall < ranks[1].overall


def test_one_outlier_does_not_shift_the_others() -> None:
    calm = [plain(f"c-take{i}", contrast=0.3 + i / 100, colourfulness=0.5 - i / 50) for i in range(6)]
    with_outlier = [*calm, plain("c-take9", contrast=1.0, colourfulness=0.0)]
    order = [r.overall for r in ranking.rank(calm, {})]
    again = [r.overall for r in ranking.rank(with_outlier, {})][:6]
    assert np.array_equal(np.argsort(order), np.argsort(again))


def test_settings_that_cannot_be_are_named() -> None:
    with pytest.raises(ValueError, match="keep: expected 1 or more"):
        selection.create(selection.Settings(keep=0))
    with pytest.raises(ValueError, match=r"no such file 'nowhere\.hdf5'"):
        selection.create(selection.Settings(nima="nowhere.hdf5"))


# ---- taste


def area_under_curve(scores: np.ndarray, truth: np.ndarray) -> float:
    """How often a picture that pleases is ranked above one that does not."""
    good, bad = scores[truth], scores[~truth]
    return float((good[:, None] > bad).mean() + 0.5 * (good[:, None] == bad).mean())


def test_twelve_choices_of_colourful_pictures_order_the_others(stage: selection.Selection, tmp_path: Path) -> None:
    chance = np.random.default_rng(8)
    strengths = chance.permutation(np.linspace(0, 1, 36))
    takes = [measured(stage, still(f"c-{i}-take1", petals(i, s, 96)), tmp_path) for i, s in enumerate(strengths)]
    truth = strengths > 0.5
    choices = {ranking.take_of(takes[i]): "keep" if truth[i] else "reject" for i in range(12)}
    began_s = time.process_time()
    pleasing = np.array([r.taste for r in ranking.rank(takes, choices)], float)
    assert time.process_time() - began_s < 60  # measured: a tenth of a second; by plain loops it would be hours
    assert area_under_curve(pleasing[12:], truth[12:]) > 0.8
    overall = np.array([r.overall for r in ranking.rank(takes, choices)])
    turned = {key: "keep" if said == "reject" else "reject" for key, said in choices.items()}
    other = np.array([r.overall for r in ranking.rank(takes, turned)])
    assert area_under_curve(overall[12:], truth[12:]) > area_under_curve(other[12:], truth[12:]) + 0.3


def test_a_taste_for_forms_is_learnt_from_what_the_network_sees() -> None:
    chance = np.random.default_rng(2)
    form = chance.normal(size=1280)
    truth = chance.random(60) > 0.5
    seen = chance.normal(size=(60, 1280)) + np.where(truth, 0.25, -0.25)[:, None] * form
    kept = [bool(t) if i < 12 else None for i, t in enumerate(truth)]
    pleasing = taste.learn(taste.Looks(seen, chance.random((60, 5))), kept)
    assert pleasing is not None and area_under_curve(pleasing[12:], truth[12:]) > 0.8


@pytest.mark.parametrize("kept", [[True, False, True, None], [True] * 5 + [None], [False] * 5 + [None], [None] * 6])
def test_few_choices_or_only_one_kind_claim_nothing(kept: list[bool | None]) -> None:
    looks = taste.Looks(np.random.default_rng(0).normal(size=(len(kept), 8)), np.zeros((len(kept), 2)))
    assert taste.learn(looks, kept) is None


def test_a_thousand_takes_are_ranked_anew_while_one_waits() -> None:
    chance = np.random.default_rng(3)
    kept: list[bool | None] = [bool(chance.random() > 0.5) if i < 200 else None for i in range(1000)]
    looks = taste.Looks(chance.normal(size=(1000, 1280)), chance.random((1000, 7)))
    began_s = time.process_time()
    assert taste.learn(looks, kept) is not None
    assert time.process_time() - began_s < 60  # measured: a tenth of a second; by plain loops it would be hours


def test_a_taste_goes_along_to_the_next_job(stage: selection.Selection, tmp_path: Path) -> None:
    path = tmp_path / "taste.npz"
    old = [measured(stage, still(f"old-{i}", petals(i, i % 2, 96)), tmp_path) for i in range(8)]
    choices = {ranking.take_of(t): "keep" if i % 2 else "reject" for i, t in enumerate(old)}
    taste.remember(path, ranking.remember(old, choices, taste.recall(path)))
    new = [measured(stage, still(f"new-{i}", petals(50 + i, i % 2, 96)), tmp_path) for i in range(10)]
    assert ranking.rank(new, {})[0].taste is None
    pleasing = np.array([r.taste for r in ranking.rank(new, {}, memory=taste.recall(path))], float)
    assert area_under_curve(pleasing, np.arange(10) % 2 == 1) > 0.9
    chosen = selection.create(selection.Settings(taste=str(path), keep=1)).choose(
        [dataclasses.replace(s, name=f"c-take{i}") for i, s in enumerate(new)], {}
    )
    assert len(chosen) == 1 and ranking.figures_of(chosen[0])["colourfulness"] > 0.1


def test_a_take_that_is_judged_again_is_remembered_once(stage: selection.Selection, tmp_path: Path) -> None:
    take = measured(stage, still("a-take1", petals(1, 1.0, 64)), tmp_path)
    memory = ranking.remember([take], {"ina-take1": "keep"}, taste.Memory())
    memory = ranking.remember([take], {"ina-take1": "reject"}, memory)
    assert memory.takes == ("ina-take1",) and memory.kept == (False,)
    assert ranking.remember([take], {}, memory).takes == ()


def test_a_torn_or_foreign_taste_file_is_said_and_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "taste.npz"
    taste.remember(path, taste.Memory(("a",), (True,), np.zeros((1, 3)), np.zeros((1, 1)), ("noise",)))
    assert taste.recall(path).takes == ("a",)
    path.write_bytes(path.read_bytes()[:100])
    with caplog.at_level(logging.WARNING):
        assert taste.recall(path).takes == ()
    assert "expected a taste file" in caplog.text
    np.savez(path, takes=np.array([{"a": 1}], object), allow_pickle=True)
    assert taste.recall(path).takes == ()


# ---- NIMA


def write_keras(path: Path, seed: int = 0, spoil: str = "") -> dict[str, np.ndarray]:
    """A file in the layout of Keras's save_weights, of random weights."""
    chance = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {"conv1/conv1/kernel:0": (3, 3, 3, 32)}

    def norm(layer: str, width: int) -> None:
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            shapes[f"{layer}/{layer}/{name}:0"] = (width,)

    norm("conv1_bn", 32)
    for i, (inputs, outputs, _) in enumerate(nima.BLOCKS, 1):
        shapes[f"conv_dw_{i}/conv_dw_{i}/depthwise_kernel:0"] = (3, 3, inputs, 1)
        norm(f"conv_dw_{i}_bn", inputs)
        shapes[f"conv_pw_{i}/conv_pw_{i}/kernel:0"] = (1, 1, inputs, outputs)
        norm(f"conv_pw_{i}_bn", outputs)
    shapes |= {"dense_1/dense_1/kernel:0": (1024, 10), "dense_1/dense_1/bias:0": (10,)}
    arrays = {}
    with h5py.File(path, "w") as file:
        for name, shape in shapes.items():
            values = chance.normal(size=shape).astype(np.float32)
            if "variance" in name or "gamma" in name:
                values = np.abs(values) + np.float32(0.5)
            fan_in = 9 if "depthwise" in name else int(np.prod(shape[:-1]))
            arrays[name] = values * np.float32(np.sqrt(2 / fan_in) if "kernel" in name else 1.0)
            file[name] = arrays[name][..., :-1] if name == spoil else arrays[name]
    return arrays


def reference(arrays: dict[str, np.ndarray], picture: np.ndarray) -> np.ndarray:
    """The same network written out by the layer, as its paper has it, from Keras's arrays."""

    def norm(x: torch.Tensor, layer: str) -> torch.Tensor:
        gamma, beta, mean, variance = (
            torch.from_numpy(arrays[f"{layer}/{layer}/{n}:0"])[:, None, None]
            for n in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return ((x - mean) / (variance + 1e-3).sqrt() * gamma + beta).clamp(0, 6)

    def kernel(name: str, order: tuple[int, ...]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(arrays[name].transpose(order)))

    x = torch.from_numpy(picture).permute(2, 0, 1)[None] * 2 - 1
    x = norm(F.conv2d(x, kernel("conv1/conv1/kernel:0", (3, 2, 0, 1)), stride=2, padding=1), "conv1_bn")
    for i, (inputs, _, stride) in enumerate(nima.BLOCKS, 1):
        depth = kernel(f"conv_dw_{i}/conv_dw_{i}/depthwise_kernel:0", (2, 3, 0, 1))
        x = norm(F.conv2d(x, depth, stride=stride, padding=1, groups=inputs), f"conv_dw_{i}_bn")
        x = norm(F.conv2d(x, kernel(f"conv_pw_{i}/conv_pw_{i}/kernel:0", (3, 2, 0, 1))), f"conv_pw_{i}_bn")
    logits = x.mean((2, 3)).numpy()[0] @ arrays["dense_1/dense_1/kernel:0"] + arrays["dense_1/dense_1/bias:0"]
    likely = np.exp(logits - logits.max())
    return likely / likely.sum()


def test_nima_reads_keras_weights_as_keras_would(tmp_path: Path) -> None:
    arrays = write_keras(tmp_path / "weights.hdf5")
    net = nima.load_nima(tmp_path / "weights.hdf5", torch.device("cpu"))
    view = np.random.default_rng(4).random((224, 224, 3)).astype(np.float32)
    expected = reference(arrays, view)
    assert selection.judge_picture(net, view) == pytest.approx(float(expected @ np.arange(1, 11)), abs=1e-3)


def test_the_mean_of_ten_bins_is_between_one_and_ten() -> None:
    assert nima.mean_score(torch.eye(10)).tolist() == pytest.approx(list(range(1, 11)))
    assert float(nima.mean_score(torch.full((1, 10), 0.1))) == pytest.approx(5.5)


def test_a_batch_with_nimas_weights_has_its_figure(tmp_path: Path) -> None:
    write_keras(tmp_path / "weights.hdf5")
    named = selection.create(selection.Settings(nima=str(tmp_path / "weights.hdf5")))
    assert isinstance(named, selection.Selection)
    take = measured(named, still("a-take1", petals(1)), tmp_path)
    assert 0 <= ranking.figures_of(take)["nima"] <= 1
    assert named.fingerprint != selection.create(selection.Settings()).fingerprint


def test_other_and_torn_files_are_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "weights.hdf5"
    write_keras(path, spoil="conv_pw_3/conv_pw_3/kernel:0")
    with pytest.raises(WeightsError, match=r"conv_pw_3.weight \(128, 128, 1, 1\); found \(127"):
        nima.load_nima(path, torch.device("cpu"))
    path.write_bytes(b"\x89HDF\r\n\x1a\n torn")
    with pytest.raises(WeightsError, match="expected a whole HDF5 file"):
        nima.load_nima(path, torch.device("cpu"))


def test_an_array_kept_in_another_file_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.ones(10, np.float32).tobytes())
    with h5py.File(tmp_path / "weights.hdf5", "w") as file:
        file.create_dataset("dense_1/bias:0", (10,), "f4", external=[(str(secret), 0, 40)])
        file["dense_1/kernel:0"] = h5py.ExternalLink(str(secret), "/x")
    assert nima.read_keras(tmp_path / "weights.hdf5") == {}


def test_missing_weights_are_said_once_with_how_to_get_them(
    stage: selection.Selection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    selection._say_how_to_get_nima.cache_clear()
    takes = [plain("c-take1", contrast=0.5)]
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            stage.choose(takes, {})
    assert caplog.text.count("download https://") == 1
    assert str(tmp_path / "cache" / "installation" / "nima") in caplog.text


def test_broken_weights_in_the_cache_cost_the_figure_and_not_the_takes(
    stage: selection.Selection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clear: Callable[[], None] = selection._judge.cache_clear
    clear()
    nima.where().parent.mkdir(parents=True)
    nima.where().write_bytes(b"<html>not found</html>")
    with caplog.at_level(logging.WARNING):
        take = measured(stage, still("a-take1", petals(1, size=64)), tmp_path)
    clear()
    assert "nima" not in ranking.figures_of(take)
    assert "expected a whole HDF5 file" in caplog.text
