"""The generator's newest picture and the knobs in; the picture laid into its frame, with every effect over it, out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import moderngl

from installation import settings
from installation.rendering.canvas import Canvas, Target
from installation.rendering.effect import SoundView
from installation.rendering.effects import Chain, nobody
from installation.rendering.link import EFFECTS
from installation.rendering.upload import Uploader
from installation.signals import Knob, Picture, SoundBlock

FILL = Knob(
    "screen.fill", 0.0, 1.5, 1.0, "0: whole picture beside its mirror images; 1: it fills the frame; more: nearer"
)


class Easel:
    """Upload, fit, effects: all that may be slow or broken, on a GL context of its own, far from the projector.

    Raises SettingsError (EffectError) at the start for an effect that is absent or does not compile; never later.
    """

    def __init__(
        self,
        context: moderngl.Context,
        effects: Sequence[settings.Effect],
        size: tuple[int, int],
        folder: Path = EFFECTS,
        watch: Callable[[int], None] = nobody,
        sheds: bool = True,
    ) -> None:
        """watch is told which effect comes next; sheds: the wall clock leads, see `Chain`."""
        self.canvas = Canvas(context)
        self.chain = Chain(self.canvas, effects, size, folder, watch, sheds)
        self.uploader = Uploader(self.canvas)
        self.across, self.down = (self.canvas.own_program("stretch", *words) for words in (["ACROSS"], []))
        self.timings: dict[str, float] = {}
        self._size = size
        self._picture: moderngl.Texture | None = None
        self._held: Picture | None = None
        self._fitted: tuple[object, ...] = ()
        self._source: Target | None = None

    @property
    def knobs(self) -> dict[str, Knob]:
        return {FILL.name: FILL} | self.chain.knobs

    @property
    def faults(self) -> Counter[str]:
        return self.chain.faults

    def work_at(self, size: tuple[int, int]) -> None:
        """Draw at this size from the next picture on; what effects remember is carried over."""
        self._size = size

    def draw(
        self,
        picture: Picture | None,
        values: Mapping[str, float],
        now_s: float,
        audio: SoundView | SoundBlock | None = None,
    ) -> Target | None:
        """The picture as it is to be shown, finished on its device; None while there has never been one.

        The target stays as it is until the next call.
        """
        self.timings, began_s = {}, time.perf_counter()
        if self._size != self.chain.size:
            self.chain.resize(self._size)
            if self._source is not None:
                self._source.release()
            self._source, self._fitted = None, ()
        if picture is not None and picture is not self._held:  # the same object is the same picture: nothing to do
            self._picture, self._held = self.uploader.upload(picture.pixels), picture
            self._fitted = ()
        if self._picture is None:
            return None
        source = self._fit(self._picture, values.get(FILL.name, FILL.default))
        began_s = self._time("upload", began_s)
        self.chain.draw(source.texture, values, now_s, audio, source)
        self.canvas.wait()
        self._time("effects", began_s)
        return self.chain.last or source

    def _fit(self, picture: moderngl.Texture, fill: float) -> Target:
        """The picture laid into the working frame; drawn again only when it or its place changed."""
        state = (fill, self.chain.size)
        if self._source is None:  # it outlives its frame when the generator is slower: never lent to a pass
            self._source = Target(self.canvas.context, self.chain.size)
        if state != self._fitted:
            width, height = self.chain.size
            frame = width / height / (picture.width / picture.height)
            whole, filled = (max(frame, 1.0), max(1.0 / frame, 1.0)), (min(frame, 1.0), min(1.0 / frame, 1.0))
            middle = self.canvas.borrow((picture.width, height))  # down first: a frame shows fewer rows than columns
            self.down.bind("picture", picture)
            self.down.set("span", whole[1] + (filled[1] - whole[1]) * fill)
            self.down.draw(middle.framebuffer)
            self.across.bind("picture", middle.texture)
            self.across.set("span", whole[0] + (filled[0] - whole[0]) * fill)
            self.across.draw(self._source.framebuffer)
            self._fitted = state
            self.chain.version += 1
        return self._source

    def _time(self, part: str, began_s: float) -> float:
        """Note the milliseconds of one part; when the next one begins."""
        now_s = time.perf_counter()
        self.timings[part] = (now_s - began_s) * 1e3
        return now_s

    def release(self) -> None:
        """Let go of everything on the GPU."""
        self.chain.release()
