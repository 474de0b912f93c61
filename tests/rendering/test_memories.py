"""What was remembered is taken up exactly: a flash limiter that goes on judges as one that never stopped."""

import io
from types import SimpleNamespace

import numpy as np
from flower import SMALL

from installation import settings
from installation.rendering import memories
from installation.rendering.effects import Chain
from installation.rendering.limiter import GRID, FlashLimiter

FPS = 25


def judged(guard: SimpleNamespace, frames: range) -> list[tuple[float, float]]:
    """What a limiter grants of a light that flickers all over, frame by frame."""
    granted = []
    for frame in frames:
        light = np.full((2, *GRID), 0.9 if frame // 2 % 2 else 0.0)
        share, level = guard.limiter.limit(light, guard.light, 1.0, frame / FPS)
        guard.light = guard.light + (light - guard.light) * share
        guard.limiter.show(guard.light, level, frame / FPS)
        granted.append((share, level))
    return granted


def test_a_flash_limiter_goes_on_where_another_stopped() -> None:
    one, other = (SimpleNamespace(limiter=FlashLimiter(), light=np.zeros((2, *GRID))) for _ in range(2))
    judged(one, range(40))
    packed = io.BytesIO()
    np.savez(packed, **memories.of_guard(one))
    packed.seek(0)
    memories.to_guard(other, np.load(packed))
    on = judged(one, range(40, 80))
    assert judged(other, range(40, 80)) == on and 0.0 in {share for share, _ in on}
    assert other.limiter.limited == one.limiter.limited > 0
    fresh = SimpleNamespace(limiter=FlashLimiter(), light=one.light)
    assert judged(fresh, range(40, 80)) != on


def test_what_an_effect_draws_anew_with_every_picture_is_not_kept(context, flower) -> None:
    chain = Chain(context, [settings.Effect("engrave"), settings.Effect("echo")], SMALL.size)
    still, moving = chain.links
    for n in range(2):
        chain.draw(
            flower, {f"effect.{name}.amount": 1.0 for name in ("engrave", "echo")} | {"effect.echo.on": 1.0}, n / FPS
        )
    assert still.loaded.is_still and not moving.loaded.is_still and still.loaded.buffers
    kept = {name.split(".")[0] for name in memories.of_effects(chain) if ".buffer." in name}
    assert kept == {"echo"}
