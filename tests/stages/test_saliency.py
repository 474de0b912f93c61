"""Maps of interest: the networks are the published ones, what they see is where a person would look."""

import numpy as np
import onnxruntime
import pytest
import torch

from installation import weights
from installation.networks.efficientnet import load_lite0
from installation.networks.open_nsfw import load_open_nsfw
from installation.pictures import read_picture
from installation.signals import Still
from installation.stages import saliency
from installation.stages.work import Work

QUICK = saliency.Settings(copies=3, seen_px=96)
CPU = torch.device("cpu")


def look(pixels, tmp_path, settings=QUICK, seed=1):
    made = saliency.create(settings).run((Still(pixels, "reference", "key", seed),), Work(seed, tmp_path))
    assert made.pixels is pixels, "saliency must not change the picture"
    return made.maps["interest"], made.notes


def picture(height=90, width=120, channels=4, seed=0):
    """A loud patch on the right of a quiet ground, opaque."""
    pixels = np.full((height, width, channels), 65535, np.uint16)
    pixels[..., :3] = 30000
    patch = np.random.default_rng(seed).integers(0, 65535, (height // 3, width // 4, 3))
    pixels[height // 3 : 2 * (height // 3), -width // 3 : -width // 3 + width // 4, :3] = patch
    return pixels


def test_our_open_nsfw_gives_the_scores_of_the_onnx_file():
    net = load_open_nsfw(CPU)
    views = torch.rand((2, 3, 224, 224), generator=torch.Generator().manual_seed(1)) * 2 - 1
    session = onnxruntime.InferenceSession(str(weights.fetch("open-nsfw")))
    fed = ((views.flip(1) + 1) * 127.5 - net.mean).permute(0, 2, 3, 1).numpy()
    expected = session.run(None, {session.get_inputs()[0].name: fed})[0]
    assert np.abs(net(views).softmax(1).numpy() - expected).max() < 1e-5


def test_folded_lite0_scores_as_the_whole_one_at_any_shape():
    views = torch.rand((1, 3, 96, 130), generator=torch.Generator().manual_seed(1)) * 2 - 1
    plain, folded = load_lite0(CPU, classifies=True), load_lite0(CPU, classifies=True).fold()
    assert (plain.score(views) - folded.score(views)).abs().max() < 1e-3
    with pytest.raises(ValueError, match="no classifier"):
        load_lite0(CPU).score(views)


def test_a_stethoscope_is_recognised_and_looked_at(shared, tmp_path):
    pixels = read_picture(shared / "data" / "cutouts" / "pd" / "stethoscope.png")
    found, notes = look(pixels, tmp_path, saliency.Settings(copies=3))
    winner = notes["imagenet"]["winners"][0]
    assert winner["class"] == 823 and winner["probability"] > 0.5, "ImageNet's class 823 is the stethoscope"
    assert notes["body"]["winners"][0]["class"] == 0, "harmless"
    height = len(found)
    assert found[int(height * 0.8) :].sum() > 1.5 * found[int(height * 0.4) : int(height * 0.6)].sum(), "its bell"


def test_interest_lies_where_something_is_to_be_seen(tmp_path):
    found, _ = look(picture(), tmp_path)
    assert found.dtype == np.float32 and found.shape == (90, 120) and found.min() == 0 and found.max() == 1
    columns = found.sum(0)
    assert columns[60:].sum() > 2 * columns[:60].sum()


def test_the_dull_part_is_dropped_and_what_is_transparent_has_none(tmp_path):
    pixels = picture()
    pixels[:, :50, 3] = 0
    found, _ = look(pixels, tmp_path)
    assert not found[:, :48].any()
    assert (found[:, 50:] == 0).mean() > 0.3


def test_the_same_seed_sees_the_same_and_another_nearly_the_same(tmp_path):
    (one, _), (same, _), (other, _) = (look(picture(), tmp_path, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other) and np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.5


def test_the_map_is_small_however_large_the_picture_is(tmp_path):
    wide = np.broadcast_to(picture(20, 300)[:, :, None], (20, 300, 100, 4)).reshape(20, 30000, 4)
    found, _ = look(wide, tmp_path)
    assert found.shape == (1, 320) and found.max() > 0.2


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1, 4), (40, 60, 3)])
def test_a_plain_picture_is_of_interest_in_its_middle_and_the_notes_say_so(shape, tmp_path):
    found, notes = look(np.full(shape, 40000, np.uint16), tmp_path)
    assert "nothing stands out" in notes["fallback"]
    assert found.max() == 1 and found[shape[0] // 2, shape[1] // 2] > 0.95


def test_a_picture_of_which_nothing_is_visible_is_refused_by_name_of_its_fault(tmp_path):
    pixels = picture()
    pixels[..., 3] = 0
    with pytest.raises(ValueError, match="nothing of interest: all of its 120x90 pixels are transparent"):
        look(pixels, tmp_path)


def test_weights_that_leave_no_network_are_refused():
    with pytest.raises(ValueError, match="expected weights >= 0"):
        saliency.create(saliency.Settings(imagenet=0, body=0))


def test_the_fingerprint_names_the_networks_that_look():
    both, one = (saliency.create(saliency.Settings(body=body)).fingerprint for body in (0.5, 0.0))
    assert both.startswith(one) and len(both) > len(one) >= 64
