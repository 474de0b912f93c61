"""Training from a folder: both methods run, survive kill -9, and leave a model that opens safely."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tomllib
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from installation.__main__ import main
from installation.generators.stylegan2.network import Generator, NetworkConfig
from installation.training import adversarial, diffaugment, gan, losses, patches
from installation.training.corpus import open_corpus
from installation.training.reconstruction import size_at
from installation.training.run import Run
from installation.training.settings import Settings

MODELS = Path(__file__).resolve().parents[2] / "models"
SMALL = {"size": 32, "batch": 4, "z_dim": 16, "w_dim": 16, "mapping_layers": 2, "channel_base": 512, "channel_max": 32}
OPTIONS = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]


def small_run(pictures: Path, tmp_path: Path, method: str, **more: object) -> Run:
    values = {**SMALL, "method": method, "device": "cpu", **more}
    settings = Settings(pictures, tmp_path / "model", tmp_path / "work", **values)  # type: ignore[arg-type]
    return Run(settings, open_corpus(pictures, 32, tmp_path / "work"))


def state_of(checkpoint: Path) -> dict[str, float]:
    with safe_open(checkpoint, "pt") as file:
        return json.loads(file.metadata()["state"])


@pytest.mark.parametrize("method", ["reconstruct", "adversarial"])
def test_both_methods_train_and_leave_a_model_that_opens(pictures: Path, tmp_path: Path, method: str) -> None:
    run = small_run(pictures, tmp_path, method)
    before = [value.clone() for value in run.student.generator.parameters()]
    for active_s in (0.0, 0.9 * 7200, 0.95 * 7200):  # before and after the critics join
        run.active_s = active_s
        assert all(torch.isfinite(torch.tensor(value)) for value in run.step().values())
    assert sum(not torch.equal(a, b) for a, b in zip(before, run.student.generator.parameters(), strict=True)) > 20
    run.sheet()
    run.film()
    folder = run.write_model()

    card = tomllib.loads((folder / "model.toml").read_text("utf-8"))
    assert card["sha256"] == sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    assert card["training"]["images_seen"] == 12
    tensors = load_file(folder / "weights.safetensors")
    anchors = tensors.pop("anchors", None)
    assert (anchors is not None) == (method == "reconstruct")
    Generator(NetworkConfig.from_dict(card["network"])).load_state_dict(tensors)
    assert Image.open(folder / "samples.png").width > 100
    assert (tmp_path / "work" / "evolution.mp4").stat().st_size > 500


@pytest.fixture(scope="module")
def redrawn(album: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list[float]]:
    """A run that has redrawn its pictures for a while, and how far off it was at every step."""
    run = small_run(album, tmp_path_factory.mktemp("redrawn"), "reconstruct", batch=8)
    return run, [run.step()["pixels"] for _ in range(24)]


def test_redrawing_comes_closer_to_the_pictures(redrawn: tuple[Run, list[float]]) -> None:
    _, pixels = redrawn
    assert sum(pixels[-5:]) < 0.9 * sum(pixels[:5])


def test_a_run_can_start_from_a_model_and_knows_its_pictures_again(
    redrawn: tuple[Run, list[float]], album: Path, tmp_path: Path
) -> None:
    first, _ = redrawn
    first.average.load_state_dict(first.student.state_dict())
    model = first.write_model()
    second = small_run(album, tmp_path / "again", "reconstruct", start=str(model), z_dim=20, w_dim=20)
    assert second.network == first.network  # whatever the options say

    def apart(run: Run) -> float:
        everything = torch.arange(len(run.corpus))
        drawn = run.draw(run.average.generator.mapping(run.average.codes))
        return float(losses.laplacian_l1(drawn, run.corpus.batch(everything, 32)))

    with torch.no_grad():
        fresh = small_run(album, tmp_path / "fresh", "reconstruct")
        assert apart(second) < 1.1 * apart(first) < 0.9 * apart(fresh)
    assert torch.isfinite(torch.tensor(list(second.step().values()))).all()


def test_a_start_of_another_size_says_which_size_to_ask_for(pictures: Path, tmp_path: Path) -> None:
    model = small_run(pictures, tmp_path, "adversarial").write_model()
    with pytest.raises(ValueError, match="expected --size 32"):
        small_run(pictures, tmp_path / "again", "adversarial", start=str(model), size=64)


def test_a_resumed_run_goes_on_exactly_as_one_that_was_never_stopped(pictures: Path, tmp_path: Path) -> None:
    whole = small_run(pictures, tmp_path, "adversarial")
    for _ in range(3):
        whole.step()
    whole.save()
    resumed = small_run(pictures, tmp_path, "adversarial")
    assert (resumed.steps, resumed.images, resumed.active_s) == (whole.steps, whole.images, whole.active_s)
    torch.set_rng_state(load_file(whole.path)["random"])
    expected = whole.step()
    torch.set_rng_state(load_file(whole.path)["random"])
    assert resumed.step() == pytest.approx(expected, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("old", [False, True], ids=["names in the checkpoint", "an earlier version's"])
def test_a_run_goes_on_with_a_picture_more_and_one_fewer_and_each_keeps_the_code_it_had(
    pictures: Path, tmp_path: Path, old: bool
) -> None:
    first = small_run(pictures, tmp_path, "reconstruct")
    first.step()
    first.sheet()
    if old:
        tensors, state = load_file(first.path), state_of(first.path)
        state.pop("names")
        save_file(tensors, first.path, {"state": json.dumps(state)})
    (pictures / "disc2.png").unlink()
    shutil.copy(pictures / "disc8.png", pictures / "a new one.png")
    second = small_run(pictures, tmp_path, "reconstruct")
    assert "disc2.png" not in second.corpus.names and second.images == first.images

    def code_of(run: Run, name: str) -> torch.Tensor:
        return run.student.codes[run.corpus.names.index(name)].detach()

    for name in set(second.corpus.names) - {"a new one.png"}:
        assert torch.equal(code_of(second, name), code_of(first, name)), name
    assert torch.equal(code_of(second, "a new one.png"), code_of(first, "disc8.png")), "it looks like that one"
    assert all(torch.isfinite(torch.tensor(value)) for value in second.step().values())


def test_a_run_over_quite_other_pictures_says_so(pictures: Path, tmp_path: Path) -> None:
    small_run(pictures, tmp_path, "reconstruct").save()
    for n, path in enumerate(sorted(pictures.glob("**/disc*.png"))):
        path.rename(pictures / f"renamed{n}.png")
    for name in ("grey.png", "cutout.png", "sideways.jpg"):
        (pictures / name).unlink()
    with pytest.raises(ValueError, match="other pictures; bring them back"):
        small_run(pictures, tmp_path, "reconstruct")


def test_sheets_and_samples_of_a_run_in_the_folder_of_the_pictures_are_not_learnt_from(pictures: Path) -> None:
    (pictures / "sheets").mkdir()
    shutil.copy(pictures / "disc0.png", pictures / "sheets/1.png")  # an artist's own
    run = small_run(pictures, pictures, "reconstruct")
    names = run.corpus.names
    run.step()
    run.sheet()
    run.write_model()
    shutil.copy(pictures / "disc0.png", pictures / "work/sheet.png")
    assert (pictures / "work/sheets/00000.png").is_file() and (pictures / "model/samples.png").is_file()
    assert open_corpus(pictures, 32, pictures / "work").names == names and "sheets/1.png" in names


def test_training_resumes_after_kill_9_with_the_same_step(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = tmp_path / "work" / "checkpoint.safetensors"
    line = [sys.executable, "-m", "installation.training.gan", str(pictures), "--method=adversarial", "--threads=1"]
    line += ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "model"), *OPTIONS]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([*line, "--sheet-minutes=0.001"], cwd=root, stderr=subprocess.DEVNULL) as first:
        while not checkpoint.exists():
            with contextlib.suppress(subprocess.TimeoutExpired):
                pytest.fail(f"training ended by itself: {first.wait(timeout=0.1)}")
        first.kill()
    assert first.returncode == -signal.SIGKILL
    stopped = state_of(checkpoint)
    assert stopped["steps"] > 0
    monkeypatch.setattr(gan, "prepare_machine", lambda settings: None)  # it is prepared, for other tests
    assert main(["train", "gan", *line[3:], "--export"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "model")
    card = tomllib.loads((tmp_path / "model" / "model.toml").read_text("utf-8"))
    assert card["training"]["images_seen"] == stopped["images"]
    run = small_run(pictures, tmp_path, "adversarial")
    assert (run.steps, run.images) == (stopped["steps"], stopped["images"])


def test_a_long_pause_does_not_use_up_the_minutes(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small_run(pictures, tmp_path, "adversarial")
    seconds = iter([0.0, 3600.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(seconds))
    run.step()
    assert run.active_s == 30.0


def test_a_checkpoint_of_another_network_is_refused_by_name(pictures: Path, tmp_path: Path) -> None:
    small_run(pictures, tmp_path, "adversarial").save()
    with pytest.raises((ValueError, RuntimeError)):
        small_run(pictures, tmp_path, "adversarial", w_dim=20)


def test_sizes_grow_and_never_exceed_the_networks() -> None:
    assert [size_at(p, 256) for p in (0.0, 0.3, 0.7, 1.0)] == [32, 64, 128, 256]
    assert [size_at(p, 64) for p in (0.0, 1.0)] == [32, 64]
    assert size_at(1.0, 512) == 512


def test_augmentation_disturbs_each_picture_and_lets_gradients_through() -> None:
    torch.manual_seed(0)
    x = torch.full((4, 3, 32, 32), 0.5, requires_grad=True)
    y = diffaugment.augment(x)
    assert len({round(float(picture.detach().mean()), 5) for picture in y}) == 4
    y.sum().backward()
    assert x.grad is not None and x.grad.abs().sum() > 0


def test_the_critic_learns_to_tell_dark_from_light() -> None:
    torch.manual_seed(0)
    critic = adversarial.Critic(32, {4: 16, 8: 16, 16: 16, 32: 8}, lr=0.01, penalty=0.1)
    for _ in range(10):
        critic.learn(torch.rand(8, 3, 32, 32) - 1, torch.rand(8, 3, 32, 32))
    assert critic.net(torch.rand(8, 3, 32, 32) - 1).mean() > critic.net(torch.rand(8, 3, 32, 32)).mean()


def test_a_patch_critic_learns_to_tell_smooth_features_from_rough_ones() -> None:
    torch.manual_seed(0)
    critic = patches.PatchCritic((6, 8), lr=0.01)

    def features(rough: float) -> list[torch.Tensor]:
        return [50 + rough * torch.randn(4, count, 16, 16) for count in (6, 8)]

    for _ in range(25):
        critic.learn(features(20.0), features(1.0))
    drawn = [x.requires_grad_() for x in features(1.0)]
    assert critic.judge(features(20.0)) < critic.judge(drawn)
    critic.judge(drawn).backward()
    assert all(x.grad is not None and x.grad.abs().sum() > 0 for x in drawn)
    assert all(parameter.grad is None or not parameter.requires_grad for parameter in critic.parameters())


def test_blur_costs_more_in_textures_than_a_shift_does() -> None:
    torch.manual_seed(0)
    stripes = (torch.arange(64) % 8 < 4).float().expand(1, 3, 64, 64) * 2 - 1
    grey = torch.nn.functional.avg_pool2d(stripes, 9, 1, 4)
    assert losses.laplacian_l1(grey, stripes) < losses.laplacian_l1(stripes.roll(4, 3), stripes)
    patches = torch.nn.functional.pixel_unshuffle(stripes, 4) + 1
    shifted, flat = (torch.nn.functional.pixel_unshuffle(x, 4) + 1 for x in (stripes.roll(8, 3), grey))
    there, blurred = (losses.relative_l1(losses.gram(x), losses.gram(patches)) for x in (shifted, flat))
    assert there < 0.01 < blurred


def test_the_default_model_opens_and_its_pictures_differ() -> None:
    card = tomllib.loads((MODELS / "bloom" / "model.toml").read_text("utf-8"))
    weights = MODELS / "bloom" / "weights.safetensors"
    assert card["sha256"] == sha256(weights.read_bytes()).hexdigest()
    assert weights.stat().st_size < 16e6
    assert (MODELS / "bloom" / card["attribution"]).read_text("utf-8").count("CC-BY 2.0") >= 900
    tensors = load_file(weights)
    anchors = tensors.pop("anchors").float()
    assert 60 <= len(anchors) <= 400
    net = Generator(NetworkConfig.from_dict(card["network"]))
    net.load_state_dict(tensors)
    with torch.no_grad():
        pictures = net.synthesis(net.broadcast(anchors[::12].contiguous()))
    assert pictures.shape[1:] == (3, 256, 256)
    small = torch.nn.functional.avg_pool2d(pictures, 32).flatten(1)
    assert torch.pdist(small).min() > 1.0  # no two alike
    assert 0.15 < pictures.std() < 1.0
    assert (pictures.amax(1) - pictures.amin(1)).mean() > 0.15  # in colour
