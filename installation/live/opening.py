"""Show file, command line and the devices that exist in; the show that can really run here out, room by room."""

from __future__ import annotations

import dataclasses
import gc
import math
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from installation import plugins
from installation.clock import WallClock
from installation.live import elsewhere
from installation.live.displays import has_display, wait_for_display
from installation.live.inviting import asked_for
from installation.live.leading import led_by
from installation.live.modulation import check_routes
from installation.live.painting import open_generator
from installation.live.portable import awaited, fitted, own_model, with_model
from installation.live.senses import Senses
from installation.settings import Dmx, Osc, Part, SettingsError, Show, open_show
from installation.signals import Command, Controls, Knob

if TYPE_CHECKING:  # what a show does not use is not imported
    from installation.control.cues import Board
    from installation.live.studio import Studio
    from installation.rendering.easel import Easel
    from installation.rendering.window import Display

DEMO_S = 20.0  # length of the demonstration where there is no display
FIRST_SIGNALS_S = 8.0  # how long the curtain waits for cameras and models that are slow to wake


def prepare(options: Namespace, show: Show | None = None) -> tuple[Show, Namespace]:
    """The show as the command line changes it. With no display: a short headless demonstration, and it says so.

    Only a film that was asked for has sound, and what a camera sees: no visitor is on a disk by itself.
    """
    options.sound, options.sight = options.record is not None, True
    if options.unattended and not options.headless:
        wait_for_display()
    if not (options.headless or options.osc_table or has_display()):
        print("No display here: rendering headless; `installation live --help` tells what else it can do.")
        options = Namespace(**vars(options) | {"headless": True})
        if not options.seconds:
            options.seconds = DEMO_S
            options.record, options.sight = options.record or Path("out/live.mp4"), options.sound
            options.sheet = Path("out/live.png")
    show = elsewhere.prepare(_apply(show or open_show(options.show), options), options)
    return (safe(show) if options.safe else show), options


def safe(show: Show) -> Show:
    """What cannot fail of a show: `pattern` without effects, bends and routes; its cues, desks and wall stay."""
    from installation.control.addresses import without_knobs
    from installation.control.midi import mapping

    bare = [{n: v for n, v in cue.values.items() if n.startswith("screen.")} for cue in show.cues]
    cues = [dataclasses.replace(cue, values=v, vector="", model="") for cue, v in zip(show.cues, bare, strict=True)]
    show = dataclasses.replace(show, generator=Part("pattern"), cues=tuple(cues), bends=(), effects=(), routes=())
    osc = dataclasses.replace(show.osc, aliases=without_knobs(show.osc.aliases, cues))
    dmx = show.dmx and dataclasses.replace(show.dmx, knobs=(), speed=Dmx.speed)
    midi = show.midi and dataclasses.replace(show.midi, map=mapping.without_knobs(show.midi.map, cues))
    return dataclasses.replace(show, vectors=(), keyframes=(), directions=(), osc=osc, dmx=dmx, midi=midi)


def _apply(show: Show, options: Namespace) -> Show:
    screen = {
        "size": options.size,
        "fps": options.fps,
        "monitor": options.monitor,
        "mode": "windowed" if options.windowed else None,
        "venue": options.venue,
    }
    show = dataclasses.replace(
        show,
        screen=dataclasses.replace(show.screen, **{k: v for k, v in screen.items() if v is not None}),
        osc=_osc(show, options),
        panel=asked_for(show, options),
    )
    show = fitting_screen(played_by(show, options.model))
    if options.osc_table:
        return show
    if options.replay:
        return dataclasses.replace(show, inputs=(), features=())
    return dataclasses.replace(show, inputs=tuple(filter(None, (_device(part, options) for part in show.inputs))))


def played_by(show: Show, model: str | None) -> Show:
    """The show with another model of its generator, None or "" for its own. Raises WeightsError or SettingsError."""
    if not model:
        return show
    generator, own = with_model(show.generator, model), model == own_model(show.generator)
    return dataclasses.replace(show, generator=generator, ported=show.ported or not own)


def fitting_screen(show: Show) -> Show:
    """The show, unless its screen cannot be: then SettingsError."""
    if not 0 < show.screen.fps < math.inf:
        raise SettingsError(f"screen.fps: must be above 0, found {show.screen.fps:g}")
    for name in ("size", "working_size"):
        width, height = getattr(show.screen, name)
        if min(width, height) < 16 or max(width, height) > 16384:
            raise SettingsError(f"screen.{name}: must be 16 to 16384 px each way, found {width} x {height}")
    return show


def _osc(show: Show, options: Namespace) -> Osc:
    asked = {"host": options.osc_host, "port": options.osc_port}
    return dataclasses.replace(show.osc, **{k: v for k, v in asked.items() if v is not None})


def find_osc(options: Namespace) -> Osc | None:
    """Where a show will listen; None where its file cannot be read now: the show itself says why."""
    try:
        return _osc(open_show(options.show), options)
    except (SettingsError, OSError):
        return None


def _device(part: Part, options: Namespace) -> Part | None:
    """The input as asked for on the command line, or as the show has it; None when none is wanted."""
    if part.name not in ("camera", "microphone"):
        return part
    asked = getattr(options, part.name)
    if asked == "none":
        return None
    if asked is not None:
        if plugins.load("inputs", part.name).is_file(asked) and not Path(asked).exists():
            raise FileNotFoundError(f"--{part.name}: no file {asked!r}")
        return Part(part.name, part.settings | {"device": asked})
    if not (part.settings.get("device") or plugins.load("inputs", part.name).devices()):
        print(f"No {part.name} here yet: the packaged recording plays its part until there is one.")
    return part


def open_senses(show: Show, closing: ExitStack) -> Senses:
    """Every input of the show and the features that listen to them, started."""
    senses = Senses(show.inputs, show.features)
    closing.callback(senses.close)
    senses.start()
    return senses


def start_studio(show: Show, closing: ExitStack, sheds: bool = True, vectors: Path | None = None) -> Studio:
    """Generator and effects in a process of their own, which keeps vectors where it is told; it is still to open."""
    from installation.live.studio import Studio

    studio = Studio(show, sheds, vectors)
    closing.callback(studio.close)
    studio.start()
    return studio


def open_easel(show: Show, closing: ExitStack) -> Easel:
    """What draws a show's pictures, without a projector or a clock on the wall."""
    from installation.rendering.easel import Easel
    from installation.rendering.surfaces import close_headless, open_headless

    context = open_headless()
    closing.callback(close_headless, context)
    return Easel(context, show.effects, show.screen.working_size, sheds=False)


def open_screen(show: Show, headless: bool, closing: ExitStack) -> Display:
    """A window on the projector, or the same without one."""
    from installation.rendering import window

    screen = window.create(show.screen, headless=headless)
    closing.callback(screen.close)
    return screen


def knobs_of(show: Show) -> dict[str, Knob]:
    """Every knob of a show that is not playing."""
    with ExitStack() as closing:
        return {**open_generator(show).knobs, **open_easel(show, closing).knobs}


def osc_table(show: Show) -> str:
    """Every address of this show's desk, as Markdown."""
    from installation.control.desk import osc_table as table

    knobs = knobs_of(show)
    show = fitted(show, knobs)
    begin = open_board(show, knobs).levels(0.0).base  # the first cue is in force from the first frame on
    return table({n: dataclasses.replace(k, default=begin.get(n, k.default)) for n, k in knobs.items()}, show.cues)


def open_board(show: Show, knobs: Mapping[str, Knob]) -> Board:
    """The running order: cues, holds, master, blackout. Raises SettingsError for a route or cue that names no knob."""
    from installation.control.cues import Board

    check_routes(show.routes, knobs)
    return Board(knobs, led_by(show), awaited(show))


@contextmanager
def curtain(senses: Senses, studio: Studio) -> Iterator[None]:
    """Wait a little for a first picture and for devices; then garbage is collected only between frames."""
    clock = WallClock()
    studio.request(Controls(0.0, {name: knob.default for name, knob in studio.knobs.items()}), 0.0, patient=True)
    studio.wait_done(FIRST_SIGNALS_S)
    while clock.now_s() < FIRST_SIGNALS_S and not senses.ready:
        senses.read(clock.now_s())
        clock.wait_until(clock.now_s() + 0.02)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def pressed(screen: Display, board: Board, now_s: float) -> list[Command]:
    """Keys as commands: b and t switch, m, v keep a moment, a vector, 1-9 recall cues (esc, f, c: the window)."""
    commands = []
    for key in screen.keys():  # noqa: SIM118 (presses since the last call, not a mapping)
        if key in "bt":
            levels = board.levels(now_s)
            on = levels.blackout if key == "b" else levels.test_card
            commands.append(Command("blackout" if key == "b" else "test_card", value=float(not on), by="key"))
        elif key in "mv":
            commands.append(Command("moment" if key == "m" else "vector", by="key"))
        elif key.isdigit():
            commands.append(Command("cue", name=key, by="key"))
    return commands
