"""Controls in, pictures between another generator's pictures out: two bent nets tear its walk while it is played."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from installation import plugins, signals
from installation.bending.carrying import Motion, enlarged, exaggerated, mixed, places, repaired, sampled, torn
from installation.bending.layers import NOT_FINITE, Bends, bend_knobs
from installation.bending.slomo import SloMo, layer_names, nearest_size, open_nets
from installation.settings import Bend, Part, SettingsError, check

FULLY_AT = 0.2  # amount from which on nothing of the untouched picture is mixed in
REACH = 0.08  # how far the glitch carries pixels at amount 1, in parts of the longer side
MOST_GAIN = 60.0  # beyond it a glitch would flicker from picture to picture
SHEET = 6  # nodes along each side of the sheet that says where the other picture shows
PAINTS = Part("stylegan2")
GLITCHES = (
    Bend("slomo_melt", "flow.up2.conv2", "multiply", 0.8, 0.5, seed=1),
    Bend("slomo_whirl", "flow.up4.conv2", "rotate", 0.3, 0.8, seed=2),
)


@dataclass(frozen=True)
class Settings:
    """generator paints, twice: now and `slomo.span` of a lap ahead. model: the nets that look for what is between.

    bends: the effect's own; a show's bends at layers flow.* and blend.* join them. net_px: longest side of what the
    nets look at. amount: where the knob slomo.amount rests.
    """

    generator: Part = PAINTS
    model: str = "slomo"
    bends: tuple[Bend, ...] = GLITCHES
    net_px: int = 96
    amount: float = 0.5


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Slomo:
    """Open the nets and the generator before them. Raises WeightsError or SettingsError saying what to do."""
    if settings.generator.name == "slomo":
        raise SettingsError(
            "generator: slomo cannot stand behind slomo; name the generator that paints, e.g. stylegan2"
        )
    nets, sha256 = open_nets(settings.model)
    theirs = layer_names(nets.config, settings.net_px)
    at_nets = [bend for bend in bends if str(bend.layer).partition(".")[0] in ("flow", "blend")]
    module = plugins.load("generators", settings.generator.name)
    inner_settings = check(module.Settings, settings.generator.settings, "generator.settings.generator")
    inner_bends = [bend for bend in bends if bend not in at_nets]
    painters = [module.create(inner_settings, inner_bends, size, device, seed) for _ in range(2)]
    own, shown = (Bends(part, theirs, seed, painters[0].device) for part in (settings.bends, at_nets))
    return Slomo(painters, nets, settings, (own, shown), [*settings.bends, *at_nets], sha256, seed)


class Slomo:
    """Two of the same generator at two places of their walk, and what the nets see between them.

    Shedding takes the show's bends first (level 1), then the whole effect: the inner picture is left.
    """

    def __init__(
        self,
        painters: Sequence[Any],
        nets: SloMo,
        settings: Settings,
        bends: tuple[Bends, Bends],
        all_bends: Sequence[Bend],
        sha256: str,
        seed: int = 0,
    ) -> None:
        self.now, self.ahead = painters
        self.device: torch.device = self.now.device
        self.nets = nets.to(self.device)
        self.settings, self.size = settings, self.now.size
        self.own, self.bends = bends
        self.layers = [*self.now.layers, *layer_names(nets.config, settings.net_px)]
        self.weights_sha256 = hashlib.sha256(f"{self.now.weights_sha256} {sha256}".encode()).hexdigest()
        knobs = [*self.now.knobs.values(), *_knobs(settings.amount), *bend_knobs(all_bends)]
        self.knobs: dict[str, signals.Knob] = {knob.name: knob for knob in knobs}
        if len(self.knobs) < len(knobs):
            names = sorted(name for name, count in Counter(knob.name for knob in knobs).items() if count > 1)
            raise SettingsError(f"bends: every bend needs a name of its own, found two of {', '.join(names)}")
        self.own_faults: Counter[str] = Counter()
        self._level, self.seed = 0, seed
        self._sheets: dict[tuple[int, int], Tensor] = {}

    @property
    def faults(self) -> Counter[str]:
        """What was survived: in the generator, in the bends, in the nets."""
        return self.now.faults + self.own.faults + self.bends.faults + self.own_faults

    @property
    def wants_camera(self) -> bool:
        """Whether what paints is painted from the camera."""
        return getattr(self.now, "wants_camera", False)

    def each(self, act: Callable[[Any], None]) -> None:
        """Do something to both that paint, and take over the knobs that it gave them."""
        for painter in (self.now, self.ahead):
            act(painter)
        self.knobs = self.now.knobs | self.knobs

    def where(self, controls: signals.Controls) -> Tensor:
        """The point of the picture of now."""
        where: Tensor = self.now.where(controls)
        return where

    def shed(self, level: int) -> None:
        """0 draws everything; 1 without the show's bends; from 2 on the inner picture only."""
        self._level = level
        for part in (self.now, self.ahead, self.bends):
            part.shed(level)

    @property
    def remembers(self) -> bool:
        """Whether a picture depends on those before it."""
        return any(part.remembers for part in (self.now, self.ahead, self.own, self.bends))

    def reset(self) -> None:
        """Forget earlier frames."""
        for part in (self.now, self.ahead, self.own, self.bends):
            part.reset()

    @torch.inference_mode()
    def render(self, controls: signals.Controls, size: tuple[int, int] | None = None) -> signals.Picture:
        """Picture of `controls`; with slomo.amount at 0 it is the inner generator's, bit for bit."""
        start_s = time.perf_counter()
        knob = {name: controls.values.get(name, k.default) for name, k in self.knobs.items()}
        amount = min(max(knob["slomo.amount"], 0.0), 1.0)
        if not amount > 0 or self._level >= 2:
            return self.now.render(controls, size)
        here, span = controls.turns % 1.0, knob["slomo.span"]
        first = self.now.render(dataclasses.replace(controls, turns=here), size)
        second = self.ahead.render(dataclasses.replace(controls, turns=(here + span) % 1.0), size)
        for bends in (self.own, self.bends):
            bends.set(knob)
        far = (
            amount * REACH * max((abs(a) for b in (self.own, self.bends) if b.active for a in b.amounts_now), default=0)
        )
        pixels = self.between(first.pixels[None], second.pixels[None], knob["slomo.t"], far, knob["slomo.tear"])
        pixels = torch.lerp(first.pixels, pixels[0], min(1.0, amount / FULLY_AT))
        return signals.Picture(pixels, controls, first.number, time.perf_counter() - start_s)

    def between(self, first: Tensor, second: Tensor, t: float, far: float, tear: float) -> Tensor:
        """The picture at t between two (1, 3, H, W), -1..1, as bent nets see it; far is in parts of the longer side."""
        height, width = first.shape[2:]
        looked = nearest_size(width, height, min(self.settings.net_px, max(width, height)))
        small = [_shrunk(picture, looked) for picture in (first, second)]
        motion = repaired(self.nets(small[0], small[1], t))
        if far > 0:
            bent = self.nets(small[0], small[1], t, self._bend)
            if self.device.type == "cpu" and not math.isfinite(float(bent.visible.sum() + bent.to_first.sum())):
                self.own_faults[NOT_FINITE] += 1
            everywhere = torch.ones_like(motion.visible)
            motion, _ = exaggerated(motion, repaired(bent), far * max(looked), everywhere, most=MOST_GAIN)
        visible = torn(motion.visible, t, self._sheet(looked), tear)
        return _painted(first, second, dataclasses.replace(motion, visible=visible), t)

    def _sheet(self, size: tuple[int, int]) -> Tensor:
        """Seeded hills (1, 1, h, w), made once for each size: where they are high, the first picture shows."""
        if size not in self._sheets:
            rough = torch.randn(1, 1, SHEET, SHEET, generator=torch.Generator().manual_seed(self.seed))
            smooth = F.interpolate(rough, (size[1], size[0]), mode="bicubic", align_corners=True)
            self._sheets[size] = smooth.to(self.device)
        return self._sheets[size]

    def _bend(self, name: str, x: Tensor) -> Tensor:
        return self.bends.apply(name, self.own.apply(name, x))


def _knobs(amount: float) -> list[signals.Knob]:
    return [
        signals.Knob("slomo.amount", 0.0, 1.0, amount, "strength of the slo-mo glitch; 0 leaves the picture untouched"),
        signals.Knob("slomo.t", 0.0, 1.0, 0.5, "time between the picture (0) and the one ahead of it on the walk (1)"),
        signals.Knob("slomo.tear", 0.0, 0.98, 0.6, "0 shows both pictures through each other, 1 one or the other"),
        signals.Knob("slomo.span", 0.0, 0.2, 0.03, "how far ahead the other picture lies, in laps of the walk"),
    ]


def _shrunk(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """(1, 3, H, W) in -1..1 -> (1, 3, h, w) in 0..1 at size (width, height)."""
    small = F.interpolate(picture, (size[1], size[0]), mode="bilinear", antialias=True, align_corners=False)
    return small.add(1).mul(0.5).contiguous(memory_format=torch.channels_last)


def _painted(first: Tensor, second: Tensor, motion: Motion, t: float) -> Tensor:
    """Both pictures (1, 3, H, W) carried along the enlarged motion and mixed."""
    height, width = first.shape[2:]
    rows = slice(0, height)
    scale = torch.tensor([width / motion.visible.shape[3], height / motion.visible.shape[2]], device=first.device)
    flows = torch.cat([motion.to_first, motion.to_second], 1) * scale.repeat(2)[None, :, None, None]
    fields = enlarged(torch.cat([flows, motion.visible], 1), (height, width), rows)  # (1, 5, H, W)
    at = places(height, width, first.device)
    carried = [sampled(picture, at + fields[:, k : k + 2]) for picture, k in ((first, 0), (second, 2))]
    return mixed(carried[0], carried[1], fields[:, 4:].clamp(0, 1), t)
