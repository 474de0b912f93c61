"""The values that flow between the rooms: frozen, without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

MEMORY = "generator.memory."
"""Values of a moment by this name and a number are what its generator remembered of the pictures before."""

Features = Mapping[str, float]
"""Every feature of one instant, 0..1, by dotted name: {"hands.right.pinch": 0.7, "sound.bass": 0.2}."""


@dataclass(frozen=True, slots=True, eq=False)
class CameraFrame:
    """rgb [shape=(H, W, 3), uint8, sRGB, row 0 on top]; time_s is monotonic; number counts fresh frames.

    mirrored tells a picture that shows the room as a mirror does: a right hand looks like a left one.
    """

    rgb: np.ndarray
    time_s: float
    number: int = 0
    mirrored: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class SoundBlock:
    """samples [shape=(n,), float32, -1..1], the newest of them heard at time_s (monotonic).

    piece is the sound file that they are played from, "" for a device's; the newest is place_s from its beginning.
    """

    samples: np.ndarray
    sample_rate_hz: int
    time_s: float
    piece: str = ""
    place_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Number:
    """One reading of a number series (a price, a temperature), in its own unit, and the series' range; low and high
    are alike where that is not known."""

    value: float
    time_s: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Beat:
    """Where a clock is: beats since it began (a whole number on the beat), beats a minute, and beats of a bar."""

    beat: float
    tempo_bpm: float
    beats_per_bar: int
    time_s: float


@dataclass(frozen=True, slots=True)
class Knob:
    """A named quantity that people, cues and routes may set: its range, its default, and what it does in one line."""

    name: str
    low: float = 0.0
    high: float = 1.0
    default: float = 0.0
    about: str = ""
    kind: str = "float"  # float | bool | int | event (whose value counts presses)


@dataclass(frozen=True, slots=True)
class Controls:
    """What one frame is made from: knob values by name, and where on its walk the latent point stands.

    `turns` is the place on the generator's closed walk: 1.0 is once around.
    """

    time_s: float
    values: Mapping[str, float]
    turns: float = 0.0

    def __getitem__(self, knob: str) -> float:
        return self.values[knob]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """pixels [shape=(3, H, W), -1..1] on the device that made them; number counts pictures; controls say from what."""

    pixels: Any
    controls: Controls
    number: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Moment:
    """One live instant, written so that it can be re-rendered exactly. No camera pixels, only numbers."""

    show: str
    controls: Controls
    weights_sha256: str
    size_px: tuple[int, int]
    frame: int
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """One wish of a person (desk, key or web page).

    verb: knob | release | go | back | cue | master | blackout | freeze | moment | vector | panic |
    test_card | adopt (what is held becomes the cue's own) | ping.
    name is the knob, or the cue's number as text; value is in the knob's own unit; fade_s None means the cue's own.
    by says where it came from: "osc 10.0.0.5", "dmx", "panel", "key".
    """

    verb: str
    name: str = ""
    value: float = 0.0
    fade_s: float | None = None
    by: str = field(default="", compare=False)  # the same wish, whoever has it


@dataclass(frozen=True, slots=True)
class Levels:
    """What the people ask for at one instant: the base of every knob, and what acts last.

    master 0..1; blackout is black at once whatever master says; freeze holds the picture; cue is the running number,
    come how far its fade is, 0..1; held tells of each knob that somebody holds, who; by tells who set master, blackout,
    freeze, test_card and cue last, "" where nobody named it so. While panic lasts, master is not what was set.
    """

    base: Mapping[str, float]
    master: float = 1.0
    blackout: bool = False
    freeze: bool = False
    test_card: bool = False
    cue: str = ""
    come: float = 1.0
    held: Mapping[str, str] = field(default_factory=dict)
    by: Mapping[str, str] = field(default_factory=dict)
    panic: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """One picture on its way to a print.

    pixels [shape=(H, W, 3 or 4), uint16, sRGB-encoded, straight alpha], often a read-only memory map; sRGB rather than
    linear light because every network and every file wants it so; `stages.pixels` makes it linear where light is added.
    maps are what later stages need to know of it: "interest" [shape=(h, w), float32, 0..1].
    notes say what was decided on it, by stage: {"slomo_glitch": {"t": 0.4, "bends": [...]}}; plain JSON values.
    key names its content: the same key is always the same pixels. seed is what its chance is drawn from.
    """

    pixels: np.ndarray
    name: str
    key: str
    seed: int = 0
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Mapping[str, Any], ...] = ()
