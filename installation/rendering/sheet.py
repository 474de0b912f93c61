"""Pictures in, one contact sheet out: for people who would rather look than read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from installation.files import named

GAP_PX = 4


def save_sheet(path: Path, pictures: Sequence[np.ndarray], columns: int = 4, comment: str = "") -> None:
    """Write pictures [each shape=(H, W, 3), uint8, all of one size] as rows of `columns`, on black. Raises OSError.

    comment: what a JPEG says of itself.
    """
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (width + GAP_PX) - GAP_PX, rows * (height + GAP_PX) - GAP_PX))
    for i, picture in enumerate(pictures):
        sheet.paste(Image.fromarray(picture), (i % columns * (width + GAP_PX), i // columns * (height + GAP_PX)))
    with named.whole(path) as part:
        sheet.save(part, **({"comment": comment} if comment else {}))
