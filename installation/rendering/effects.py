"""The show's effects in their order: a picture's texture and the knobs in, the picture drawn over out."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import moderngl

from installation import settings
from installation.rendering.canvas import Canvas, Program, Target
from installation.rendering.effect import Frame, SoundView, day_of, today
from installation.rendering.link import EFFECTS, Link
from installation.rendering.trial import SLOW_S
from installation.signals import Knob, SoundBlock

LOOK_EVERY_S = 0.5
LONGEST_STEP_S = 1.0  # of TIMEDELTA: what moves by it goes on from where it was, however long the show stood still
log = logging.getLogger("installation.rendering")


def nobody(index: int) -> None:
    """Watches no effect."""


class Chain:
    """The effects of a show, drawn one over another at the working size.

    `faults` counts broken shaders.
    Raises SettingsError (EffectError) at the start for a file that is absent or does not compile; never later.
    """

    def __init__(
        self,
        context: moderngl.Context | Canvas,
        effects: Sequence[settings.Effect],
        size: tuple[int, int],
        folder: Path = EFFECTS,
        watch: Callable[[int], None] = nobody,
        sheds: bool = True,
    ) -> None:
        """watch is told which effect is compiled or drawn next.

        sheds: the wall clock leads: effects that are slow are left out for a while, files that change are read again,
        and it is today. Without, the same calls give the same pictures, whenever they are made.
        """
        self.canvas = context if isinstance(context, Canvas) else Canvas(context)
        self.watch, self.sheds = watch, sheds
        self.size = size
        self.faults: Counter[str] = Counter()
        self.links: list[Link] = []
        for index, wish in enumerate(effects):
            watch(index)
            self.links.append(Link(self.canvas, wish, folder))
        names = [link.name for link in self.links]
        for name in names:
            if names.count(name) > 1:
                raise settings.SettingsError(f"two effects are called {name!r}: give one of them a `name` of its own")
        self.last: Target | None = None
        self.version = 0  # of the picture that comes in, where somebody counts it: then it is known when it is the same
        self.time_s: float | None = None
        self._suspects = False
        self._mixing: Program | None = None
        self._looked_s = time.monotonic()

    @property
    def knobs(self) -> dict[str, Knob]:
        return {name: knob for link in self.links for name, knob in link.knobs.items()}

    def resize(self, size: tuple[int, int]) -> None:
        """Work at another size from the next frame on."""
        if size != self.size:
            self.canvas.forget(self.size)
            self.last, self.size = None, size

    def draw(
        self,
        texture: moderngl.Texture,
        values: Mapping[str, float],
        now_s: float,
        audio: SoundView | SoundBlock | None = None,
        *keep: Target | None,
    ) -> moderngl.Texture:
        """The picture with every effect over it; the same texture where none has anything to do.

        keep names targets that must not be drawn into (somebody still looks at them). After the call `last` is the
        target that holds the result, or None where the result is `texture` itself.
        """
        if self.sheds:
            self._look_for_changes()
        step_s = 0.0 if self.time_s is None else min(max(0.0, now_s - self.time_s), LONGEST_STEP_S)
        self.time_s = now_s
        self.last = None
        if texture.size != self.size:  # effects may count on one size for all
            self.last = self.canvas.borrow(self.size, *keep)
            self.canvas.copy(texture, self.last)
            texture = self.last.texture
        frame = Frame.of(texture, now_s, step_s, audio, today() if self.sheds else day_of(now_s))
        began_s = time.monotonic()
        current = texture
        seen: tuple[Any, ...] = (self.version,) if self.version else ()
        for index, link in enumerate(self.links):
            inputs = link.values(values)
            if began_s < link.pause.until_s or link.loaded.is_identity(inputs):
                link.drawn_last = False
                continue
            if not link.drawn_last:
                link.loaded.restart()
            seen = (*seen, link.loaded, *inputs.items()) if seen and link.loaded.is_still else ()
            if seen and seen == link.done and link.own[0].size == self.size:  # drawn from the very same before
                current, self.last = link.own[0].texture, link.own[0]
                continue
            output = link.spare(self.size) if seen else self.canvas.borrow(self.size, self.last, *keep)
            self.watch(index)
            drawn = self._draw_link(link, current, output, inputs, frame)
            if drawn is None:
                link.done = seen = ()
                continue
            output = drawn
            current, self.last, link.done = output.texture, output, seen
        self._suspects = time.monotonic() - began_s > SLOW_S  # a GPU tells which one only when it is waited for
        return current

    def _draw_link(
        self, link: Link, texture: Any, output: Target, inputs: dict[str, Any], frame: Frame
    ) -> Target | None:
        """One effect over a picture: where it was drawn, or None where it was not. Never raises."""
        began_s = time.monotonic()
        try:
            link.loaded.draw(texture, output, inputs, frame)
            if frame.set_back and link.loaded.reads_clock and not link.loaded.has_history:
                output = self._mix(link, texture, output, inputs, frame)
            if self._suspects:
                self.canvas.wait()
        except Exception as error:  # a pass size without a value, no video memory left, a driver's mood
            if not link.broken:
                self.faults["shader"] += 1
                log.exception("effect %s: left out: %s", link.path.name, error)
            link.broken, link.drawn_last = True, False
            return None
        link.drawn_last = True
        now_s = time.monotonic()
        if self.sheds and link.pause.note(now_s - began_s, now_s):
            self.faults["slow effect"] += 1
            pause_s = link.pause.until_s - now_s
            log.error("effect %s: %.1f s a frame: left out for %.0f s", link.path.name, now_s - began_s, pause_s)
        return output

    def _mix(self, link: Link, texture: Any, output: Target, inputs: dict[str, Any], frame: Frame) -> Target:
        """While clocks are set back: the effect at its old time fading into itself at the new one."""
        new, mixed = self.canvas.borrow(self.size, output, self.last), Target(self.canvas.context, self.size)
        index = link.loaded.frame_index
        link.loaded.draw(texture, new, inputs, frame.at_new_time())
        link.loaded.frame_index = index
        if self._mixing is None:
            self._mixing = self.canvas.own_program("mix")
        self._mixing.bind("before", output.texture)
        self._mixing.bind("picture", new.texture)
        self._mixing.set("share", frame.set_back)
        self._mixing.draw(mixed.framebuffer)
        self.canvas.context.copy_framebuffer(output.framebuffer, mixed.framebuffer)
        mixed.release()
        return output

    def _look_for_changes(self) -> None:
        """Twice a second, by the wall clock: an artist saves files in real time, whatever the show's clock does."""
        now_s = time.monotonic()
        if now_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now_s
        for link in self.links:
            complaint = link.look(self.size)
            if complaint:
                self.faults["shader"] += 1
                log.error("effect kept as it was: %s", complaint)

    def release(self) -> None:
        for link in self.links:
            link.release_trial()
            link.loaded.release()
            for target in link.own:
                target.release()
