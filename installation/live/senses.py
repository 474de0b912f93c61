"""Devices and what is heard and seen in them: every input in, one mapping of features 0..1 out, newest wins."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from typing import Any

from installation import plugins
from installation.settings import Part, check
from installation.signals import SoundBlock

log = logging.getLogger("installation.live.senses")


class Senses:
    """Reads every input once a frame and hands each signal to the features that listen to it.

    An input that gives a mapping (recording, osc) speaks in features already. The recording is the understudy: its
    value of a feature counts only while no live input gives that feature.
    """

    def __init__(self, inputs: Iterable[Part], features: Iterable[Part]) -> None:
        self.inputs = {part.name: _make("inputs", part) for part in inputs}
        self.extractors: dict[str, Any] = {}
        self.listens: dict[str, str] = {}
        for part in features:
            source = plugins.load("features", part.name).SOURCE
            if source in self.inputs:
                self.extractors[part.name] = _make("features", part)
                self.listens[part.name] = source
        self.faults: Counter[str] = Counter()
        self.sound: SoundBlock | None = None
        self.frames = 0  # camera frames read
        self._spoken: dict[str, dict[str, float]] = {}
        self._heard_from: set[str] = set()

    def start(self) -> None:
        """Open every device; one that fails is tried again by itself."""
        for source in (*self.inputs.values(), *self.extractors.values()):
            if hasattr(source, "start"):
                source.start()

    def read(self, now_s: float) -> dict[str, float]:
        """All features of this instant; never blocks, never raises."""
        signals = {name: self._take(name, now_s) for name in self.inputs}
        sound = signals.get("microphone")
        self.sound = sound if isinstance(sound, SoundBlock) else None
        self.frames += signals.get("camera") is not None
        features: dict[str, float] = dict(self._spoken.get("recording", {}))
        for name, extractor in self.extractors.items():
            try:
                features.update(extractor.extract(signals[self.listens[name]], now_s))
            except Exception:  # a feature that breaks must not take the show with it
                self._count(name)
        for name, spoken in self._spoken.items():
            if name != "recording":
                features.update(spoken)
        return features

    def _take(self, name: str, now_s: float) -> Any:
        try:
            signal = self.inputs[name].read(now_s)
        except Exception:  # likewise a driver
            self._count(name)
            return None
        if signal is not None:
            self._heard_from.add(name)
        if isinstance(signal, dict):
            self._spoken[name] = signal
            return None
        return signal

    def _count(self, name: str) -> None:
        if not self.faults[name]:
            log.exception("%s failed; the show goes on without it", name)
        self.faults[name] += 1

    @property
    def ready(self) -> bool:
        """Whether every input has spoken and every feature extractor is awake."""
        awake = all(getattr(extractor, "ready", True) for extractor in self.extractors.values())
        return awake and self._heard_from >= set(self.inputs)

    @property
    def tempo_bpm(self) -> float:
        """The tempo heard, 0 while there is none."""
        return float(getattr(self.extractors.get("sound"), "tempo_bpm", 0.0) or 0.0)

    def all_faults(self) -> Counter[str]:
        """Faults of every input and feature together."""
        total = Counter(self.faults)
        for source in (*self.inputs.values(), *self.extractors.values()):
            total.update(getattr(source, "faults", {}))
        return total

    def close(self) -> None:
        for source in (*self.extractors.values(), *self.inputs.values()):
            if hasattr(source, "close"):
                source.close()


def _make(room: str, part: Part) -> Any:
    module = plugins.load(room, part.name)
    return module.create(check(module.Settings, part.settings, f"{room}.{part.name}"))
