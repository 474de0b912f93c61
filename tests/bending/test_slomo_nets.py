"""The two nets of the slo-mo glitch: their layers can all be bent, and published weights fit them."""

import pytest
import torch

from installation import weights
from installation.bending import carrying, slomo
from installation.bending.carrying import Motion
from installation.bending.layers import Bends
from installation.bending.slomo import NetworkConfig, SloMo
from installation.settings import Bend, SettingsError

SMALL = NetworkConfig((4, 6, 8, 8, 8, 8))


def make_nets(config: NetworkConfig = SMALL) -> SloMo:
    torch.manual_seed(1)
    nets = SloMo(config).eval().requires_grad_(False)
    for parameter in nets.parameters():
        parameter.mul_(2)  # as lively as trained ones
    return nets


def two_pictures(height: int = 64, width: int = 96) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(2)
    rough = torch.rand(1, 3, 8, 12)
    first = torch.nn.functional.interpolate(rough, (height, width), mode="bilinear")
    return first, first.roll(4, 3)


def paint(nets: SloMo, t: float = 0.4, bend=slomo._plain) -> torch.Tensor:
    first, second = two_pictures()
    motion = nets(first, second, t, bend)
    moved = carrying.carried(first, motion.to_first), carrying.carried(second, motion.to_second)
    return carrying.mixed(*moved, motion.visible, t)


def test_every_layer_passes_its_bend_with_the_channels_and_rows_it_is_listed_with():
    nets, seen = make_nets(), []

    def look(name: str, x: torch.Tensor) -> torch.Tensor:
        seen.append((name, x.shape[1], x.shape[2]))
        return x

    paint(nets, bend=look)
    assert seen == slomo.layer_names(SMALL, 64)
    assert len(seen) == 46
    assert {"flow.down3.conv2", "blend.up2.conv1", "blend.conv3"} <= {name for name, _, _ in seen}


@pytest.mark.parametrize(
    "layer", ["flow.conv1", "flow.down5.conv2", "flow.conv3", "blend.down2.conv1", "blend.up5.conv2"]
)
def test_a_bend_at_any_layer_shows_and_at_amount_0_is_not_there_at_all(layer):
    nets = make_nets()
    plain = paint(nets)
    bends = Bends([Bend("tear", layer, "multiply", 0.8)], slomo.layer_names(SMALL, 64))
    bends.set({})
    assert not paint(nets, bend=bends.apply).equal(plain)
    bends.set({"bend.tear.amount": 0.0})
    assert paint(nets, bend=bends.apply).equal(plain)


def test_a_layer_that_is_not_there_is_refused_with_the_nearest_name():
    with pytest.raises(SettingsError, match=r"flow\.down3\.conv1"):
        Bends([Bend("tear", "flow.down3.conv7", "invert")], slomo.layer_names(SMALL, 64))


def test_still_nets_between_two_equal_pictures_give_that_picture():
    nets = make_nets()
    for net in (nets.flow, nets.blend):
        for parameter in net.conv3.parameters():
            parameter.zero_()
    first, _ = two_pictures()
    motion = nets(first, first, 0.3)
    assert carrying.carried(first, motion.to_first).allclose(first, atol=1e-5)


def test_a_picture_is_carried_to_where_the_flow_says():
    first, second = two_pictures()
    to_second = torch.zeros(1, 2, 64, 96)
    to_second[:, 0] = 4.0
    assert carrying.carried(second, to_second)[..., :80].allclose(first[..., :80], atol=1e-4)


def test_the_nearer_and_the_visible_picture_weighs_more():
    black, white, half = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4), torch.full((1, 1, 4, 4), 0.5)
    assert carrying.mixed(black, white, half, 0.25).mean() == pytest.approx(0.25)
    assert carrying.mixed(black, white, torch.ones(1, 1, 4, 4), 0.25).mean() == 0
    assert carrying.mixed(black, white, half, 0.0).equal(black)
    assert carrying.mixed(black, white, torch.ones(1, 1, 4, 4), 1.0).isfinite().all(), "nothing is seen of either"


def test_a_motion_that_has_broken_is_put_to_rest_and_held_within_reach():
    wild = torch.tensor([float("nan"), float("inf"), -1e9, 3.0]).expand(1, 2, 2, 4).contiguous()
    motion = carrying.repaired(Motion(wild, wild, wild[:, :1], wild, wild), reach=0.5)
    assert motion.to_first[0, 0, 0].tolist() == [0, 0, -2, 2]
    assert motion.visible[0, 0, 0, 0] == 0.5
    assert 0 <= motion.visible.min() <= motion.visible.max() <= 1


def test_strips_of_an_enlarged_field_are_rows_of_the_whole():
    field = torch.randn(1, 2, 6, 8)
    whole = carrying.enlarged(field, (50, 70), slice(0, 50))
    reference = torch.nn.functional.interpolate(field, (50, 70), mode="bicubic", align_corners=False)
    assert whole.allclose(reference, atol=1e-5)
    assert carrying.enlarged(field, (50, 70), slice(20, 31)).equal(whole[:, :, 20:31])


@pytest.mark.parametrize(
    ("picture", "looked_at"),
    [((640, 640), (256, 256)), ((2500, 1000), (256, 96)), ((1, 1), (256, 256)), ((30000, 2), (256, 32))],
)
def test_the_nets_look_at_multiples_of_32_whatever_the_picture(picture, looked_at):
    assert slomo.nearest_size(*picture, 256) == looked_at


def published(path, config: NetworkConfig, prefix: str = "") -> SloMo:
    nets = make_nets(config)
    tables = {"state_dictFC": nets.flow, "state_dictAT": nets.blend}
    file = {key: {prefix + k: v for k, v in net.state_dict().items()} for key, net in tables.items()}
    torch.save(file | {"epoch": 199, "loss": [0.5]}, path)
    return nets


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_checkpoint_in_the_published_layout_opens_whatever_its_widths(tmp_path, prefix):
    ours = published(tmp_path / "SuperSloMo.ckpt", NetworkConfig(SMALL.widths, leaky_end=True), prefix)
    nets, sha256 = slomo.open_nets(tmp_path / "SuperSloMo.ckpt")
    assert nets.config.leaky_end and nets.config.widths == SMALL.widths
    assert paint(nets).allclose(paint(ours), atol=1e-5)
    assert len(sha256) == 64


def test_the_published_nets_have_as_many_weights_as_their_paper_says():
    with torch.device("meta"):
        nets = SloMo(NetworkConfig(slomo.PUBLISHED_WIDTHS))
    assert sum(p.numel() for p in nets.parameters()) == pytest.approx(39.6e6, rel=0.01)


def test_a_checkpoint_that_carries_code_or_something_else_is_refused(tmp_path):
    torch.save({"state_dictFC": print}, tmp_path / "evil.ckpt")
    torch.save({"weights": torch.zeros(3)}, tmp_path / "other.pth")
    (tmp_path / "torn.ckpt").write_bytes(b"PK\x03\x04 and no more")
    for name in ("evil.ckpt", "other.pth", "torn.ckpt"):
        with pytest.raises(weights.WeightsError, match="state_dictFC"):
            slomo.open_nets(tmp_path / name)
    with pytest.raises(weights.WeightsError, match="no checkpoint"):
        slomo.open_nets(tmp_path / "absent.ckpt")


def test_a_glitch_carries_as_far_as_asked_however_weak_the_bend_was():
    torch.manual_seed(3)
    still = torch.zeros(1, 2, 32, 32)
    plain = Motion(still, still, still[:, :1] + 0.5, still, still)
    weights = torch.ones(1, 1, 32, 32)
    for faint in (1e-2, 1.0, 30.0):
        hills = torch.nn.functional.interpolate(torch.randn(1, 2, 4, 4), (32, 32), mode="bicubic")
        bent = Motion(faint * hills / hills.square().sum(1).mean().sqrt(), still, plain.visible, still, still)
        motion, gain = carrying.exaggerated(plain, bent, 3.0, weights)
        far = torch.stack([motion.to_first, motion.to_second]).square().sum(2).mean().sqrt()
        assert far == pytest.approx(3.0, rel=0.15)
        assert motion.to_first.abs().max() <= 4 * 3.0 + 1e-3
        assert float(gain) == pytest.approx(3.0 * 2**0.5 / faint, rel=0.2)
    assert carrying.exaggerated(plain, bent, 0.0, weights)[0] is plain


def test_a_glitch_that_would_fold_a_shape_to_nothing_is_held_back():
    torch.manual_seed(3)
    still = torch.zeros(1, 2, 32, 32)
    plain = Motion(still, still, still[:, :1] + 0.5, still, still)
    bent = Motion(torch.randn(1, 2, 32, 32), still, plain.visible, still, still)
    motion, _ = carrying.exaggerated(plain, bent, 6.0, torch.ones(1, 1, 32, 32))
    assert motion.to_first.square().sum(1).mean().sqrt() < 3.0


def test_blocks_move_as_one():
    torch.manual_seed(3)
    still = torch.zeros(1, 2, 32, 40)
    plain = Motion(still, still, still[:, :1] + 0.5, still, still)
    bent = Motion(torch.randn(1, 2, 32, 40), torch.randn(1, 2, 32, 40), plain.visible, still, still)
    motion, _ = carrying.exaggerated(plain, bent, 2.0, torch.ones(1, 1, 32, 40), block_px=12)
    assert motion.to_first.shape == still.shape
    assert (motion.to_first[..., :12, :12] == motion.to_first[..., :1, :1]).all()
    assert (motion.to_first[..., 0, 0] != motion.to_first[..., 0, 12]).all()


def test_a_torn_picture_shows_one_or_the_other_at_each_place():
    torch.manual_seed(4)
    visible, sheet = torch.full((1, 1, 16, 16), 0.5), torch.randn(1, 1, 16, 16)
    black, white = torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16)
    assert carrying.torn(visible, 0.4, sheet, 0.0) is visible
    soft, hard = (carrying.mixed(black, white, carrying.torn(visible, 0.4, sheet, h), 0.4) for h in (0.3, 0.95))
    between = ((hard > 0.1) & (hard < 0.9)).float().mean()
    assert between < 0.1 < ((soft > 0.1) & (soft < 0.9)).float().mean()
