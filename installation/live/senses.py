"""Devices and what is heard and seen in them: every input in, one mapping of features 0..1 out, newest wins."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from installation import plugins
from installation.children import leave_no_core
from installation.settings import Part, check
from installation.signals import CameraFrame, SoundBlock

log = logging.getLogger("installation.live.senses")


class Senses:
    """Reads every input once a frame and hands each signal to the features that listen to it.

    An input that gives a mapping (recording, osc) speaks in features already. The recording is the understudy: it plays
    the part of each input exactly while that input is not alive, absent, dead or silent, and of no other.
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
        self.camera: CameraFrame | None = None  # the newest frame, while it is fresh
        self.frames = 0  # camera frames read
        self._spoken: dict[str, dict[str, float]] = {}
        self._heard_from: set[str] = set()

    def start(self) -> None:
        """Open every device; one that fails is tried again by itself. Extractors awake with what they first hear."""
        leave_no_core()
        for source in self.inputs.values():
            source.start()

    def read(self, now_s: float) -> dict[str, float]:
        """All features of this instant; never blocks, never raises."""
        signals = {name: self._take(name, now_s) for name in self.inputs}
        sound = signals.get("microphone")
        self.sound = sound if isinstance(sound, SoundBlock) else None
        seen = signals.get("camera")
        self.camera = seen if isinstance(seen, CameraFrame) else None
        self.frames += seen is not None
        played = self._spoken.get("recording", {})
        features = dict(played)
        for name, extractor in self.extractors.items():
            try:
                extracted = extractor.extract(signals[self.listens[name]], now_s)
            except Exception:  # a feature that breaks must not take the show with it
                self._count(name)
            else:
                features.update(self._cast(self.listens[name], extracted, played))
        for name, spoken in self._spoken.items():
            if name != "recording":
                features.update(self._cast(name, spoken, played))
        for name, extractor in self.extractors.items():  # a clock knows better than an ear
            leads = getattr(extractor, "leads", {}) if self.inputs[self.listens[name]].alive else {}
            features.update({other: features[own] for own, other in leads.items()})
        return features

    def _cast(self, name: str, own: Mapping[str, float], played: Mapping[str, float]) -> dict[str, float]:
        """What an input's features are: its own, but the recording's for as long as the input is not alive."""
        return dict(own) if self.inputs[name].alive else {feature: played.get(feature, own[feature]) for feature in own}

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
        """Whether every input has spoken or been found missing, and every extractor that has something is awake."""
        awake = all(getattr(extractor, "ready", True) for extractor in self.extractors.values())
        return awake and all(name in self._heard_from or one.faults for name, one in self.inputs.items())

    def there(self) -> dict[str, bool]:
        """Whether each input is alive."""
        return {name: bool(getattr(one, "alive", True)) for name, one in self.inputs.items()}

    @property
    def tempo_bpm(self) -> float:
        """The tempo heard, 0 while there is none."""
        own = (getattr(self.extractors.get(name), "tempo_bpm", 0.0) for name in ("tempo", "sound"))
        return float(next(filter(None, own), 0.0))

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
