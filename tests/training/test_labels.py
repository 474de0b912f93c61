"""Folders as classes: what a conditional model learns, keeps over a kill and offers a show, by name."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from test_gan import gan, small_run

from installation.__main__ import main
from installation.generators import stylegan2
from installation.signals import Controls
from installation.training import losses
from installation.training.body import Body
from installation.training.corpus import open_corpus
from installation.training.gan import adversarial, codes, patches
from installation.training.labels import move_columns, read_labels

KINDS = ("daisy", "rose", "tulip")


@pytest.fixture
def kinds(tmp_path: Path) -> Path:
    """Five pictures of each kind, one of them a folder deeper."""
    chance = np.random.default_rng(0)
    for number, kind in enumerate(KINDS):
        for i in range(5):
            pixels = chance.integers(0, 90, (32, 32, 3)) + 80 * np.eye(3)[number]
            path = tmp_path / "kinds" / kind / ("deep" if i == 4 else "") / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(path)
    return tmp_path / "kinds"


@pytest.fixture
def run(kinds: Path, tmp_path: Path) -> Callable[..., Body]:
    """run(method, place="a", ...): a small run with labels, kept in a folder of that name."""

    def begin(method: str = "reconstruct", place: str = "a", **more: object) -> Body:
        return small_run(kinds, tmp_path / place, method, **{"labels": True} | more)

    return begin


def table(run: Body, kind: str) -> torch.Tensor:
    """What the network heard of a class, less what any class would give."""
    mapping = gan(run).student.generator.mapping
    return (mapping.embed.weight * mapping.embed.weight_gain)[:, gan(run).labels.names.index(kind)].detach()


@pytest.mark.parametrize("method", ["reconstruct", "adversarial"])
def test_a_show_chooses_the_classes_of_a_trained_model_by_name_and_mixes_them(
    run: Callable[..., Body], method: str
) -> None:
    trained = run(method)
    trained.active_s = 0.9 * 7200  # when the critics have joined
    assert all(np.isfinite(list(trained.step().values())))
    trained.sheet()
    folder = trained.export()
    card = tomllib.loads((folder / "model.toml").read_text("utf-8"))
    assert card["classes"] == list(KINDS) and "of 3 classes" in card["about"]

    show = stylegan2.create(stylegan2.Settings(str(folder), dtype="float32", noise="none", anchors=4), device="cpu")
    assert "0 daisy, 1 rose, 2 tulip" in show.knobs["generator.class"].about

    def paint(klass: float, one: stylegan2.StyleGAN2 = show) -> torch.Tensor:
        return one.render(Controls(0.0, {"generator.class": klass, "generator.tour": 0.0}, 0.2)).pixels.clone()

    daisy, rose = paint(0.0), paint(1.0)
    assert not daisy.equal(rose) and not paint(0.5).equal(daisy)
    assert (paint(0.5) - paint(0.501)).abs().mean() < 0.05 * max((daisy - rose).abs().mean(), 1e-3), "they fade"
    assert paint(0.0).equal(daisy)
    two = stylegan2.Settings(str(folder), dtype="float32", noise="none", anchors=4, classes=("tulip", "rose"))
    assert torch.allclose(paint(1.0, stylegan2.create(two, device="cpu")), rose, atol=1e-5)


def test_each_class_walks_through_its_own_pictures(run: Callable[..., Body]) -> None:
    trained = run()
    trained.step()
    folder = trained.export()
    anchors = load_file(folder / "weights.safetensors")["anchors"].float()
    assert anchors.shape == (3, 4, 16)
    known = gan(trained).average.w(slice(None)).detach().half().float()
    for number, own in enumerate(anchors):
        mine = known[gan(trained).labels.numbers == number]
        assert torch.cdist(own, mine).min(1).values.max() < 1e-2
    show = stylegan2.create(stylegan2.Settings(str(folder), anchors=4), device="cpu")
    tulip = {"generator.class": 2.0, "generator.truncation": 1.0}
    show.render(Controls(0.0, tulip))
    for place in show.latent.walk.starts[:4]:
        assert torch.cdist(show.where(Controls(0.0, tulip, place))[:1], anchors[2]).min() < 1e-2


def test_a_code_says_nothing_of_the_class_so_that_the_label_has_to(kinds: Path, tmp_path: Path) -> None:
    corpus = open_corpus(kinds, 32, tmp_path)
    labels = read_labels(corpus.names)
    found = codes.first_codes(corpus, 6, None, torch.device("cpu"), labels)
    assert (labels.shares.T @ found / 5).abs().max() < 0.1  # of about 1
    plain = codes.first_codes(corpus, 6, None, torch.device("cpu"))
    assert (labels.shares.T @ plain / 5).abs().max() > 0.5
    drifted = found + labels.shares @ torch.randn(3, 6)
    assert losses.whiteness(drifted, labels.shares) > losses.whiteness(found, labels.shares) + 0.1


@pytest.mark.parametrize("method", ["reconstruct", "adversarial"])
def test_a_run_goes_on_with_a_class_more_and_one_fewer_and_each_keeps_what_was_learnt_of_it(
    kinds: Path, run: Callable[..., Body], method: str
) -> None:
    first = run(method)
    first.step()
    first.save()
    kept = {kind: table(first, kind) for kind in KINDS}
    shutil.copytree(kinds / "rose", kinds / "aster")  # before all others
    shutil.rmtree(kinds / "daisy")
    second = run(method)
    assert gan(second).labels.names == ("aster", "rose", "tulip") and gan(second).seen == gan(first).seen
    for kind in ("rose", "tulip"):
        assert torch.allclose(table(second, kind), kept[kind], atol=1e-6), kind
    assert torch.allclose(table(second, "aster"), torch.stack(list(kept.values())).mean(0), atol=1e-6)
    assert all(np.isfinite(list(second.step().values())))


def test_a_run_does_not_change_between_with_and_without_labels(run: Callable[..., Body]) -> None:
    run().save()
    with pytest.raises(ValueError, match="was begun with --labels; ask for it with them"):
        run(labels=False)


def test_pictures_of_no_class_are_named_before_anything_is_read(
    kinds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(kinds / "rose/0.png", kinds / "loose.png")
    words = ["train", "gan", str(kinds), "--labels", "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    assert main(words) != 0
    assert "1 beside the folders (loose.png ...)" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


def test_a_model_without_classes_learns_them_and_draws_at_first_what_it_drew(
    run: Callable[..., Body],
) -> None:
    plain = run("adversarial", labels=False)
    model = plain.export()
    begun = run("adversarial", start=str(model), place="again")
    net, z = gan(begun).student.generator, torch.randn(4, 16)
    before = gan(plain).average.generator.mapping(z)
    for label in torch.eye(3):
        assert torch.allclose(net.mapping(z, label=label[None]), before, atol=2e-2)
    before_step = net.mapping.fc0.weight[:, 16:].clone()
    begun.step()
    assert not torch.equal(net.mapping.fc0.weight[:, 16:], before_step), "it begins to hear of them"


def test_a_model_of_classes_begins_another_run_with_each_under_its_own_name(
    kinds: Path, run: Callable[..., Body]
) -> None:
    model = run("adversarial").export()
    with pytest.raises(ValueError, match="knows the classes daisy, rose, tulip: expected --labels"):
        run("adversarial", labels=False, start=str(model), place="plain")
    shutil.move(kinds / "daisy", kinds / "zinnia")
    begun = run("adversarial", start=str(model), place="again")
    old = load_file(model / "weights.safetensors")["mapping.embed.weight"].float()
    new = gan(begun).student.generator.mapping.embed.weight.detach()
    assert gan(begun).labels.names == ("rose", "tulip", "zinnia")
    assert torch.allclose(new, move_columns(old, KINDS, ("rose", "tulip", "zinnia")), atol=1e-6)
    assert torch.allclose(new[:, 0], old[:, 1], atol=1e-6)


@pytest.mark.parametrize("kind", ["pixels", "patches"])
def test_critics_hear_which_class_a_picture_should_be_of(kind: str) -> None:
    torch.manual_seed(0)
    first, second = torch.eye(2)[:1].expand(4, -1), torch.eye(2)[1:].expand(4, -1)
    dark, light = torch.rand(4, 3, 32, 32) - 1, torch.rand(4, 3, 32, 32)
    if kind == "pixels":
        critic = adversarial.Critic(32, {4: 16, 8: 16, 16: 16, 32: 8}, lr=0.01, penalty=0.1, classes=2)
        real, drawn = torch.cat([dark, light]), torch.cat([light, dark])
    else:
        critic = patches.PatchCritic((3,), lr=0.01, classes=2)
        real, drawn = [torch.cat([dark, light])], [torch.cat([light, dark])]
    labels = torch.cat([first, second])
    for _ in range(25):
        critic.learn(real, drawn, labels, labels)
    right, wrong = (critic.judge(drawn if one else real, labels) for one in (0, 1))
    assert wrong - right > 1.0, "the same pictures, under the other's name"


def test_the_sheet_says_which_folders_would_be_classes(
    kinds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["corpus", "sheet", str(kinds), "--size", "32", "--out", str(tmp_path / "sheet.png")]) == 0
    assert "train gan --labels makes classes of: daisy 5, rose 5, tulip 5" in capsys.readouterr().out
    shutil.copy(kinds / "rose/0.png", kinds / "loose.png")
    assert main(["corpus", "sheet", str(kinds), "--size", "32", "--out", str(tmp_path / "sheet.png")]) == 0
    assert "classes" not in capsys.readouterr().out


def test_the_ways_between_classes_are_learnt_too(run: Callable[..., Body]) -> None:
    trained = run()
    trained.step()
    numbers, near = gan(trained).labels.numbers, gan(trained).method.near
    across = numbers[near] != numbers[:, None]
    assert across[:, -near.shape[1] // 3 :].all() and near.shape[1] == 12
