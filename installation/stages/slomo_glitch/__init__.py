"""A still in, a frame of a slow motion that never was out: two bent nets tear the still on its way to a changed self.

The source's "UGly-Net": the second frame is the still, turned, stretched and recoloured by chance; Super SloMo's two
nets look for the frame between, and bends inside them make them see what is not there. The nets look at a small form of
the picture; their flows are enlarged and the full-sized still is carried along them, so that a print is as sharp as a
proof and torn in the same places.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import torch

from installation import weights
from installation.bending.carrying import MOST_GAIN, Motion, exaggerated, places, repaired, sampled, torn
from installation.bending.draws import draw_bends
from installation.bending.layers import Bends
from installation.bending.slomo import SloMo, layer_names, nearest_size, open_nets
from installation.settings import Bend, SettingsError, to_table
from installation.signals import Still
from installation.stages.slomo_glitch.slomo_frames import Between, Change, on_white, shrunk
from installation.stages.work import Made, Plan, Stage, Work, derive_seed

BLOCKS = (1 / 32, 1 / 20, 1 / 12)  # sides of the squares, in parts of the longer side


@dataclass(frozen=True)
class Settings:
    """takes: glitches of each still. t: the range that the time is drawn from, 0 the still .. 1 its changed self.

    bends: the artist's own (see the notes of a take for the layers' names); without, one to most_bends are drawn.
    reach: the range that the glitch's own is drawn from: how far it carries pixels on average, in parts of the longer
    side; strength scales it, 0 leaves the nets' plain frame. blocks: how many takes of all move in squares, as in a
    broken video. tear: 0 shows both frames through each other, towards 1 each place shows one of them.
    net_px: longest side of what the nets look at.
    turn_deg .. contrast: how far the second frame may differ; shift and elastic in parts of the longer side.
    seed: 0 draws anew for each take; the seed in the notes of a take makes that second frame again.
    """

    model: str = "slomo"
    takes: int = 3
    t: tuple[float, float] = (0.3, 0.7)
    strength: float = 1.0
    bends: tuple[Bend, ...] = ()
    most_bends: int = 3
    reach: tuple[float, float] = (0.025, 0.07)
    blocks: float = 0.25
    tear: float = 0.88
    net_px: int = 192
    turn_deg: float = 3.5
    grow: float = 0.05
    shift: float = 0.015
    elastic: float = 0.012
    hue_deg: float = 16.0
    saturation: float = 0.15
    contrast: float = 0.12
    tries: int = 5
    seed: int = 0


def create(settings: Settings) -> SlomoGlitch:
    """The stage; the nets are opened by the first run. Raises SettingsError for what cannot be."""
    for name, (low, high) in (("t", settings.t), ("reach", settings.reach)):
        if not 0 <= low <= high <= 1:
            raise SettingsError(f"slomo_glitch: {name} is a range within 0..1, found {[low, high]}")
    for name, least in (("takes", 1), ("tries", 1), ("most_bends", 1), ("net_px", 32), ("strength", 0)):
        if getattr(settings, name) < least:
            raise SettingsError(f"slomo_glitch: {name} is {least} or more, found {getattr(settings, name)}")
    return SlomoGlitch(settings)


@functools.lru_cache(maxsize=2)
def _nets(model: str) -> SloMo:
    nets, _ = open_nets(model)
    return nets.to("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True)
class Judgement:
    """A take beside its still: change 0 the same .. 1 nothing alike; contents and detail 1 as much as there was."""

    change: float
    contents: float
    detail: float
    likeness: float

    @property
    def fault(self) -> str:
        """Why it is not worth keeping, or nothing."""
        if self.change < 0.08:
            return "near-identical"
        if self.contents < 0.4:
            return "near-empty"
        if self.likeness < 0.45 or self.change > 1.25:
            return "unrecognisable"
        if self.detail > 1.6:
            return "near noise"
        if self.detail < 0.35:
            return "washed out"
        return ""


class SlomoGlitch(Stage):
    """Makes `takes` results of each still."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.fingerprint = _fingerprint(settings.model)

    def plan(self, stills: Sequence[Still]) -> list[Plan]:
        """Every still as often as there are takes, each under a name and a seed of its own."""
        return [
            Plan((still,), derive_seed(still.seed, "slomo_glitch", n), f"{still.name}-take{n + 1}")
            for still in stills
            for n in range(self.settings.takes)
        ]

    @torch.inference_mode()
    def run(self, stills: Sequence[Still], work: Work) -> Made:
        """The frame between. Its notes hold t, the change of the second frame, the bends, and which attempt it was."""
        still = stills[0]
        height, width = still.pixels.shape[:2]
        small = shrunk(still.pixels, nearest_size(width, height, self.settings.net_px))
        blank = float(small[:, 3].max()) == 0 if small.shape[1] == 4 else False
        if blank:
            raise ValueError("nothing to be seen in it: every pixel is transparent")
        best: tuple[float, Between, dict] | None = None
        for attempt in range(self.settings.tries):
            work.progress(0.5 * attempt / self.settings.tries, "looking for a glitch")
            between, notes = self._draw(small, width / height, work, attempt)
            found = judge(on_white(small), on_white(between.paint_small(small)))
            fault = found.fault or ("the bends did nothing" if notes["gain"] >= MOST_GAIN else "")
            notes |= {"attempt": attempt, "judgement": asdict(found), "fault": fault}
            worth = found.likeness - abs(found.change - 0.4) - 10 * bool(fault)
            if best is None or worth > best[0]:
                best = worth, between, notes
            if not fault:
                break
        assert best is not None
        _, between, notes = best
        work.preview(on_white(between.paint_small(small))[0].permute(1, 2, 0).numpy())
        canvas = work.canvas(*still.pixels.shape)
        between.paint(still.pixels, canvas, lambda part: work.progress(0.5 + 0.5 * part, "painting"))
        maps = {name: between.carry(plane) for name, plane in still.maps.items() if plane.ndim == 2}
        return Made(canvas, maps, notes)

    def _draw(self, small: torch.Tensor, aspect: float, work: Work, attempt: int) -> tuple[Between, dict]:
        """One glitch, and all that is needed to make it again."""
        s = self.settings
        seed = s.seed or derive_seed(work.seed, "second frame", attempt)
        dice = np.random.default_rng(seed)
        t = round(float(dice.uniform(*s.t)), 4)
        reach = round(float(dice.uniform(*s.reach)) * s.strength, 5)
        change = draw_change(s, dice)
        block = float(dice.choice(BLOCKS)) if dice.uniform() < s.blocks else 0.0
        sheet = torch.from_numpy(dice.normal(size=(1, 1, 7, 7)).astype(np.float32))
        layers = layer_names(_nets(s.model).config, small.shape[2])
        drawn = s.bends or draw_bends(work.chance("bends", attempt), layers, s.most_bends)
        path = change.offsets(small.shape[2], small.shape[3], aspect)
        second = change.recoloured(sampled(small, places(small.shape[2], small.shape[3]) + path))
        motion, gain = self._look(
            small, second, t, Bends(drawn, layers, device=_nets(s.model).mean.device), reach, block
        )
        sheet = torch.nn.functional.interpolate(sheet, small.shape[2:], mode="bicubic", align_corners=True)
        visible = torn(motion.visible, t, sheet, min(s.tear, 0.99))
        at = places(small.shape[2], small.shape[3]) + motion.to_second
        between = Between(motion.to_first, motion.to_second + sampled(path, at), visible, t, change)
        notes = {"t": t, "seed": seed, "second": change.to_dict(), "bends": [to_table(bend) for bend in drawn]}
        return between, notes | {"reach": reach, "block": block, "gain": round(gain, 3)}

    def _look(
        self, first: torch.Tensor, second: torch.Tensor, t: float, bends: Bends, reach: float, block: float
    ) -> tuple[Motion, float]:
        """What the nets see between two frames (1, C, h, w), and how much of that was made of what the bends did."""
        nets = _nets(self.settings.model)
        pictures = [on_white(picture).to(nets.mean.device) for picture in (first, second)]
        bends.set({})
        plain, bent = repaired(nets(*pictures, t)), repaired(nets(*pictures, t, bends.apply))
        ink = (pictures[0] - pictures[0].amax((2, 3), keepdim=True)).abs().amax(1, keepdim=True)
        longest = max(first.shape[2:])
        motion, gain = exaggerated(plain, bent, reach * longest, ink, round(block * longest))
        return Motion(*(getattr(motion, item.name).float().cpu() for item in fields(Motion))), float(gain)


def draw_change(s: Settings, dice: np.random.Generator) -> Change:
    """A second frame that differs by at least a third of what the settings allow."""

    def swing(most: float) -> float:
        return round(float(dice.choice([-1, 1]) * dice.uniform(1 / 3, 1) * most), 5)

    return Change(
        turn_deg=swing(s.turn_deg),
        grow=swing(s.grow),
        shift=(swing(s.shift), swing(s.shift)),
        elastic=abs(swing(s.elastic)),
        elastic_seed=int(dice.integers(1 << 31)),
        hue_deg=swing(s.hue_deg),
        saturation=round(1 + abs(swing(s.saturation)), 5),
        contrast=round(1 + swing(s.contrast), 5),
    )


def judge(still: torch.Tensor, take: torch.Tensor) -> Judgement:
    """How a take (1, 3, h, w) compares with its still, both at the nets' size."""
    ink = _spread(still)
    blurred = [torch.nn.functional.avg_pool2d(x, 8).flatten() for x in (still, take)]
    blurred = [x - x.mean() for x in blurred]
    likeness = (blurred[0] @ blurred[1]) / (blurred[0].norm() * blurred[1].norm()).clamp(min=1e-6)
    parts = ((take - still).abs().mean() / ink, _spread(take) / ink, _roughness(take) / _roughness(still), likeness)
    return Judgement(*(round(float(x), 4) for x in parts))


def _spread(x: torch.Tensor) -> torch.Tensor:
    return (x - x.mean((2, 3), keepdim=True)).abs().mean().clamp(min=1e-3)


def _roughness(x: torch.Tensor) -> torch.Tensor:
    return (x.diff(dim=2).abs().mean() + x.diff(dim=3).abs().mean()).clamp(min=1e-4)


def _fingerprint(model: str) -> str:
    if model.endswith((".ckpt", ".pth", ".pt")):
        from pathlib import Path

        return weights.digest(Path(model))
    return str(weights.read_config(model).get("sha256", ""))
