import pytest
import torch

from installation.generators import walk
from installation.generators.latent import Latent
from installation.settings import SettingsError


def test_a_walk_that_dwells_is_slower_at_its_stations_and_still_closed() -> None:
    lap = walk.Walk(torch.randn(8, 16, generator=torch.Generator().manual_seed(0)))
    here = lap.starts[3]
    even, dwelling = (float((lap.at(here + 0.002, d) - lap.at(here, d)).norm()) for d in (0.0, 1.0))
    assert dwelling < even / 3
    assert torch.allclose(lap.at(0.0, 1.0), lap.at(1.0, 1.0), atol=1e-5)


def test_a_show_may_name_the_stations_of_its_walk() -> None:
    anchors = torch.randn(20, 8, generator=torch.Generator().manual_seed(1))
    named = Latent(anchors, anchors.mean(0), 4, 12, torch.Generator(), stations=(3, 5, 7, 11))
    walked = named.walk.anchors + named.average
    assert torch.cdist(walked, anchors[[3, 5, 7, 11]]).min(1).values.max() < 1e-3
    with pytest.raises(SettingsError, match=r"0\.\.19"):
        Latent(anchors, anchors.mean(0), 4, 12, torch.Generator(), stations=(3, 5, 7, 99))
