"""What effects and the flash limiter remember from frame to frame in; arrays out, and exactly the same back again.

So a film that was broken off goes on as if nothing had been, without what is finished being drawn once more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import moderngl
import numpy as np

from installation.rendering.canvas import Target
from installation.rendering.effects import Chain
from installation.rendering.guard import Guard
from installation.rendering.limiter import FlashLimiter
from installation.rendering.link import Link

LIGHT = ("shown", "peak", "valley", "rising", "count")  # of the limiter, cell by cell
NUMBERS = {"f1": np.uint8, "f2": np.float16, "f4": np.float32}
Arrays = dict[str, np.ndarray]


def of_effects(chain: Chain) -> Arrays:
    """All that a chain's next frame depends on beside its inputs."""
    found: Arrays = {"chain.time": np.array(np.nan if chain.time_s is None else chain.time_s)}
    for link in chain.links:
        loaded = link.loaded
        found[f"{link.name}.frames"] = np.array([loaded.frame_index, link.drawn_last])
        found[f"{link.name}.events"] = np.array(list(link.seen), str)
        found[f"{link.name}.presses"] = np.array(list(link.seen.values()), np.int64)
        if loaded.is_still:
            continue
        for shelf, targets in (("buffer", loaded.buffers), ("spare", loaded.spares)):
            for name, target in targets.items():
                found[f"{link.name}.{shelf}.{name}"] = pixels_of(target)
    return found


def to_effects(chain: Chain, arrays: Mapping[str, np.ndarray]) -> None:
    """Let a chain that has drawn nothing go on from there. Raises KeyError for what another chain remembered."""
    time_s = float(arrays["chain.time"])
    chain.time_s = None if np.isnan(time_s) else time_s
    for link in chain.links:
        frames, drawn_last = arrays[f"{link.name}.frames"].tolist()
        link.loaded.frame_index, link.drawn_last = frames, bool(drawn_last)
        presses = arrays[f"{link.name}.presses"].tolist()
        link.seen = dict(zip(arrays[f"{link.name}.events"].tolist(), presses, strict=True))
        _fill(link, arrays)


def _fill(link: Link, arrays: Mapping[str, np.ndarray]) -> None:
    """Its buffers as they were."""
    loaded = link.loaded
    for shelf, targets in (("buffer", loaded.buffers), ("spare", loaded.spares)):
        start = f"{link.name}.{shelf}."
        for key in (key for key in arrays if key.startswith(start)):
            targets[key.removeprefix(start)] = target_of(loaded.canvas.context, arrays[key])


def of_guard(guard: Guard) -> Arrays:
    """All that the flash limiter knows of what was shown."""
    limiter = guard.limiter
    found = {f"limiter.{name}": getattr(limiter, name) for name in LIGHT}
    found["limiter.times"] = np.array([time_s for time_s, _ in limiter.past])
    found["limiter.past"] = np.array([cells for _, cells in limiter.past], bool).reshape(-1, *limiter.shown.shape)
    found["limiter.state"] = np.array([limiter.limited, limiter.holding, limiter.level], np.float64)
    return found | {"limiter.light": guard.light}


def to_guard(guard: Guard, arrays: Mapping[str, np.ndarray]) -> None:
    """Let a limiter that has seen nothing go on from there."""
    limiter: FlashLimiter = guard.limiter
    for name in LIGHT:
        setattr(limiter, name, arrays[f"limiter.{name}"].copy())
    rows = zip(arrays["limiter.times"].tolist(), arrays["limiter.past"], strict=True)
    limiter.past = deque((time_s, cells.copy()) for time_s, cells in rows)
    limited, holding, level = arrays["limiter.state"].tolist()
    limiter.limited, limiter.holding, limiter.level = int(limited), bool(holding), level
    guard.light = arrays["limiter.light"].copy()


def pixels_of(target: Target) -> np.ndarray:
    """A target's numbers [shape=(H, W, 4), in its own precision, row 0 at the bottom]."""
    packed = np.frombuffer(target.texture.read(), NUMBERS[target.dtype])
    return packed.reshape(target.size[1], target.size[0], -1)


def target_of(context: moderngl.Context, pixels: np.ndarray) -> Target:
    """A target with these numbers."""
    dtype = next(name for name, kind in NUMBERS.items() if kind == pixels.dtype)
    target = Target(context, (pixels.shape[1], pixels.shape[0]), dtype, pixels.shape[2])
    target.texture.write(np.ascontiguousarray(pixels))
    return target
