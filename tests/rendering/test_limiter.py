"""Nobody in front of the wall is shown more than three flashes within a second (WCAG 2.3.1)."""

from __future__ import annotations

import numpy as np
import pytest
from flower import even, painted, picture

from installation import settings
from installation.rendering.limiter import GRID, FlashLimiter


def luminance(frames: list[np.ndarray]) -> np.ndarray:
    """Relative luminance of each frame [shape=(n,)], as WCAG 2 defines it, of its mean colour."""
    c = np.array([f.reshape(-1, 3).mean(0) for f in frames]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


def most_flashes(light: np.ndarray, fps: float) -> int:
    """The most flashes in any second: pairs of opposing changes of a tenth, the darker one below 0.8."""
    swings, turning, last = [], light[0], 0
    for n, now in enumerate(light):
        way = 1 if now - turning >= 0.1 else -1 if turning - now >= 0.1 else 0
        if way and min(now, turning) < 0.8 and way != last:
            swings.append(n / fps)
            turning, last = now, way
        elif (last >= 0 and now > turning) or (last <= 0 and now < turning):
            turning = now
    return max((sum(t <= s < t + 1 for s in swings) // 2 for t in swings), default=0)


def test_the_measure_of_this_test_counts_a_strobe() -> None:
    light = np.array([0.0, 0.0, 1.0, 1.0] * 30)
    assert most_flashes(light, 40) == 10
    assert most_flashes(np.linspace(0, 1, 60), 30) == 0


@pytest.mark.parametrize("fps", [30.0, 60.0])
@pytest.mark.parametrize(("dark", "bright"), [(0.0, 1.0), (0.3, 0.7)])
def test_a_strobe_of_10_hz_is_held_at_three_flashes(open_stage, fps: float, dark: float, bright: float) -> None:
    stage, frames = open_stage(fps=fps), []
    for n in range(round(fps * 3)):
        frames.append(stage.show(even(bright if (n / fps * 20) % 2 < 1 else dark, n)))
    assert 1 <= most_flashes(luminance(frames), fps) <= 3
    assert stage.display.flashes_limited > 5


def test_a_strobe_in_a_part_of_the_frame_is_held_too(open_stage) -> None:
    stage, frames = open_stage(), []
    for n in range(60):
        rgb = np.full((36, 64, 3), 0.1, "f4")
        rgb[8:24, 16:40] = 0.9 if n % 4 < 2 else 0.1
        frames.append(stage.show(painted(rgb, n))[24:40, 40:70])
    assert most_flashes(luminance(frames), 30) <= 3


def test_red_flashes_are_held_even_where_they_are_dark(open_stage) -> None:
    stage, frames = open_stage(), []
    for n in range(60):
        frames.append(stage.show(painted(np.full((8, 8, 3), [0.6 if n % 4 < 2 else 0.0, 0, 0], "f4"), n)))
    red = np.array([f[..., 0].mean() for f in frames]) / 255
    assert most_flashes(red**2.4 * 1.8, 30) <= 3 and stage.display.flashes_limited > 0


def test_a_test_card_switched_at_7_hz_is_held_too(open_stage) -> None:
    stage, frames = open_stage(settings.Screen((160, 90), (160, 90)), fps=30.0), []
    for n in range(120):
        frames.append(stage.show(even(0.9, n), test_card=n // 2 % 2 == 0))
    light = [luminance([frame[:45, :80] for frame in frames]), luminance([frame[30:60, 40:120] for frame in frames])]
    assert all(1 <= most_flashes(part, 30.0) <= 3 for part in light) and stage.display.flashes_limited > 3


def test_without_the_limiter_the_strobe_goes_through(open_stage) -> None:
    screen = settings.Screen((128, 72), (64, 36), flash_limiter=False)
    stage = open_stage(screen)
    frames = [stage.show(even(float(n % 4 < 2), n)) for n in range(60)]
    assert most_flashes(luminance(frames), 30) > 6 and stage.display.flashes_limited == 0


def test_a_calm_show_passes_unchanged(open_stage) -> None:
    shown = [painted(picture(64, 36, time_s=n / 15), n) for n in range(60)]
    plain = open_stage(settings.Screen((128, 72), (64, 36), flash_limiter=False))
    expected = [plain.show(one) for one in shown]
    limited = open_stage()
    assert all(np.array_equal(limited.show(one), seen) for one, seen in zip(shown, expected, strict=True))
    assert limited.display.flashes_limited == 0


def test_a_beat_of_two_a_second_passes_unchanged(open_stage) -> None:
    stage = open_stage()
    for n in range(90):
        bright = n % 15 < 4
        assert abs(stage.show(even(0.9 if bright else 0.2, n)).mean() / 255 - (0.9 if bright else 0.2)) < 0.01
    assert stage.display.flashes_limited == 0


def test_after_a_strobe_the_picture_is_soon_itself_again(open_stage) -> None:
    stage = open_stage()
    for n in range(30):
        stage.show(even(float(n % 2), n))
    for n in range(45):
        seen = stage.show(even(0.7, 100 + n))
    assert seen.mean() == pytest.approx(0.7 * 255, abs=1)


def test_an_operators_blackouts_are_at_once_and_their_strobe_stays_dark(open_stage) -> None:
    stage, frames, shown = open_stage(), [], even(0.9)
    for n in range(90):
        dark = n % 4 >= 2
        frames.append(stage.show(shown, blackout=dark))
        if dark:
            assert frames[-1].max() == 0, "black is never late"
    assert most_flashes(luminance(frames), 30) <= 3
    for _ in range(45):
        frames.append(stage.show(shown))
    assert frames[-1].mean() > 225, "and the light comes back"


def test_a_master_pulled_down_is_followed_at_once(open_stage) -> None:
    stage = open_stage()
    for n in range(40):
        seen = stage.show(even(0.9), master=0.0 if n % 2 else 1.0)
        assert n % 2 == 0 or seen.max() == 0


def test_the_limiter_grants_everything_until_the_seventh_swing() -> None:
    limiter, dark, bright = FlashLimiter(), np.zeros((2, *GRID)), np.zeros((2, *GRID))
    bright[0] = 1.0
    limiter.show(dark, 1.0, 0.0)
    before, shares = dark, []
    for n in range(8):
        light = dark if n % 2 else bright
        share, level = limiter.limit(light, before, 1.0, n * 0.1)
        before = before + (light - before) * share
        limiter.show(before, level, n * 0.1)
        shares.append(share)
    assert shares[:6] == [1.0] * 6 and shares[6] < 0.2


def test_small_flicker_and_small_places_are_not_flashes() -> None:
    for area, height in (((slice(None), slice(None)), 0.08), ((slice(0, 1), slice(0, 3)), 1.0)):
        limiter, dark = FlashLimiter(), np.full((2, *GRID), 0.2)
        bright = dark.copy()
        bright[0][area] += height
        limiter.show(dark, 1.0, 0.0)
        for n in range(60):
            light = dark if n % 2 else bright
            assert limiter.limit(light, dark if light is bright else bright, 1.0, n / 30)[0] == 1.0
            limiter.show(light, 1.0, n / 30)
        assert limiter.limited == 0
