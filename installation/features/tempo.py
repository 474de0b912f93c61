"""The beat of a clock in; its phase, the bar's and the tempo out, 0..1, also in the place of what is heard."""

from __future__ import annotations

from dataclasses import dataclass

from installation.features.euro import clamp
from installation.signals import Beat

SOURCE = "tempo"
SLOW_BPM, SPAN_BPM = 60.0, 120.0  # as sound.tempo is placed


@dataclass(frozen=True)
class Settings:
    """leads: sound.beat and sound.tempo are the clock's for as long as it runs."""

    leads: bool = True


class Tempo:
    """tempo.beat and tempo.bar rise from 0 to 1 and begin anew; tempo.speed is 0 at 60, 1 at 180 beats a minute. All
    rest at 0 while no clock runs."""

    names = ("tempo.beat", "tempo.bar", "tempo.speed")

    def __init__(self, settings: Settings) -> None:
        self.leads = {"tempo.beat": "sound.beat", "tempo.speed": "sound.tempo"} if settings.leads else {}
        self.tempo_bpm = 0.0

    def extract(self, signal: Beat | None, now_s: float) -> dict[str, float]:
        """All features at now_s, by name, 0..1."""
        self.tempo_bpm = signal.tempo_bpm if signal is not None else 0.0
        if signal is None:
            return dict.fromkeys(self.names, 0.0)
        bar = signal.beat % signal.beats_per_bar / signal.beats_per_bar
        speed = clamp((signal.tempo_bpm - SLOW_BPM) / SPAN_BPM)
        return {"tempo.beat": signal.beat % 1.0, "tempo.bar": bar, "tempo.speed": speed}


def create(settings: Settings) -> Tempo:
    return Tempo(settings)
