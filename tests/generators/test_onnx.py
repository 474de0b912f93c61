"""ONNX, the open door: what a graph asks for becomes walk, class and picture; what is not safe to run is refused."""

import logging

import numpy as np
import pytest
import small
import torch
from onnx import TensorProto, helper, numpy_helper

from installation import settings
from installation.generators.onnx.over import Over
from installation.generators.onnx.vector import Vector
from installation.live import opening
from installation.settings import Bend, Cue, Part, Show
from installation.signals import Controls
from installation.weights import WeightsError


def equations(model, z: np.ndarray, told: np.ndarray | None = None) -> np.ndarray:
    """What the graph of small.onnx_painter says, in float64."""
    t = {one.name: numpy_helper.to_array(one).astype(np.float64) for one in model.graph.initializer}
    x = z @ t["first"] if told is None else z @ t["first"] + told @ t["table"]
    x, kernel = np.maximum(x, 0).reshape(8, 8, 8), t["second"]
    y = np.zeros((kernel.shape[1], 18, 18))
    for i in range(8):
        for j in range(8):
            y[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += np.einsum("c,cokl->okl", x[:, i, j], kernel)
    return np.tanh(y[:, 1:-1, 1:-1])


def info(name: str, shape: list, kind: int = TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("planes", "classes", "label"), [(3, 0, "float"), (1, 5, "float"), (4, 5, "number")])
def test_a_seed_is_painted_as_the_graph_says(last: bool, planes: int, classes: int, label: str) -> None:
    model = small.onnx_painter(16, classes, planes, last, label)
    gan = small.play_onnx(model)
    assert isinstance(gan, Vector) and gan.class_count == classes and gan.size == (16, 16)
    point = gan.of_seed(23, 0.7, 3 if classes else None)
    z = np.random.RandomState(23).randn(16) * 0.7
    expected = equations(model, z, np.eye(5)[3] if classes else None)
    assert gan.form.last == last and gan.form.range == "-1..1"
    assert expected.std() > 0.1
    assert np.abs(gan.exact(point)[0].numpy() - expected).max() < 2 / 127.5


def test_a_class_of_shares_fades_and_one_of_numbers_goes_to_the_nearer() -> None:
    for label, fades in (("float", True), ("number", False)):
        gan = small.play_onnx(small.onnx_painter(classes=5, label=label))
        one, near, two = (
            gan.render(Controls(0, {"generator.class": place}, 0.2)).pixels.clone() for place in (1.0, 1.3, 2.0)
        )
        assert not one.equal(two)
        assert near.equal(one) != fades


@pytest.mark.parametrize(
    ("times", "plus", "expected"), [(1.0, 0.0, "-1..1"), (0.5, 0.5, "0..1"), (127.5, 127.5, "0..255")]
)
def test_what_the_numbers_mean_is_seen_from_a_trial_or_said(times: float, plus: float, expected: str) -> None:
    model = small.onnx_painter()
    model.graph.initializer.extend(
        [numpy_helper.from_array(np.float32(v), n) for n, v in (("times", times), ("plus", plus))]
    )
    model.graph.node.extend(
        [helper.make_node("Mul", ["f", "times"], ["g"]), helper.make_node("Add", ["g", "plus"], ["h"])]
    )
    model.graph.output[0].name = "h"
    gan = small.play_onnx(model)
    assert gan.form.range == expected
    plain = small.play_onnx(small.onnx_painter())
    assert torch.allclose(gan.exact(gan.of_seed(1)), plain.exact(plain.of_seed(1)), atol=1e-5)
    assert small.play_onnx(model, card='[network]\nrange = "0..255"').form.range == "0..255"
    with pytest.raises(WeightsError, match="range is auto"):
        small.play_onnx(model, card='[network]\nrange = "0..7"')


def test_numbers_that_a_graph_asks_for_are_knobs_and_truncation_is_the_shows() -> None:
    model = small.onnx_painter()
    model.graph.input.extend([info("gain", []), info("truncation_psi", [1])])
    model.graph.node[0].output[0] = "raw"
    model.graph.node.insert(1, helper.make_node("Mul", ["raw", "gain"], ["louder"]))
    model.graph.node.insert(2, helper.make_node("Mul", ["louder", "truncation_psi"], ["a"]))
    gan = small.play_onnx(model)
    plain = gan.render(Controls(0, {"generator.truncation": 1.0}, 0.2)).pixels.clone()
    loud = gan.render(Controls(0, {"generator.truncation": 1.0, "generator.gain": 2.0}, 0.2)).pixels
    assert (plain - loud).abs().mean() > 0.01
    assert not [name for name in gan.knobs if "psi" in name]
    small_z = gan.latent.walk.at(0.2) * 0.5
    half = gan.render(Controls(0, {"generator.truncation": 0.5}, 0.2)).pixels
    expected = equations(small.onnx_painter(), small_z.numpy() * 0.5)
    assert np.abs(half.numpy() - expected).max() < 1e-4, "truncated z, and told so"


def test_bends_of_other_networks_sit_at_the_picture_or_are_left_out_with_one_line(caplog) -> None:
    bends = [
        Bend("near", 0.4, "invert", 1.0),
        Bend("named", "b32.conv1", "invert", 1.0),
        Bend("deep", "fine", "invert"),
    ]
    with caplog.at_level(logging.INFO):
        gan = small.play_onnx(small.onnx_painter(), bends)
    said = [line for line in caplog.messages if "left out" in line and "bent" in line]
    assert len(said) == 1 and "named at b32.conv1" in said[0]
    assert {f"bend.{bend.name}.amount" for bend in bends} <= set(gan.knobs), "routes and cues still find them"
    assert list(gan.bends.places) == ["output"]


def translator(dtype: int = TensorProto.FLOAT, last: bool = False, size: int | str = "side"):
    """A graph that turns a picture of 0..1 into its negative."""
    shape = [1, size, size, 3] if last else ["batch", 3, size, size]
    one = numpy_helper.from_array(np.array(1, np.float32), "one")
    nodes = [helper.make_node("Sub", ["one", "x"], ["y"])]
    return small.as_model(nodes, [info("x", shape, dtype)], [info("y", shape)], [one])


@pytest.mark.parametrize("last", [False, True])
def test_a_graph_that_wants_a_picture_paints_over_another_generator(last: bool) -> None:
    over = small.play_onnx(translator(last=last), [Bend("tear", "coarse", "invert")], generator=Part("pattern"))
    assert isinstance(over, Over) and {"generator.x", "bend.tear.amount", "generator.feedback"} <= set(over.knobs)
    assert over.size == (64, 32), "sizes that halve and double"
    now = Controls(0, {}, 0.3)
    picture = over.render(now).pixels.clone()
    inner = over.inner.render(now).pixels
    small_one = torch.nn.functional.interpolate(picture[None], inner.shape[1:], mode="bilinear", antialias=True)[0]
    assert torch.corrcoef(torch.stack([small_one.flatten(), inner.flatten()]))[0, 1] < -0.95
    assert over.render(now).pixels.equal(picture)
    fed = over.render(Controls(0, {"generator.feedback": 0.5}, 0.3)).pixels
    assert (fed - picture).abs().mean() > 0.01
    over.reset()
    assert over.render(Controls(0, {"generator.feedback": 0.5}, 0.3)).pixels.equal(picture)


def test_a_picture_file_may_be_what_the_graph_paints_over(tmp_path) -> None:
    from PIL import Image

    Image.new("RGB", (20, 10), (255, 0, 127)).save(tmp_path / "red.png")
    over = small.play_onnx(translator(size=32), picture=str(tmp_path / "red.png"))
    found = over.render(Controls(0, {}, 0.0)).pixels
    assert torch.allclose(found[:, 5, 5], torch.tensor([-1.0, 1.0, 0.004]), atol=0.01)
    with pytest.raises(WeightsError, match="cannot be read"):
        small.play_onnx(translator(), picture=str(tmp_path / "none.png"))


def test_a_graph_that_wants_a_picture_is_handed_the_middle_of_the_cameras() -> None:
    over = small.play_onnx(translator(size=32))
    now = Controls(0, {}, 0.3)
    assert over.wants_camera
    alone = over.render(now).pixels.clone()
    assert alone.equal(over.render(Controls(0, {"generator.camera": 0.0}, 0.3)).pixels), "the generator stands in"
    rgb = np.zeros((20, 40, 3), np.uint8)
    rgb[:, 10:30] = (255, 0, 127)
    over.look = lambda: rgb
    found = over.render(now).pixels.clone()
    assert torch.allclose(found[:, 16, 16], torch.tensor([-1.0, 1.0, 0.004]), atol=0.01)
    assert torch.allclose(found[:, 16, 1], found[:, 16, 16], atol=0.1), "what is beside the square is cut off"
    half = over.render(Controls(0, {"generator.camera": 0.5}, 0.3)).pixels
    assert torch.allclose(half, (alone + found) / 2, atol=1e-5)
    assert over.wants_camera and not over.render(Controls(0, {"generator.camera": 0.0}, 0.3)).pixels.equal(half)
    assert not over.wants_camera, "while it is not seen"


def test_what_is_named_beside_the_graph_is_painted_over_until_the_knob_says_otherwise() -> None:
    over = small.play_onnx(translator(size=32), generator=Part("pattern", {"anchors": 5}))
    over.look = lambda: np.zeros((8, 8, 3), np.uint8)
    assert not over.wants_camera and over.render(Controls(0, {}, 0.3)).pixels.std() > 0.05
    assert over.render(Controls(0, {"generator.camera": 1.0}, 0.3)).pixels.std() < 1e-6
    assert small.play_onnx(translator(size=32), card="[knobs]\n'generator.camera' = 0.0").wants_camera is False


@pytest.mark.parametrize("way", ["itself", "behind a glitch", "of a cue"])
def test_in_a_show_it_looks_wherever_it_stands_and_has_all_that_the_show_names(tmp_path, way: str) -> None:
    small.play_onnx(translator(size=32), folder=tmp_path)
    part = Part("onnx", {"model": str(tmp_path)})
    behind = Part("slomo", {"generator": {"name": part.name, "settings": part.settings}})
    chosen = {"itself": part, "behind a glitch": behind, "of a cue": Part("pattern")}[way]
    cues = (Cue("1"), Cue("2", model=str(tmp_path))) if way == "of a cue" else ()
    show = Show("small", generator=chosen, vectors=(settings.Vector("rose", 5),), cues=cues)
    generator = opening.open_generator(show, lambda: np.full((8, 8, 3), 255, np.uint8))
    assert "generator.to.rose" in generator.knobs
    controls = Controls(0, {f"generator.model.{tmp_path.name}": 1.0, "slomo.amount": 0.5}, 0.3)
    if way == "of a cue":
        assert not generator.wants_camera and generator.settle(controls)
    assert generator.wants_camera
    assert generator.render(controls).pixels.max() < -0.9, "the camera sees white"
    assert generator.where(controls).shape == (1, 12)


def outside(model, place: str, length: int):
    """The first weights as if they lay in another file."""
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", place), ("offset", "0"), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)
    return model


def alone(operator: str, shape: list, kind: int = TensorProto.FLOAT):
    return small.as_model(
        [helper.make_node(operator, ["x"], ["y"])], [info("x", shape, kind)], [info("y", shape, kind)]
    )


def reshaped(model, shape: list[int]):
    model.graph.initializer[2].CopyFrom(numpy_helper.from_array(np.array(shape), "shape"))
    return model


def lied(model):
    model.graph.initializer[0].dims[0] = 1 << 40
    return model


def strange(model):
    model.graph.node[2].domain = "evil.ops"
    model.opset_import.append(helper.make_opsetid("evil.ops", 1))
    return model


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (lambda: outside(small.onnx_painter(), "../secret", 16 * 512 * 4), "not in the model's folder: '../secret'"),
        (lambda: outside(small.onnx_painter(), "/etc/passwd", 16 * 512 * 4), "not in the model's folder"),
        (lambda: outside(small.onnx_painter(), "more.bin", 16 * 512 * 4), "found fewer"),
        (lambda: outside(small.onnx_painter(), "more.bin", 16), "found fewer"),
        (lambda: lied(small.onnx_painter()), "expected 2251799813685248 bytes, found 32768"),
        (lambda: strange(small.onnx_painter()), r"not part of ONNX: evil.ops.Reshape"),
        (
            lambda: small.onnx_painter().SerializeToString()[:900],
            "not a whole ONNX file|not an ONNX graph|does not run",
        ),
        (lambda: small.as_model([], [], []), "no nodes"),
        (lambda: b"\x08\x09garbage", "not a whole ONNX file|not an ONNX graph"),
        (lambda: alone("Relu", [1, 9]), "no picture"),
        (lambda: alone("Relu", [1, 3, 1 << 15, 1 << 15]), "larger than any picture"),
        (lambda: reshaped(small.onnx_painter(), [1, 8, 8, 9]), "model.onnx: .*[Rr]eshape"),
        (lambda: alone("Relu", ["n", "m"]), "how long"),
        (lambda: alone("Not", [3], TensorProto.BOOL), "nothing that can be played"),
    ],
)
def test_what_is_not_safe_or_paints_nothing_is_refused_in_one_line(tmp_path, model, why: str) -> None:
    (tmp_path / "more.bin").write_bytes(b"\0" * 64)
    (tmp_path.parent / "secret").write_bytes(b"\0" * 16 * 512 * 4)
    with pytest.raises(WeightsError, match=why) as refused:
        small.play_onnx(model(), folder=tmp_path)
    assert "\n" not in str(refused.value)


def test_numbers_beside_the_graph_in_its_own_folder_are_read(tmp_path) -> None:
    model = small.onnx_painter()
    (tmp_path / "more.bin").write_bytes(model.graph.initializer[0].raw_data)
    beside = small.play_onnx(outside(small.onnx_painter(), "more.bin", 16 * 512 * 4), folder=tmp_path)
    plain = small.play_onnx(model)
    assert beside.exact(beside.of_seed(1)).equal(plain.exact(plain.of_seed(1)))


def test_a_file_that_was_changed_is_refused(tmp_path) -> None:
    small.play_onnx(small.onnx_painter(), folder=tmp_path)
    card = (tmp_path / "model.toml").read_text().replace('sha256 = "', 'sha256 = "0')
    (tmp_path / "model.toml").write_text(card[:-5] + '"\n')
    from installation.generators import onnx

    with pytest.raises(WeightsError, match="sha256"):
        onnx.create(onnx.Settings(str(tmp_path)))
