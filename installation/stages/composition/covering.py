"""A lone opaque picture in, a scene out that it fills: the crop that lays its interest on a scheme."""

from __future__ import annotations

import cv2
import numpy as np

from installation.stages.composition.arrangement import Rules, Scene, choose
from installation.stages.composition.collage import Placement
from installation.stages.composition.poses import Grid
from installation.stages.composition.schemes import Scheme
from installation.stages.cutouts import Cutout

ZOOMS = (1.02, 1.1, 1.18, 1.27)


def cover(cutout: Cutout, scheme: Scheme, grid: Grid, rules: Rules, chance: np.random.Generator) -> Scene:
    """The picture cropped, zoomed and flipped so that its interest lies on the scheme, bare nowhere."""
    width, height = cutout.size
    worth, options = scheme.of(0), []
    for zoom in ZOOMS:
        scale = max(grid.frame[0] / width, grid.frame[1] / height) * zoom
        size = max(grid.frame[0], round(width * scale)), max(grid.frame[1], round(height * scale))
        found = cv2.resize(cutout.interest, size, interpolation=cv2.INTER_AREA)
        for flip in (False, True):
            seen = np.ascontiguousarray(found[:, ::-1]) if flip else found
            sums = cv2.matchTemplate(seen, worth, cv2.TM_CCORR) / max(float(seen.sum()), 1e-6)
            y, x = divmod(int(sums.argmax()), sums.shape[1])
            x_mid, y_mid = (  # cells are coarse: the picture's edges stay beyond the frame's
                float(np.clip(there, span - side * scale / 2 + 0.1, side * scale / 2 - 0.1))
                for there, span, side in zip((size[0] / 2 - x, size[1] / 2 - y), grid.frame, cutout.size, strict=True)
            )
            options.append((float(sums[y, x]), scale, flip, x_mid, y_mid))
    score, scale, flip, x, y = options[choose([option[0] for option in options], rules, chance)]
    extent = scale * cutout.extent_px / (grid.frame[0] * grid.frame[1]) ** 0.5
    still = cutout.still
    place = Placement(still.name, still.key, extent, 0.0, flip, x / grid.frame[0], y / grid.frame[1])
    parts = {"score": round(score, 4), "scheme": round(score, 4), "overlap": 0.0}
    nothing = np.zeros(grid.shape, np.float32)
    return Scene(grid, nothing, nothing, [cutout], [place], [parts])
