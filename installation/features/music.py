"""A sound file that plays in, known ahead to its end; its beats, onsets, parts, notes and sections out, 0..1."""

from __future__ import annotations

import collections
import logging
import math
import os
import threading
from dataclasses import dataclass

import numpy as np

from installation.children import Child, Memory
from installation.features import score
from installation.features.euro import clamp
from installation.features.score import STEP_S, Score
from installation.signals import SoundBlock

SOURCE = "microphone"
SLOW_BPM, SPAN_BPM = 60.0, 120.0  # as sound.tempo is placed
LONGEST_S = 2.0  # a frame that took longer says nothing of what was between
GONE_S = 1.0
MOST_BYTES = 1 << 27  # of a score: twelve hours of music
HEARD, LENGTH = 0, 1  # places in the memory's counts: 1 when it is there, -1 when it cannot be; its bytes
log = logging.getLogger("installation.features")


@dataclass(frozen=True)
class Settings:
    """A beat rings for beat_s, an onset for onset_s (time constants). synchronous: the file is heard in this process,
    all of it before the first answer: for films."""

    beat_s: float = 0.22
    onset_s: float = 0.14
    synchronous: bool = False


class Music:
    """beat and onset are 1 (an onset as strong as it is) at their instant and fade; tempo is 0 at 60, 1 at 180 beats a
    minute. harmonic and percussive are the loudness of the two parts, chroma.0 (C) to chroma.11 (B) the notes. section
    says which one it is, from 0 (the first) to 1 (the last), section_place how far through it the music is,
    section_level how loud it is among them; place is how far through the whole piece.

    All rest at 0 while what is heard is no file, and until the file has been heard to its end, elsewhere.
    """

    names = (
        *(f"music.{name}" for name in ("beat", "tempo", "onset", "harmonic", "percussive")),
        *(f"music.{name}" for name in ("section", "section_place", "section_level", "place")),
        *(f"music.chroma.{note}" for note in range(12)),
    )

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.faults: collections.Counter[str] = collections.Counter()
        self._piece = ""
        self._score: Score | None = None
        self._listener: Listener | None = None
        self._heard: tuple[float, float] = (-math.inf, 0.0)  # when, and where in the piece
        self._before_s = 0.0  # where in the piece the last answer was

    @property
    def pids(self) -> list[int]:
        return self._listener.pids if self._listener else []

    def extract(self, signal: SoundBlock | None, now_s: float) -> dict[str, float]:
        """All features at now_s, by name, 0..1; never blocks (synchronous: once, as long as hearing it takes)."""
        if signal is not None:
            self._heard = (signal.time_s, signal.place_s)
            if signal.piece != self._piece:
                self._begin(signal.piece)
        if self._listener is not None:
            self._ask(self._listener)
        since_s = now_s - self._heard[0]
        if self._score is None or not -GONE_S <= since_s <= GONE_S:
            return dict.fromkeys(self.names, 0.0)
        at_s = self._heard[1] + since_s
        values = self._at(self._score, at_s)
        self._before_s = at_s
        return dict(zip(self.names, map(clamp, values), strict=True))

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _begin(self, piece: str) -> None:
        self.close()
        self._piece, self._score, self._before_s = piece, None, 0.0
        if piece and self._settings.synchronous:
            self._score = score.open_score(piece)
        elif piece:
            self._listener = Listener(piece)

    def _ask(self, listener: Listener) -> None:
        """Take the score when it is there; what cannot be heard is said once."""
        why = listener.refusal()
        self._score = listener.answer()
        if why:
            self.faults["music"] += 1
            log.warning("music: %s; the show goes on without its beats", why)
        if why or self._score is not None:
            self._listener = None
            threading.Thread(target=listener.close, name="close music", daemon=True).start()

    def _at(self, known: Score, at_s: float) -> list[float]:
        """The features at a place, in the order of the names."""
        settings, before_s = self._settings, self._before_s
        if not 0.0 <= at_s - before_s <= LONGEST_S:
            before_s = at_s
        beat = int(np.searchsorted(known.beats, at_s, "right")) - 1
        tempo = float(known.tempos[max(beat, 0)]) if len(known.tempos) else 0.0
        rings = [
            ringing(known.beats, np.ones_like(known.beats), before_s, at_s, settings.beat_s),
            (tempo - SLOW_BPM) / SPAN_BPM,
            ringing(known.onsets, known.strengths, before_s, at_s, settings.onset_s),
        ]
        at = min(max(at_s / STEP_S, 0.0), len(known.harmonic) - 1.0)
        first, share = int(at), at - int(at)
        after = min(first + 1, len(known.harmonic) - 1)
        parts = [float(row[first] + share * (row[after] - row[first])) for row in (known.harmonic, known.percussive)]
        notes = (known.notes[first] + share * (known.notes[after] - known.notes[first])).tolist()
        return [*rings, *parts, *_section(known, at_s), *notes]


def ringing(times_s: np.ndarray, strengths: np.ndarray, before_s: float, at_s: float, constant_s: float) -> float:
    """How loud what was struck up to at_s still rings; what was struck since before_s is at its full strength."""
    last = int(np.searchsorted(times_s, at_s, "right"))
    near = slice(max(0, last - 8), last)
    age_s = np.where(times_s[near] > before_s, 0.0, at_s - times_s[near])
    return float(np.max(strengths[near] * np.exp(-age_s / max(constant_s, 1e-3)), initial=0.0))


def _section(known: Score, at_s: float) -> list[float]:
    """Which section, how far through it, how loud it is among them, and how far through the piece."""
    seconds, count = float(known.seconds[0]), len(known.sections)
    which = max(0, int(np.searchsorted(known.sections, at_s, "right")) - 1)
    begin_s = float(known.sections[which])
    end_s = float(known.sections[which + 1]) if which + 1 < count else seconds
    through = (at_s - begin_s) / max(end_s - begin_s, 1e-6)
    return [which / max(count - 1, 1), through, float(known.levels[which]), at_s / max(seconds, 1e-6)]


class Listener:
    """A process that hears a file to its end (music_child); its score comes through shared memory."""

    def __init__(self, piece: str) -> None:
        self._memory = Memory(MOST_BYTES)
        module, asked = "installation.features.music_child", {"piece": os.path.abspath(piece)}
        self._child = Child("music", module, asked, self._memory, log=log, silence_s=lambda: 0.0)
        self._child.start()

    @property
    def pids(self) -> list[int]:
        return self._child.pids

    def answer(self) -> Score | None:
        """The score, once, when it is there."""
        if self._memory.counts[HEARD] != 1:
            return None
        return score.of_bytes(self._memory.bytes[: int(self._memory.counts[LENGTH])].tobytes())

    def refusal(self) -> str:
        """Why there will be none; "" while there may be."""
        return self._memory.take_word() if self._memory.counts[HEARD] < 0 else ""

    def close(self) -> None:
        self._child.close()


def create(settings: Settings) -> Music:
    return Music(settings)
