"""Every effect of ours looks as it looked when somebody last looked at it."""

from __future__ import annotations

import golden
import numpy as np
import pytest
from PIL import Image


@pytest.mark.parametrize("name", golden.NAMES)
def test_an_effect_looks_like_its_golden_picture(context, name: str) -> None:
    path = golden.GOLDEN / f"{name}.png"
    assert path.is_file(), "no golden picture: run tests/rendering/golden.py and look at what it wrote"
    expected = np.asarray(Image.open(path).convert("RGB"), float)
    found = golden.paint(context, name).astype(float)
    assert np.abs(found - expected).mean() / 255 < 0.004, "run tests/rendering/golden.py if the new look is meant"
