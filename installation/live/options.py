"""Words of a command line in; what the show was asked for out. Nothing heavy is imported here: help is instant."""

from __future__ import annotations

import argparse
from pathlib import Path

KEYS = (
    "keys in the window: esc end, f full screen, t test card, b blackout, m keep a moment, v keep a vector, 1-9 cues, "
    "c fit the wall (installation calibrate --help: its keys)"
)
WALL_KEYS = """\
keys on the wall (in a show: after c):
  mouse           take the nearest handle and drag it
  tab             the next point; with shift the one before
  arrows          move it by one pixel; with shift by ten
  + -             more points, fewer: 2, 3, 5, 9, 16 each way, the shape stays
  k               curves through the points, or straight lines
  o               the next projector
  r h             turn its picture by a quarter, mirror it
  e               blend as far as the pieces of the picture overlap
  a n             a new mask; from the mesh to each mask and back
  insert delete   a point of a mask more, less
  [ ]             a mask's edge sharper, softer
  u               undo; with shift redo
  s               save
  0 to 7          the show's picture, grid, circles, greys, blend, bars, focus, names
  b t f esc       blackout, test card, full screen, end
  c               back to the show"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All of `installation live`; every option says its unit and default."""
    parser.epilog = KEYS
    add = parser.add_argument
    add("--show", default="bloom", help="a show's name, or the path of its .toml file")
    add("--headless", action="store_true", help="draw without a window (EGL)")
    add("--seconds", type=float, default=0.0, help="stop after so long; 0 = run until esc")
    add(
        "--camera",
        default=None,
        metavar="DEVICE",
        help="name, index, /dev path, file or URL; 'none' for none; default: as in the show, looked for until there",
    )
    add("--microphone", default=None, metavar="DEVICE", help="name, index or sound file; 'none' for none")
    add("--model", default=None, help="another model of the show's generator: a name in models/ or a folder")
    add("--size", type=size, default=None, metavar="WxH", help="projector size in pixels")
    add("--fps", type=float, default=None, help="frames a second to aim at")
    add("--monitor", default=None, help="monitor by name or index; default: the projector, not the primary screen")
    add("--windowed", action="store_true", help="in a window rather than full screen")
    add("--venue", default=None, help="another venue than the show's: a name in calibration/")
    add("--record", type=Path, default=None, metavar="FILE", help="stream what is shown into a film: .mp4, .mov")
    add("--record-codec", default="", metavar="CODEC", help="h264, h265, prores; default: prores in a .mov, else h264")
    add(
        "--record-quality",
        default="",
        metavar="Q",
        help="h264, h265: 0 to 51, less is better (default 23, 28); prores: proxy, lt, standard, hq (default) or 4444",
    )
    add(
        "--output",
        action="append",
        default=None,
        metavar="NAME[:ADDRESS]",
        help="send the picture to other software too: ndi, stream, virtual_camera ...; as often as wanted; 'none': "
        "nowhere; default: as in the show",
    )
    add("--report", type=Path, default=None, metavar="FILE.json", help="write what was measured when the show ends")
    add(
        "--log",
        type=Path,
        default=None,
        metavar="FILE",
        help="write the input log (features and commands, frame by frame)",
    )
    add("--replay", type=Path, default=None, metavar="FILE", help="play an input log instead of devices")
    add("--osc-host", default=None, help="address to listen on; 0.0.0.0 lets the whole network in (see the allow list)")
    add("--osc-port", type=int, default=None, help="UDP and TCP port to listen on; 0 = any free one")
    add("--osc-table", action="store_true", help="print every OSC address as a table, and end")
    add("--panel-host", default=None, help="address of the panel; 0.0.0.0 lets a phone in this network open it")
    add("--panel-port", type=int, default=None, help="port of the panel; 0 = any free one")
    add("--no-panel", action="store_true", help="without the page from which the show is run")
    add("--fresh", action="store_true", help="forget what was set when this show was last played")
    add("--unattended", action="store_true", help="wait for a display as long as it takes (what the service does)")
    add("--no-guard", action="store_true", help="without the keeper that starts the show again: for developers")
    add("--safe", action="store_true", help=argparse.SUPPRESS)  # the keeper's: `pattern`, without effects
    add("--moments", type=Path, default=Path("moments"), metavar="DIR", help="where moments are written")
    add("--vectors", type=Path, default=None, metavar="DIR", help="where vectors are kept; None: with the user's own")


def add_calibrating(parser: argparse.ArgumentParser) -> None:
    """All of `installation calibrate`."""
    add = parser.add_argument
    parser.description, parser.epilog = "Fit the picture to the wall, on the wall itself (docs/wall.md).", WALL_KEYS
    add("--show", default="bloom", help="whose screen it is: a show's name or the path of its .toml file")
    add("--venue", default=None, help="the name to save as; default: the show's, else `here`")
    add(
        "--projectors",
        type=projectors,
        default=None,
        metavar="COLUMNSxROWS",
        help="begin anew with so many, each showing its piece of the picture: 2x1 for two side by side",
    )
    add("--overlap", type=overlap, default=0.2, metavar="SHARE", help="of each piece, where they overlap: 0 to 0.5")
    add(
        "--camera",
        nargs="?",
        const="",
        default=None,
        metavar="DEVICE",
        help="a camera looks at stripes on the wall and fits all projectors (a flat wall); its pictures are not kept",
    )
    add("--size", type=size, default=None, metavar="WxH", help="projector size in pixels; default: the show's")
    add("--monitor", default=None, help="monitor by name or index; default: as in the venue, else the projector")
    add("--windowed", action="store_true", help="in windows rather than full screen")
    add("--headless", action="store_true", help="without windows")
    add("--seconds", type=float, default=0.0, help="stop after so long; 0 = run until c or esc")


def add_filming(parser: argparse.ArgumentParser) -> None:
    """All of `installation film`."""
    add = parser.add_argument
    parser.description = (
        "A film of a show that hears a sound file: every frame painted for its own instant, as long as it takes, with "
        "the sound in it. Broken off, even killed, it goes on when the same line is typed again (docs/film.md)."
    )
    add("music", metavar="MUSIC", help="a sound file, or a film whose sound is wanted")
    add("--out", type=Path, required=True, metavar="FILE", help="the film: .mp4, or .mov for ProRes")
    add("--show", default="tide", help="a show's name, or the path of its .toml file")
    add("--model", default=None, help="another model of the show's generator: a name in models/ or a folder")
    add("--size", type=size, default=None, metavar="WxH", help="of the film, in pixels; default: the show's")
    add("--fps", type=float, default=None, help="frames a second; default: the show's")
    add("--video", type=Path, default=None, metavar="FILE", help="a film of hands, in place of a camera; looped")
    add("--seconds", type=float, default=0.0, help="only so much from the beginning; 0 = all of the music")
    add("--draft", action="store_true", help="quicker and softer: drawn at the size that the show works at on a wall")
    add("--out-codec", default="", metavar="CODEC", help="h264, h265, prores; default: prores in a .mov, else h264")
    add(
        "--out-quality",
        default="",
        metavar="Q",
        help="h264, h265: 0 to 51, less is better (17, 22); prores: proxy, lt, standard, hq (default) or 4444",
    )
    add("--discard", action="store_true", help="first remove what broken-off films left beside FILE (FILE.making-...)")


def projectors(text: str) -> tuple[int, int]:
    """'3x1' -> (3, 1): so many beside each other, so many above; 16 in all."""
    try:
        columns, rows = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected COLUMNSxROWS such as 2x1, found {text!r}") from None
    if not (columns >= 1 and rows >= 1 and columns * rows <= 16):
        raise argparse.ArgumentTypeError(f"1 to 16 projectors, found {text!r}")
    return columns, rows


def overlap(text: str) -> float:
    """'0.2' -> 0.2."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0.0 <= found <= 0.5:
        raise argparse.ArgumentTypeError(f"expected 0 to 0.5, found {text!r}")
    return found


def parse(*words: str) -> argparse.Namespace:
    """The options of a show that another part of the program starts, as somebody would have typed them."""
    parser = argparse.ArgumentParser("installation live")
    add_arguments(parser)
    return parser.parse_args(words)


def size(text: str) -> tuple[int, int]:
    """'1280x720' -> (1280, 720)."""
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT such as 1280x720, found {text!r}") from None
    if not (0 < width <= 32768 and 0 < height <= 32768):
        raise argparse.ArgumentTypeError(f"each side must be 1..32768 pixels, found {text!r}")
    return width, height
