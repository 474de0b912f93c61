"""The newest picture, controls and the desk's levels in; light out of the projector, master and blackout last."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import moderngl
import numpy as np

from installation import settings
from installation.rendering import projector
from installation.rendering.canvas import Canvas, Target
from installation.rendering.effects import EFFECTS, Chain, SoundView
from installation.rendering.final import Final
from installation.rendering.guard import Guard
from installation.rendering.readback import Readback
from installation.rendering.stopwatch import Stopwatch
from installation.rendering.surfaces import DisplayError, Headless, Window, gl_info, monitors
from installation.rendering.upload import Uploader
from installation.signals import Controls, Knob, Levels, Picture, SoundBlock

__all__ = ["Display", "DisplayError", "SoundView", "create", "gl_info", "monitors"]
FILL = Knob(
    "screen.fill", 0.0, 1.5, 1.0, "0: whole picture beside its mirror images; 1: it fills the frame; more: nearer"
)


def create(
    screen: settings.Screen,
    effects: Sequence[settings.Effect] = (),
    headless: bool = False,
    folder: Path = EFFECTS,
    calibration: Path = projector.CALIBRATION,
) -> Display:
    """Open the window (or none) and load everything that is drawn. Raises SettingsError or DisplayError at once."""
    corners = projector.read_corners(screen.venue, calibration)
    surface = Headless() if headless else Window(screen)
    try:
        return Display(surface, screen, effects, folder, corners)
    except BaseException:
        surface.close()
        raise


class Display:
    """One compositor over a window or no screen: upload, effects, flash limiter, warp, then master and blackout."""

    def __init__(
        self,
        surface: Window | Headless,
        screen: settings.Screen,
        effects: Sequence[settings.Effect],
        folder: Path,
        corners: np.ndarray,
    ) -> None:
        self.surface, self.screen = surface, screen
        self.canvas = canvas = Canvas(surface.context)
        self.chain = Chain(canvas, effects, screen.working_size, folder)
        self.uploader = Uploader(canvas)
        self.guard = Guard(canvas) if screen.flash_limiter else None
        self.card = canvas.own_program("card")
        self.across, self.down = canvas.own_program("stretch", "ACROSS"), canvas.own_program("stretch")
        self.output = Target(canvas.context, screen.size)
        self.readback: Readback | None = None
        self.final = Final(canvas, corners)
        self.timings: dict[str, float] = {}
        self._profiling = False
        self._stopwatch = None if canvas.software else Stopwatch(canvas.context)
        self._working = screen.working_size
        self._picture: moderngl.Texture | None = None
        self._held: Picture | None = None
        self._fitted: tuple[object, ...] = ()
        self._source: Target | None = None  # the picture at working size
        self._sources: list[Target] = []
        self._shown: Target | None = None  # what was presented last, before master

    @property
    def knobs(self) -> dict[str, Knob]:
        return {FILL.name: FILL} | self.chain.knobs

    @property
    def faults(self) -> Counter[str]:
        return self.chain.faults

    @property
    def flashes_limited(self) -> int:
        return self.guard.limiter.limited if self.guard else 0

    @property
    def closed(self) -> bool:
        return self.surface.closed

    def profile(self, on: bool) -> None:
        """Wait for the GPU after every part from now on, so that each part's time in `timings` is its own."""
        self._profiling = on

    @property
    def software(self) -> bool:
        """Whether a processor draws, which others need too."""
        return self.canvas.software

    @property
    def busy_s(self) -> float:
        """Seconds that a GPU drew on one of the last frames, as it says itself; 0 where a processor draws."""
        return self._stopwatch.newest_s if self._stopwatch else 0.0

    @property
    def waited_s(self) -> float:
        """Seconds of the last frame in which nothing was done but waiting for the screen (vsync)."""
        return self.surface.waited_s

    def work_at(self, size: tuple[int, int]) -> None:
        """Let the effects run at this size from the next picture that moves: one that is frozen stays as it is."""
        self._working = size

    def _resize(self) -> None:
        size = self._working
        if size != self.chain.size:
            self.chain.resize(size)
            self._source, self._shown, self._fitted = None, None, ()

    def show(
        self,
        picture: Picture | None,
        controls: Controls,
        levels: Levels,
        now_s: float,
        audio: SoundView | SoundBlock | None = None,
    ) -> None:
        """Present one frame. Blackout is black in this very frame, whatever else is dead or slow."""
        started_s = time.perf_counter()
        self.timings = {}
        level = 0.0 if levels.blackout else min(max(levels.master, 0.0), 1.0)
        with self._stopwatch or contextlib.nullcontext():
            self._draw(picture, controls, levels, level, now_s, audio)
        self._time("present", started_s)
        self.surface.present(self.output)
        self.timings["total"] = (time.perf_counter() - started_s) * 1e3

    def _draw(
        self,
        picture: Picture | None,
        controls: Controls,
        levels: Levels,
        level: float,
        now_s: float,
        audio: SoundView | SoundBlock | None,
    ) -> None:
        if level <= 0.0:
            self.output.framebuffer.clear()
            if self.guard:
                self.guard.go_dark(now_s)
        elif levels.test_card:
            self._draw_card(level, now_s)
        else:
            texture = self._compose(picture, controls, levels, now_s, audio)
            self._draw_final(texture, level, now_s)

    def _compose(
        self,
        picture: Picture | None,
        controls: Controls,
        levels: Levels,
        now_s: float,
        audio: SoundView | SoundBlock | None,
    ) -> Target | None:
        """The picture with its effects, at working size; None while there has never been a picture."""
        if levels.freeze and self._shown is not None:
            return self._shown
        self._resize()
        started_s = time.perf_counter()
        if picture is not None and picture is not self._held:  # the same object is the same picture: nothing to do
            self._picture, self._held = self.uploader.upload(picture.pixels), picture
            self._fitted = ()
        if self._picture is None:
            return None
        source = self._fit_source(controls.values.get(FILL.name, FILL.default))
        self._time("upload", started_s)
        started_s = time.perf_counter()
        self.chain.draw(source.texture, controls.values, now_s, audio, self._shown, source)
        self._time("effects", started_s)
        return self.chain.last or source

    def _fit_source(self, fill: float) -> Target:
        """The picture laid into the working frame; drawn again only when it or its place changed."""
        assert self._picture is not None
        state = (fill, self.chain.size)
        if self._source is None or state != self._fitted:
            width, height = self.chain.size
            frame = width / height / (self._picture.width / self._picture.height)
            whole, filled = (max(frame, 1.0), max(1.0 / frame, 1.0)), (min(frame, 1.0), min(1.0 / frame, 1.0))
            middle = self.canvas.borrow(
                (self._picture.width, height)
            )  # down first: a frame shows fewer rows than columns
            target = self._own_source()
            self.down.bind("picture", self._picture)
            self.down.set("span", whole[1] + (filled[1] - whole[1]) * fill)
            self.down.draw(middle.framebuffer)
            self.across.bind("picture", middle.texture)
            self.across.set("span", whole[0] + (filled[0] - whole[0]) * fill)
            self.across.draw(target.framebuffer)
            self._source, self._fitted = target, state
            self.chain.version += 1
        return self._source

    def _own_source(self) -> Target:
        """The source outlives its frame when the generator is slower than the loop: it is never lent to a pass.

        There are two, by turns, because without effects the one before may still be what was shown last.
        """
        if not self._sources or self._sources[0].size != self.chain.size:
            for old in self._sources:
                old.release()
            self._sources = [Target(self.canvas.context, self.chain.size) for _ in range(2)]
        return self._sources[self._sources[0] is self._shown]

    def _draw_final(self, texture: Target | None, level: float, now_s: float) -> None:
        """Flash limiter, warp and scale, and the master last."""
        if texture is None:
            self.output.framebuffer.clear()
            return
        if self.guard:
            texture, level = self.guard.limit(texture, self._shown, level, now_s)
        self._shown = texture
        self.final.draw(texture, self.output, level)

    def _draw_card(self, level: float, now_s: float) -> None:
        self.card.set("master", level)
        self.card.set("size", tuple(map(float, self.output.size)))
        self.card.set("time_s", now_s)
        self.card.draw(self.output.framebuffer)

    def _time(self, part: str, started_s: float) -> None:
        if self._profiling:
            self.canvas.context.finish()
        spent_ms = (time.perf_counter() - started_s) * 1e3
        self.timings[part] = spent_ms - (sum(self.timings.values()) if part == "present" else 0.0)

    def keys(self) -> list[str]:
        """Keys pressed since the last call: esc, f, t, b, m, 1 to 9. f has been acted on already."""
        return self.surface.keys()

    def read(self, out: np.ndarray | None = None) -> np.ndarray:
        """The frame before the newest [shape=(H, W, 3), uint8, row 0 on top], without waiting for the GPU."""
        if self.readback is None:
            self.readback = Readback(self.canvas.context, self.output.framebuffer)
        return self.readback.read(out)

    def read_now(self) -> np.ndarray:
        """The newest frame [shape=(H, W, 3), uint8, row 0 on top], waited for."""
        if self.readback is None:
            self.readback = Readback(self.canvas.context, self.output.framebuffer)
        return self.readback.read_now()

    def close(self) -> None:
        self.surface.close()
