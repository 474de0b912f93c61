"""Presented frames in; what a show leaves behind out: film, input log, moments, contact sheet, figures."""

from __future__ import annotations

import contextlib
import logging
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from installation.files import places, set_aside
from installation.live import moments
from installation.live.allowance import Allowance
from installation.live.journal import Entry, InputLog, Ledger
from installation.memory import resident_mb
from installation.settings import Show
from installation.signals import Controls, Moment, SoundBlock

if TYPE_CHECKING:
    from installation.live.studio import Drawing, Studio
    from installation.rendering.window import Display

log = logging.getLogger("installation.live.chronicle")
SHEET_PICTURES = 12
SHEET_WIDTH_PX = 640
MOMENTS_WAITING = 8  # for the disk, before further ones are dropped


def keep_earlier(options: Namespace) -> None:
    """The film and the log that a show had begun before it was started again are not written over."""
    from installation.rendering.recorder import part_of

    begun = [(options.record, part_of(options.record)), (options.record, options.record)] if options.record else []
    for path, found in [*begun, (options.log, options.log)]:
        with contextlib.suppress(OSError):
            if path and found.exists():
                set_aside(found, like=path)


class Chronicle:
    """note() is called once a presented frame; what takes long (encoding, JPEG) happens in threads of its own."""

    def __init__(self, show: Show, options: Namespace, screen: Display, studio: Studio, closing: ExitStack) -> None:
        self.show, self.options, self.screen, self.studio = show, options, screen, studio
        self.ledger = Ledger()
        self.faults: Counter[str] = Counter()
        self.moments: list[Path] = []
        self.replay_differences = 0
        self._before_s: float | None = None
        self._drawing: Drawing | None = None  # what is on the wall
        self._drawn = 0
        self._moment_s = 0.0
        self._sheet: list[np.ndarray] = []
        self._start_mb = round(resident_mb(), 1)
        self._writer = ThreadPoolExecutor(1, "moments")
        self._writing: list[Future[None]] = []
        self._allowance = Allowance(show)
        self._vectors = Allowance(show)
        self._dropped_because: set[tuple[str, str]] = set()
        closing.callback(self._writer.shutdown)
        self._recorder = self._open_recorder(closing) if options.record else None
        self._log = InputLog(options.log, show.name) if options.log else None
        if self._log:
            closing.callback(self._guard, "input log", self._log.close)

    def _open_recorder(self, closing: ExitStack) -> Any:
        from installation.rendering.encoding import choose
        from installation.rendering.recorder import Recorder

        heard = getattr(self.options, "sound", False) and any(part.name == "microphone" for part in self.show.inputs)
        coding = choose(self.options.record, self.options.record_codec, self.options.record_quality)
        screen, rate_hz = self.show.screen, 44100 if heard else 0
        recorder = Recorder(self.options.record, screen.size, screen.fps, rate_hz, coding)
        closing.callback(recorder.close)
        return recorder

    def note(self, heard: Entry, controls: Controls, drawing: Drawing | None, sound: SoundBlock | None) -> None:
        """One frame was presented, from what was heard, with these controls."""
        now_s = heard.now_s
        if self._before_s is not None:
            self.ledger.note(now_s - self._before_s, heard.features, controls)
        self._before_s = now_s
        if drawing is not self._drawing:
            self._drawing, self._drawn = drawing, self._drawn + 1
        if heard.controls is not None:  # a replay: the log says what the controls were; a newer knob is not in it
            values = {name: controls.values.get(name) for name in heard.controls["values"]}
            self.replay_differences += heard.controls != {"turns": controls.turns, "values": values}
        if self._log:
            self._guard("input log", self._log.write, now_s, heard.features, heard.commands, controls)
        if self._recorder:
            self._record(now_s, sound)
        due = 0 < self.show.moment_every_s <= now_s - self._moment_s
        by_hand = any(command.verb == "moment" for command in heard.commands)
        if due or by_hand:
            self._moment_s = now_s if due else self._moment_s
            self._keep_moment(drawing.controls if drawing else controls, now_s, by_hand and not due)
        if any(command.verb == "vector" for command in heard.commands):
            self._keep_vector(now_s)
        if getattr(self.options, "sheet", None):
            self._gather_sheet(now_s)

    def _record(self, now_s: float, sound: SoundBlock | None) -> None:
        assert self._recorder is not None
        rgb = self.screen.read()
        if rgb is not None:
            self._recorder.write(rgb, now_s)
        if sound is not None:
            self._recorder.hear(sound.samples, now_s, sound.sample_rate_hz)

    def _keep_moment(self, controls: Controls, now_s: float, by_hand: bool) -> None:
        """What is on the wall may be older than the knobs: these are the values that it was painted and drawn from."""
        self._writing = [task for task in self._writing if not task.done()]
        waiting = len(self._writing) >= MOMENTS_WAITING  # a sender that never lets go: memory must not grow with it
        why = "the disk is slower than they are asked for" if waiting else self._allowance.refusal(now_s, by_hand)
        if why:
            self._drop("moment", why)
            return
        moment = moments.of(self.show, controls, self.studio.weights_sha256, self.show.screen.size, self.ledger.frames)
        rgb = None if self.studio.watches else self.screen.read_now()  # no visitor is on a disk by itself
        self._writing.append(self._writer.submit(self._guard, "moment", self._write_moment, moment, rgb))

    def _keep_vector(self, now_s: float) -> None:
        """The process that paints knows the point, and is asked if people and disk leave room, as for moments."""
        if why := self._vectors.refusal(now_s, by_hand=True):
            self._drop("vector", why)
        else:
            self._writer.submit(self._guard, "vector", self._ask_for_vector)

    def _ask_for_vector(self) -> None:
        folder = self.options.vectors or places("vectors")[1]
        if why := self._vectors.no_room(folder):
            self._drop("vector", why)
        else:
            self.studio.keep_vector()

    def _drop(self, what: str, why: str) -> None:
        """Count it, and say each reason once."""
        self.faults[f"{what} dropped"] += 1
        if (what, why) not in self._dropped_because:
            self._dropped_because.add((what, why))
            log.warning("no %s was kept: %s", what, why)

    def _write_moment(self, moment: Moment, rgb: np.ndarray | None) -> None:
        if why := self._allowance.no_room(self.options.moments):
            self._drop("moment", why)
            return
        path = moments.keep(self.options.moments, moment, rgb)
        self._allowance.note(path)
        self.moments.append(path)

    def _gather_sheet(self, now_s: float) -> None:
        if now_s >= self.options.seconds * (len(self._sheet) + 0.7) / SHEET_PICTURES:
            rgb = self.screen.read_now()
            step = max(1, rgb.shape[1] // SHEET_WIDTH_PX)
            self._sheet.append(rgb[::step, ::step].copy())

    def _guard(self, kind: str, act: Any, *arguments: Any) -> None:
        """A full disk costs the file, not the show."""
        try:
            act(*arguments)
        except OSError as error:
            if not self.faults[kind]:
                log.error("%s could not be written: %s", kind, error)
            self.faults[kind] += 1

    def report(self, faults: Mapping[str, int], tempo_bpm: float, flashes_limited: int) -> dict[str, Any]:
        """What was measured, with the keys that --report promises."""
        summary = self.ledger.summary()
        seconds = max(self._before_s or 0.0, 1e-6)
        total = Counter(self.faults)
        total.update(faults)
        total.update(self._recorder.faults if self._recorder else {})
        slots = int(seconds * self.show.screen.fps)
        if self._sheet:
            from installation.rendering.sheet import save_sheet

            self._guard("contact sheet", save_sheet, self.options.sheet, self._sheet)
        return summary | {
            "fps": summary["frames_presented"] / seconds,
            "drawn_per_s": self._drawn / seconds,
            "painted_per_s": self.studio.painted / seconds,
            "drawing": self.studio.status.get("rungs", []),
            "dropped": max(0, slots - summary["frames_presented"]),
            "tempo_bpm": tempo_bpm,
            "faults": dict(total),
            "flashes_limited": flashes_limited,
            "rss_mb": {"start": self._start_mb, "end": round(resident_mb(), 1)},
            "gpu_mb": {"start": 0.0, "end": self.studio.status.get("gpu_mb", 0.0)},
            "moments": [str(path) for path in self.moments],
            "replay_differences": self.replay_differences,
        }
