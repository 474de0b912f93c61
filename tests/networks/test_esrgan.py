"""Weights of the ESRGAN family, in every layout they come in: the same network, and it restores what was lost."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from installation import weights
from installation.networks import esrgan, ncnn
from installation.stages.upscale import MODELS, open_network
from installation.stages.upscale.tiles import enlarge


def files_of(name: str) -> tuple[Path, Path]:
    binary = str(weights.read_config(MODELS[name])["file"])
    return weights.fetch(MODELS[name], file=binary.replace(".bin", ".param")), weights.fetch(MODELS[name], file=binary)


def follow_graph(param: Path, layers: dict[str, ncnn.Layer], x: Tensor) -> Tensor:
    """What an ncnn graph makes of x, layer by layer by its names: knows nothing of our modules."""
    blobs = {}
    for words in (line.split() for line in param.read_text().splitlines()[2:]):
        kind, name, inputs = words[0], words[1], words[4 : 4 + int(words[2])]
        outputs = words[4 + int(words[2]) : 4 + int(words[2]) + int(words[3])]
        options = dict(word.split("=", 1) for word in words[4 + int(words[2]) + int(words[3]) :])
        given = [blobs[i] for i in inputs] or [x]
        if kind in ("Input", "Split"):
            made = given[0]
        elif kind == "Convolution":
            weight, bias = torch.from_numpy(layers[name].weight), torch.from_numpy(layers[name].bias)
            made = F.conv2d(given[0], weight, bias, padding=int(options["4"]))
            made = F.leaky_relu(made, float(options["-23310"].split(",")[1])) if options.get("9") == "2" else made
        elif kind == "PReLU":
            made = F.prelu(given[0], torch.from_numpy(layers[name].weight))
        elif kind == "Concat":
            made = torch.cat(given, 1)
        elif kind == "Eltwise":
            first, second = map(float, options["-23301"].split(",")[1:])
            made = given[0] * first + given[1] * second
        elif kind == "BinaryOp":
            made = given[0] + given[1]
        elif kind == "PixelShuffle":
            made = F.pixel_shuffle(given[0], int(options["0"]))
        else:
            made = F.interpolate(given[0], scale_factor=float(options["1"]), mode="nearest")
        blobs |= dict.fromkeys(outputs, made)
    return blobs["output"]


@pytest.mark.parametrize("name", sorted(MODELS))
def test_our_modules_compute_what_the_graph_in_the_package_says(name: str) -> None:
    param, binary = files_of(name)
    layers = {layer.name: layer for layer in ncnn.read_layers(param, binary)}
    x = torch.rand(1, 3, 14, 11, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        assert torch.allclose(open_network(name)(x), follow_graph(param, layers, x), atol=1e-4)


def drawing() -> np.ndarray:
    """Ink on toned paper, 192 px, float32: lines, leaves and letters."""
    large = np.full((768, 768, 3), (237, 224, 199), np.uint8)
    for i in range(9):
        end = (int(384 + 380 * np.cos(i * 0.7)), int(384 + 380 * np.sin(i * 0.7)))
        cv2.line(large, (384, 384), end, (26, 31, 51), 24, cv2.LINE_AA)
        cv2.ellipse(large, end, (130, 54), i * 40.0, 0, 360, (50 + 13 * i, 140, 77), -1, cv2.LINE_AA)
        cv2.ellipse(large, end, (130, 54), i * 40.0, 0, 360, (13, 26, 26), 16, cv2.LINE_AA)
    cv2.putText(large, "flora", (90, 480), cv2.FONT_HERSHEY_DUPLEX, 7, (153, 26, 26), 30, cv2.LINE_AA)
    return cv2.resize(large, (192, 192), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_drawing_made_four_times_smaller_is_restored_better_than_by_lanczos(name: str) -> None:
    whole = drawing()
    small = cv2.resize(whole, (48, 48), interpolation=cv2.INTER_AREA)
    ours = np.clip(enlarge(open_network(name), small), 0, 1)
    lanczos = np.clip(cv2.resize(small, (192, 192), interpolation=cv2.INTER_LANCZOS4), 0, 1)

    def crispness(picture: np.ndarray) -> float:
        return float(np.percentile(np.abs(np.diff(picture, axis=0)).max(2), 98))

    assert np.square(ours - whole).mean() < np.square(lanczos - whole).mean()
    assert crispness(ours) > 1.3 * crispness(lanczos)


def small_rrdb(unshuffle: int = 1, doublings: int = 2) -> esrgan.RRDBNet:
    torch.manual_seed(1)
    network = esrgan.RRDBNet(16, 2, 8, doublings, unshuffle).eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.05)
    return network


def in_basicsr_layout(names: dict[str, Tensor]) -> dict[str, Tensor]:
    return {re.sub(r"^ups\.(\d)", lambda m: f"conv_up{int(m[1]) + 1}", name): value for name, value in names.items()}


def in_second_layout(names: dict[str, Tensor]) -> dict[str, Tensor]:
    renamed = {}
    for name, value in names.items():
        name = re.sub(r"^body\.(\d+)\.rdb", r"RRDB_trunk.\1.RDB", name)
        name = re.sub(r"^ups\.(\d)", lambda m: f"upconv{int(m[1]) + 1}", name)
        renamed[name.replace("conv_body", "trunk_conv").replace("conv_hr", "HRconv")] = value
    return renamed


def in_first_layout(names: dict[str, Tensor]) -> dict[str, Tensor]:
    ups = sum(name.startswith("ups.") and name.endswith("weight") for name in names)
    tops = {"conv_first": "model.0", "conv_body": "model.1.sub.2"}
    tops |= {f"ups.{i}": f"model.{3 + 3 * i}" for i in range(ups)}
    tops |= {"conv_hr": f"model.{3 * ups + 2}", "conv_last": f"model.{3 * ups + 4}"}
    renamed = {}
    for name, value in names.items():
        top, kind = name.rsplit(".", 1)
        block = re.sub(r"^body\.(\d)\.rdb(\d)\.conv(\d)$", r"model.1.sub.\1.RDB\2.conv\3.0", top)
        renamed[f"{tops.get(top, block)}.{kind}"] = value
    return renamed


@pytest.mark.parametrize("layout", [in_basicsr_layout, in_second_layout, in_first_layout])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_any_layout_gives_the_same_picture(layout, suffix: str, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    network = small_rrdb()
    names, path = layout(network.state_dict()), tmp_path / f"net{suffix}"
    if suffix == ".pth":
        torch.save({"params_ema": names}, path)
    else:
        save_file(names, path)
    x = torch.rand(1, 3, 9, 7)
    with torch.inference_mode():
        assert torch.equal(esrgan.read_network(path)(x), network(x))


@pytest.mark.parametrize(("unshuffle", "doublings", "scale"), [(1, 2, 4), (2, 2, 2), (4, 2, 1), (1, 1, 2), (1, 3, 8)])
def test_the_scale_is_read_off_the_weights(unshuffle: int, doublings: int, scale: int, tmp_path: Path) -> None:
    layout = in_first_layout if unshuffle == 1 else in_basicsr_layout
    torch.save(layout(small_rrdb(unshuffle, doublings).state_dict()), tmp_path / "net.pth")
    network = esrgan.read_network(tmp_path / "net.pth")
    assert network.scale == scale
    assert enlarge(network, np.zeros((7, 5, 3), np.float32)).shape == (7 * scale, 5 * scale, 3)


def test_a_small_network_of_another_width_and_scale_is_recognised(tmp_path: Path) -> None:
    network = esrgan.SRVGGNetCompact(features=8, layers=3, scale=2).eval()
    torch.save({"params": network.state_dict()}, tmp_path / "net.pth")
    x = torch.rand(1, 3, 6, 6)
    with torch.inference_mode():
        assert torch.equal(esrgan.read_network(tmp_path / "net.pth")(x), network(x))


def test_enlarging_strip_by_strip_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network, x = small_rrdb(), torch.rand(1, 3, 50, 20)
    with torch.inference_mode():
        whole = network(x)
        monkeypatch.setattr(esrgan, "STRIP_PX", {"cpu": 1})
        assert torch.allclose(network(x), whole, atol=1e-6)


@pytest.mark.parametrize(
    "content",
    [
        b"no weights at all",
        {"encoder.weight": torch.zeros(3, 3)},
        [1, 2, 3],
        {"conv_first.weight": torch.zeros(64, 5, 3, 3)},
        {"model.0.weight": torch.zeros(64, 3, 3, 3)},
    ],
)
def test_a_file_that_is_no_such_network_is_named(content: object, tmp_path: Path) -> None:
    path = tmp_path / "wrong.pth"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(ValueError, match=r"wrong\.pth: "):
        esrgan.read_network(path)


def test_objects_in_a_pth_are_never_built(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    torch.save({"params": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(ValueError, match=r"trap\.pth"):
        esrgan.read_network(tmp_path / "trap.pth")
    assert not (tmp_path / "sprung").exists()


def write_ncnn(folder: Path, tag: int, extra: bytes = b"", cut: int = 0) -> tuple[Path, Path]:
    """A convolution of 3 -> 1 channels (27 weights: float16 has to fill up) and a PReLU."""
    numbers = np.arange(27, dtype="<f2" if tag else "<f4").tobytes()
    numbers += bytes(-len(numbers) % 4)
    whole = struct.pack("<I", tag) + numbers + np.array([0.5, 0.25], "<f4").tobytes() + extra
    binary, param = folder / "net.bin", folder / "net.param"
    binary.write_bytes(whole[: len(whole) - cut])
    param.write_text(
        "7767517\n3 3\nInput data 0 1 data\n"
        "Convolution one 1 1 data a 0=1 1=3 4=1 5=1 6=27\nPReLU two 1 1 a output 0=1\n"
    )
    return param, binary


@pytest.mark.parametrize("tag", [0, ncnn.FLOAT16])
def test_weights_are_read_whether_stored_in_16_or_32_bits(tag: int, tmp_path: Path) -> None:
    convolution, slopes = ncnn.read_layers(*write_ncnn(tmp_path, tag))
    assert np.array_equal(convolution.weight, np.arange(27).reshape(1, 3, 3, 3))
    assert (convolution.bias, slopes.weight) == (0.5, 0.25)


def test_a_torn_or_foreign_ncnn_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"net\.bin: torn"):
        ncnn.read_layers(*write_ncnn(tmp_path, 0, cut=3))
    with pytest.raises(ValueError, match=r"net\.bin: 5 bytes left"):
        ncnn.read_layers(*write_ncnn(tmp_path, 0, extra=b"12345"))
    with pytest.raises(ValueError, match="stored as 0x000d4b38"):
        ncnn.read_layers(*write_ncnn(tmp_path, 0x000D4B38))
    param, binary = write_ncnn(tmp_path, 0)
    param.write_text(param.read_text().replace("PReLU", "LSTM"))
    with pytest.raises(ValueError, match="layer two is a LSTM"):
        ncnn.read_layers(param, binary)
    param.write_text("hello")
    with pytest.raises(ValueError, match=r"net\.param: expected an ncnn"):
        ncnn.read_layers(param, binary)
