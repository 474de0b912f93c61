"""One parsed ISF file and a frame's values in; its passes drawn, its buffers kept from frame to frame."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import moderngl
import numpy as np

from installation.pictures import PictureError, read_8_bit
from installation.rendering import isf
from installation.rendering.canvas import Canvas, Program, Target, say_compile_error
from installation.rendering.expressions import compile_size
from installation.signals import SoundBlock


class SoundView(NamedTuple):
    """waveform [shape=(channels, n), -1..1] and magnitudes [shape=(channels, bins), 0..1]; one channel may be flat."""

    waveform: np.ndarray
    magnitudes: np.ndarray


def view_sound(block: SoundBlock) -> SoundView:
    """The newest of a block as a waveform of 1024 samples and a spectrum of 512 bins: 0..1 from -80 dB to 0 dB."""
    newest = np.zeros(1024, np.float32)
    samples = block.samples[-newest.size :]
    newest[newest.size - samples.size :] = samples
    spectrum = np.abs(np.fft.rfft(newest * np.hanning(newest.size)))[:-1] / (newest.size / 4)
    return SoundView(newest, np.clip(1.0 + np.log10(np.maximum(spectrum, 1e-9)) / 4.0, 0.0, 1.0).astype(np.float32))


ROUND_S, FADE_S = 3598.0, 2.0  # of a shader's clock
MOST_FRAMES = 997 * 1024  # floats count further, but shaders multiply; whole rounds of the grain of ours


@dataclass
class Frame:
    """What all effects of one frame share.

    A shader counts seconds in 24 bits: after a week it would move in jerks, after a month stand still. So its clock
    runs for an hour at most, then it is set back, and for two seconds the old time fades into the new one (set_back,
    0..1) where an effect has no memory that would show a jump.
    """

    source: moderngl.Texture  # the generator's picture, before any effect
    time_s: float
    step_s: float
    date: tuple[float, float, float, float]
    audio: SoundView | SoundBlock | None
    set_back: float = 0.0

    @classmethod
    def of(
        cls,
        source: moderngl.Texture,
        now_s: float,
        step_s: float,
        audio: SoundView | SoundBlock | None,
        date: tuple[float, float, float, float],
    ) -> Frame:
        """The frame at now_s seconds of a show, which may be months."""
        rounds = max(0.0, (now_s - FADE_S) // ROUND_S)
        time_s = now_s - rounds * ROUND_S
        return cls(source, time_s, step_s, date, audio, max(0.0, (time_s - ROUND_S) / FADE_S))

    def at_new_time(self) -> Frame:
        """The same frame by the clock that has been set back."""
        return replace(self, time_s=self.time_s - ROUND_S, set_back=0.0)

    def view(self) -> SoundView | None:
        """The sound for those effects that look at it; a block is analysed once, when the first one asks."""
        if isinstance(self.audio, SoundBlock):
            self.audio = view_sound(self.audio)
        return self.audio


def today() -> tuple[float, float, float, float]:
    """DATE as ISF wants it: year, month, day, seconds of the day."""
    now = datetime.datetime.now()
    return (now.year, now.month, now.day, now.hour * 3600.0 + now.minute * 60.0 + now.second + now.microsecond / 1e6)


def day_of(now_s: float) -> tuple[float, float, float, float]:
    """DATE where no wall clock leads: the first days of 2000."""
    return (2000, 1, 1 + now_s // 86400.0, now_s % 86400.0)


CLOCKS = ("TIME", "TIMEDELTA", "DATE", "FRAMEINDEX")


class LoadedEffect:
    """A compiled effect with its buffers. Raises isf.EffectError naming file and line if it does not compile."""

    def __init__(self, canvas: Canvas, effect: isf.Effect) -> None:
        self.canvas, self.effect = canvas, effect
        try:
            self.programs: list[Program] = [canvas.program(*effect.sources(i)) for i in range(len(effect.passes))]
        except moderngl.Error as error:
            companion = effect.path.with_suffix(".vs")
            in_vertex = "vertex_shader" in str(error)[:200] and companion.is_file()
            raise isf.EffectError(say_compile_error(error, (companion if in_vertex else effect.path).name)) from error
        if any(program.vertices is None for program in self.programs):  # its corners are read by nobody
            companion = effect.path.with_suffix(".vs")
            raise isf.EffectError(f"{companion.name}: expected a call of isf_vertShaderInit(), found none")
        self.program = self.programs[0]
        self.sizes = [(compile_size(p.width), compile_size(p.height)) for p in effect.passes]
        self.buffers: dict[str, Target] = {}
        self.spares: dict[str, Target] = {}
        self.sounds: dict[str, moderngl.Texture] = {}
        self.pictures = {name: _load_picture(canvas.context, path) for name, path in effect.imported.items()}
        self.frame_index = 0
        self._images = [i.name for i in effect.images if i.type == "image"]
        self.is_still = self._depends_on_nothing_else()
        self._first = next((n for n in isf.IMAGE_NAMES if n in self._images), self._images[0] if self._images else "")

    @property
    def has_history(self) -> bool:
        return any(p.persistent for p in self.effect.passes)

    def _depends_on_nothing_else(self) -> bool:
        """Whether the same picture and the same values always give the same result: no clock, no memory, no sound."""
        if self.has_history or any(i.type != "image" for i in self.effect.images):
            return False
        ahead = [[p.target for p in self.effect.passes[i:] if p.target] for i in range(len(self.programs))]
        return not any(program.reads(*CLOCKS, *later) for program, later in zip(self.programs, ahead, strict=True))

    def is_identity(self, values: Mapping[str, Any]) -> bool:
        """Whether the header says that these values change nothing (ISF's IDENTITY)."""
        knobs = self.effect.knobs
        amount = next((k for k in knobs if k.name == "amount" and k.identity is not None), None)
        if amount is not None:
            return values[amount.name] == amount.identity
        return bool(knobs) and all(k.identity is not None and values[k.name] == k.identity for k in knobs)

    @property
    def reads_clock(self) -> bool:
        return any(program.reads("TIME") for program in self.programs)

    def restart(self) -> None:
        """Begin again at FRAMEINDEX 0: what the buffers held is from another time."""
        if self.frame_index and self.has_history:
            for target in [*self.buffers.values(), *self.spares.values()]:
                target.framebuffer.clear()
        self.frame_index = 0

    def draw(self, texture: moderngl.Texture, output: Target, values: Mapping[str, Any], frame: Frame) -> None:
        """Draw every pass; the last one lands in output."""
        for one, size in zip(self.effect.passes, self.sizes, strict=True):
            if one.target and one.target not in self.buffers:  # an early pass may look at a later one's buffer
                self._target(one, size, values, output.size)
        for index, (one, size) in enumerate(zip(self.effect.passes, self.sizes, strict=True)):
            self.program = self.programs[index]
            last = index == len(self.effect.passes) - 1
            target = self._target(one, size, values, output.size) if one.target else output
            self._set_values(values, frame, output.size)
            self._bind_images(texture, frame)
            self.program.set("RENDERSIZE", tuple(map(float, target.size)))
            self.program.draw(target.framebuffer)
            if one.target:
                self.spares[one.target], self.buffers[one.target] = self.buffers[one.target], target
            if last and target is not output:
                _copy(self.canvas, target, output)
        self.frame_index += 1

    def _set_values(self, values: Mapping[str, Any], frame: Frame, size: tuple[int, int]) -> None:
        program = self.program
        program.set("TIME", frame.time_s)
        program.set("TIMEDELTA", frame.step_s)
        program.set("FRAMEINDEX", self.frame_index and (self.frame_index - 1) % MOST_FRAMES + 1)  # 0 is a beginning
        program.set("DATE", frame.date)
        for knob in self.effect.knobs:
            value = values[knob.name]
            if knob.in_pixels:
                value = (value[0] * size[0], value[1] * size[1])
            program.set(knob.name, value)

    def _target(self, one: isf.Pass, size: tuple, values: Mapping[str, Any], canvas_size: tuple[int, int]) -> Target:
        """The buffer to draw into: never the one that is being read; made anew when its size changes."""
        names: dict[str, float] = {"WIDTH": canvas_size[0], "HEIGHT": canvas_size[1]}
        names |= {k: v for k, v in values.items() if isinstance(v, int | float)}
        wanted = (size[0](names), size[1](names))
        for shelf in (self.buffers, self.spares):
            held = shelf.get(one.target)
            if held is None or held.size != wanted:
                fresh = Target(self.canvas.context, wanted, "f4" if one.float else "f1")
                if held is not None:
                    _copy(self.canvas, held, fresh)
                    held.release()
                shelf[one.target] = fresh
        return self.spares[one.target]

    def _bind_images(self, texture: moderngl.Texture, frame: Frame) -> None:
        for name in self._images:
            self._bind(name, texture if name == self._first else frame.source)
        for name, picture in self.pictures.items():
            self._bind(name, picture)
        for name, buffer in self.buffers.items():
            self._bind(name, buffer.texture)
        for sound in self.effect.images:
            if sound.type != "image":
                self._bind(sound.name, self._sound_texture(sound, frame.view()))

    def _bind(self, name: str, texture: moderngl.Texture) -> None:
        self.program.bind(name, texture)
        self.program.set(f"_{name}_imgSize", (float(texture.width), float(texture.height)))
        self.program.set(f"_{name}_imgRect", (0.0, 0.0, 1.0, 1.0))
        self.program.set(f"_{name}_flip", False)

    def _sound_texture(self, sound: isf.Input, audio: SoundView | None) -> moderngl.Texture:
        """One row a channel; a waveform as 0..1 around 0.5, as ISF hosts store it; silence when there is no sound."""
        wave = sound.type == "audio"
        if audio is None:
            rows = np.full((1, 1), 0.5 if wave else 0.0, "f4")
        else:
            rows = np.atleast_2d(audio.waveform * 0.5 + 0.5 if wave else audio.magnitudes).astype("f4")
        if 0 < sound.longest < rows.shape[1]:  # the loudest of each group: a tone between two bins is not lost
            starts = np.arange(sound.longest) * rows.shape[1] // sound.longest
            rows = rows[:, starts] if wave else np.maximum.reduceat(rows, starts, axis=1)
        held = self.sounds.get(sound.name)
        if held is None or held.size != rows.shape[::-1]:
            held = self.canvas.context.texture(rows.shape[::-1], 1, dtype="f4")
            held.swizzle = "RRR1"
            held.repeat_x = held.repeat_y = False
            self.sounds[sound.name] = held
        held.write(np.ascontiguousarray(rows))
        return held

    def release(self) -> None:
        for program in self.programs:
            program.release()
        for target in [*self.buffers.values(), *self.spares.values()]:
            target.release()
        for texture in [*self.sounds.values(), *self.pictures.values()]:
            texture.release()


def _copy(canvas: Canvas, source: Target, destination: Target) -> None:
    if source.size == destination.size and source.dtype == destination.dtype:
        canvas.context.copy_framebuffer(destination.framebuffer, source.framebuffer)
    else:
        canvas.copy(source.texture, destination)


def _load_picture(context: moderngl.Context, path: Any) -> moderngl.Texture:
    """An imported picture as a texture, its first row at the bottom as GL counts."""
    try:
        upright = read_8_bit(Path(path), ground=None)[::-1]
    except PictureError as error:
        raise isf.EffectError(str(error)) from error
    return context.texture(upright.shape[1::-1], 4, np.ascontiguousarray(upright))
