"""A picture that a model can paint is found in it again; what it cannot paint, as near as it can."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_models import make_net, save_model

from installation.__main__ import main
from installation.generators import stylegan2
from installation.latent import vectors
from installation.latent.likeness import Eye
from installation.latent.pictures import read_picture
from installation.latent.projection import Effort, Projector, _order_in
from installation.networks.encoder import Encoder, EncoderConfig
from installation.settings import SettingsError
from installation.training.export import write_model

QUICK = Effort(samples=20, steps=20, plus=24, full=6)


def save_picture(path: Path, pixels: torch.Tensor) -> Path:
    rgb = (pixels * 127.5 + 128).clamp(0, 255).byte().permute(1, 2, 0).numpy()
    Image.fromarray(rgb).save(path)
    return path


def test_each_step_of_the_way_is_nearer_and_every_row_of_w_plus_goes_its_own(generator) -> None:
    target = generator.trace(torch.randn(1, 8, 24, generator=torch.Generator().manual_seed(7))).detach()
    before = [noise.clone() for noise in generator.noises()]
    steps: list[str] = []
    watch = lambda what, step, steps_, picture: steps.append(what)  # noqa: E731
    sample, w, plus = Projector(generator, target, watch).find(QUICK)
    assert plus.apart < 0.9 * w.apart < 0.9 * sample.apart
    assert (w.point == w.point[:1]).all() and not (plus.point == plus.point[:1]).all()
    assert list(dict.fromkeys(steps)) == ["samples", "w", "w+", "w+ at full size"]
    assert all(a.equal(b) and not a.requires_grad for a, b in zip(before, generator.noises(), strict=True))
    assert torch.allclose(plus.picture, generator.trace(plus.point[None]).clamp(-1, 1)), "as the show paints it"


def test_it_begins_at_the_likest_of_the_samples(generator) -> None:
    samples = generator.samples(30)
    target = generator.trace(samples[17].expand(1, 8, -1)).detach()
    assert Projector(generator, target).likest(samples).equal(samples[17:18])


def test_a_picture_is_no_distance_from_itself_and_the_eye_sees_structure_before_colour() -> None:
    eye, source = Eye(), torch.Generator().manual_seed(0)
    one, other = (torch.rand(1, 3, 64, 64, generator=source) * 2 - 1 for _ in range(2))
    same, dim, far = (eye.apart(eye.look(one), eye.look(x)).item() for x in (one, one * 0.9, other))
    assert same == 0 and dim < 0.3 * far


def test_true_noise_has_no_order_and_a_picture_carved_into_it_has() -> None:
    noise = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    carved = noise.clone()
    carved[16:48, 16:48] = 1.0
    assert _order_in(carved) > 20 * _order_in(noise)


def test_a_picture_becomes_a_vector_a_preview_and_a_sheet(model: Path, tmp_path: Path, capsys) -> None:
    generator = stylegan2.create(stylegan2.Settings(model=str(model), dtype="float32"), device="cpu")
    picture = save_picture(tmp_path / "rose.png", generator.trace(generator.of_seed(4)[None])[0].detach())
    words = ["latent", "project", str(picture), "--model", str(model), "--effort", "0.05", "--plus"]
    assert main([*words, "--out", str(tmp_path / "kept")]) == 0
    found = vectors.read(tmp_path / "kept" / "rose.npz")
    assert found.w is not None and found.w.shape == (8, 24) and found.sha256 == generator.weights_sha256
    assert Image.open(tmp_path / "kept" / "rose.png").width > 4 * 32
    assert 'vector = "rose"' in capsys.readouterr().out


@pytest.mark.parametrize("effort", ["0", "nan", "1000"])
def test_an_effort_that_cannot_be_is_refused(model: Path, tmp_path: Path, effort: str) -> None:
    picture = save_picture(tmp_path / "rose.png", torch.zeros(3, 32, 32))
    assert main(["latent", "project", str(picture), "--model", str(model), "--effort", effort]) == 2


def test_what_is_no_picture_is_refused_in_one_line(model: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no picture")
    assert main(["latent", "project", str(tmp_path / "x.jpg"), "--model", str(model)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_seed_becomes_a_vectors_file_and_plays_from_it(model: Path, own: Path, capsys) -> None:
    assert main(["latent", "vector", "seed 23", "--model", str(model), "--truncation", "0.7", "--as", "dawn"]) == 0
    generator = stylegan2.create(stylegan2.Settings(model=str(model)), device="cpu")
    path = own / "vectors" / "dawn.npz"
    assert np.allclose(np.load(path)["w"][0], generator.of_seed(23, 0.7))
    assert vectors.point_of("dawn", generator).equal(vectors.point_of(str(path), generator))
    with pytest.raises(SettingsError, match="none of that name"):
        vectors.point_of("dusk", generator)


def test_two_models_become_a_third_that_has_the_layers_that_were_asked_for(tmp_path, own, model, capsys) -> None:
    second = save_model(tmp_path / "second", seed=1)
    words = ["latent", "blend", str(model), str(second), "--coarse", "0", "--middle", "1", "--fine", "0.5"]
    assert main([*words, "--as", "chimera"]) == 0
    config, net, _ = stylegan2.open_model("chimera")
    first, other = make_net(0).synthesis, make_net(1).synthesis
    for name, share in (("b8.conv0.weight", 0.0), ("b16.conv0.weight", 1.0), ("b32.conv1.weight", 0.5)):
        expected = torch.lerp(first.state_dict()[name], other.state_dict()[name], share)
        assert torch.allclose(net.synthesis.state_dict()[name], expected, atol=2e-3), name
    assert config["licence"] == "CC0" and "blended" in config["about"]
    assert "--model chimera" in capsys.readouterr().out
    assert main([*words, "--as", "chimera"]) == 2, "what is there is not replaced"
    assert [path.name for path in (own / "models").iterdir()] == ["chimera"], "nothing half made is left"


def test_a_blend_of_what_is_no_stylegan2_leaves_nothing_behind(model: Path, own: Path, capsys) -> None:
    assert main(["latent", "blend", str(model), "slomo", "--as", "chimera"]) == 2
    assert "only stylegan2" in capsys.readouterr().err and not (own / "models").exists()


def test_an_encoder_reads_a_picture_at_once_and_w_plus_goes_on_from_there(model: Path, tmp_path: Path, capsys) -> None:
    generator = stylegan2.create(stylegan2.Settings(model=str(model), dtype="float32"), device="cpu")
    torch.manual_seed(1)
    encoder = Encoder(EncoderConfig(32, (4, 4, 4), 24)).eval()
    card = {"name": "small-encoder", "kind": "encoder", "of": "small", "of_sha256": generator.weights_sha256}
    folder = write_model(
        tmp_path / "small-encoder",
        encoder.state_dict(),
        Image.new("RGB", (4, 4)),
        card | {"network": encoder.config.to_dict()},
    )
    picture = save_picture(tmp_path / "rose.png", generator.trace(generator.of_seed(4)[None])[0].detach())
    words = ["latent", "project", str(picture), "--model", str(model), "--out", str(tmp_path / "kept")]
    assert main([*words, "--quick", "--encoder", str(folder)]) == 0
    found = vectors.read(tmp_path / "kept" / "rose.npz").w
    assert found is not None and torch.allclose(found[:1], encoder.invert(read_picture(picture, (32, 32))), atol=0.01)
    assert "as the encoder reads it: " in capsys.readouterr().out
    assert main([*words, "--quick", "--plus", "--effort", "0.05", "--encoder", str(folder)]) == 0
    assert "w+: " in capsys.readouterr().out
    assert main([*words, "--quick"]) == 2, "it has none of its own name"
