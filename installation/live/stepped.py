"""A show and a stepped clock in; every frame out, painted and drawn for its own instant, however long that takes."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from installation import files
from installation.control.timecode.counting import time_of
from installation.latent import vectors
from installation.live import modulation, opening
from installation.live.leading import own_model
from installation.live.painting import open_generator
from installation.live.portable import fitted
from installation.memory import keep_pages
from installation.settings import Cue, SettingsError, Show, Timecode
from installation.signals import Command, Controls, Picture, SoundBlock

NEWEST_SAMPLES = 4096  # of sound that effects look at
MODELS_S = 600.0  # in which the models that cues name are opened


class Stepped:
    """The live show's own parts, asked frame by frame: nothing is dropped, left out or survived."""

    def __init__(self, show: Show, closing: ExitStack) -> None:
        """Raises what opening a show raises."""
        import torch

        from installation.rendering.guard import Guard
        from installation.rendering.readback import Whole

        torch.set_num_threads(os.cpu_count() or 1)
        torch.set_flush_denormal(True)
        keep_pages()
        self._seen: np.ndarray | None = None
        self.generator = open_generator(show, lambda: self._seen)
        self.easel = opening.open_easel(show, closing)
        knobs = self.generator.knobs | self.easel.knobs
        self.show = show = fitted(show, knobs)
        self.board = opening.open_board(show, knobs)
        self.calls = deque(calls_of(show.cues, show.timecode or Timecode()))
        self.senses = opening.open_senses(show, closing)
        self.state = modulation.begin(show.routes)
        self.guard = Guard(self.easel.canvas) if show.screen.flash_limiter else None
        self._heard = np.zeros(0, np.float32)
        self._sound: SoundBlock | None = None
        self._shown: Any = None  # a target of our own
        self._spare: Any = None
        self._whole = Whole()

    @property
    def renderer(self) -> str:
        """What draws here, and what paints: other machines make other last bits."""
        import torch

        drawn: str = self.easel.canvas.context.info["GL_RENDERER"]
        painted = self.generator.device.type
        if painted == "cuda":
            painted = torch.cuda.get_device_name()
        return f"{drawn}, {painted} {torch.backends.cpu.get_cpu_capability()}, torch {torch.__version__}"

    @property
    def made_of(self) -> list[Path]:
        """The files that its pictures come of, beside its show, its model and what it hears and sees."""
        effects = [(link.path, link.loaded.effect.imported) for link in self.easel.chain.links]
        read = [path for one, imported in effects for path in (one, one.with_suffix(".vs"), *imported.values())]
        read += [vectors.find(vector.file) for vector in self.show.vectors if vector.file]
        model = Path(own_model(self.show.generator)).name
        for kind in ("maps", "bred", "directions") if model else ():
            read += sorted(files.places(kind)[1].glob(f"{model}*")) + sorted(
                files.places(kind)[1].glob(f"{model}/**/*")
            )
        return [path for path in read if path.is_file()]

    @property
    def remembers(self) -> bool:
        """Whether a picture of the generator depends on those before it."""
        return bool(getattr(self.generator, "remembers", True))

    def follow(self, now_s: float) -> Controls:
        """The controls of the next frame, by what is heard and seen then. Raises RuntimeError for what cannot be."""
        while self.calls and self.calls[0][0] <= now_s + 1e-6:
            self.board.apply(Command("cue", self.calls.popleft()[1], by="film"), now_s)
        features = self.senses.read(now_s)
        self._listen(self.senses.sound)
        if self.senses.camera is not None:
            self._seen = self.senses.camera.rgb
        base = self.board.levels(now_s).base
        controls, self.state = modulation.modulate(
            self.board.knobs, self.show.routes, base, features, self.state, now_s
        )
        self._insist(now_s, self.senses.all_faults() + self.board.faults)
        return controls

    def draw(self, controls: Controls) -> np.ndarray:
        """The frame of these controls [shape=(H, W, 4), uint8, row 0 on top]. Raises RuntimeError where it fails."""
        picture = self.paint(controls)
        drawn = self.easel.draw(picture, controls.values, controls.time_s, self._sound)
        self._insist(controls.time_s, self.easel.faults)
        assert drawn is not None
        if self.guard:
            drawn, _ = self.guard.limit(drawn, self._shown, 1.0, controls.time_s)
        return np.ascontiguousarray(self._whole.read_rgba(self._hung(drawn).framebuffer)[::-1])

    def paint(self, controls: Controls) -> Picture:
        """The generator's picture of these very controls."""
        import torch

        if hasattr(self.generator, "settle") and not self.generator.settle(controls, MODELS_S):
            raise RuntimeError(f"the models of the cues were not open after {MODELS_S:.0f} s")
        with torch.inference_mode():
            picture = self.generator.render(controls)
            if not math.isfinite(float(picture.pixels.sum(dtype=torch.float32))):
                raise RuntimeError(f"at {controls.time_s:.2f} s: the generator's picture is not finite")
        faults = self.generator.faults
        self._insist(controls.time_s, {kind: count for kind, count in faults.items() if kind == "model"})
        return picture

    def remember(self) -> dict[str, np.ndarray]:
        """All that the next frame's drawing depends on, beside the frames' controls; a generator's own memory not."""
        from installation.rendering import memories

        found = memories.of_effects(self.easel.chain)
        if self.guard:
            found |= memories.of_guard(self.guard)
        if self._shown is not None:
            found["shown"] = memories.pixels_of(self._shown)
        return found

    def recall(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from there. Raises KeyError for what another show remembered."""
        from installation.rendering import memories

        memories.to_effects(self.easel.chain, arrays)
        if self.guard:
            memories.to_guard(self.guard, arrays)
        if "shown" in arrays:
            self._shown = memories.target_of(self.easel.canvas.context, arrays["shown"])

    def _hung(self, drawn: Any) -> Any:
        """A copy that no later frame draws into: the limiter looks at the frame before."""
        from installation.rendering.canvas import Target

        if drawn is not self._shown:
            context = self.easel.canvas.context
            fresh = self._spare or Target(context, drawn.size)
            context.copy_framebuffer(fresh.framebuffer, drawn.framebuffer)
            self._shown, self._spare = fresh, self._shown
        return self._shown

    def _listen(self, sound: SoundBlock | None) -> None:
        """Keep the newest sound for the effects."""
        if sound is None:
            self._sound = None
            return
        self._heard = np.concatenate([self._heard, sound.samples])[-NEWEST_SAMPLES:]
        self._sound = SoundBlock(self._heard, sound.sample_rate_hz, sound.time_s)

    def _insist(self, now_s: float, faults: Mapping[str, int]) -> None:
        if faults:
            raise RuntimeError(f"at {now_s:.2f} s: {', '.join(faults)} failed; a film leaves nothing out")


def calls_of(cues: tuple[Cue, ...], timecode: Timecode) -> list[tuple[float, str]]:
    """When the cues that have an `at` are called, in s, in order. Raises SettingsError for one that is no time."""
    calls = []
    for i, cue in enumerate(cues):
        if cue.at:
            try:
                calls.append((time_of(cue.at, timecode.fps).seconds_in, cue.number))
            except ValueError as error:
                raise SettingsError(f"cues[{i}] (number {cue.number!r}): at: {error}") from None
    return sorted(calls, key=lambda call: call[0])
