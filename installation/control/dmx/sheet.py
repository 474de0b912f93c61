"""The show as a fixture in; its sheet out, for people: a table of channels as CSV, and the same printed, as pages."""

from __future__ import annotations

import bisect
import csv
import functools
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from installation.control.dmx.artnet import PORT as ARTNET_PORT
from installation.control.dmx.personality import Channel, Personality
from installation.control.dmx.sacn import PORT as SACN_PORT
from installation.control.dmx.sacn import group_of
from installation.files import named
from installation.settings import Dmx

if TYPE_CHECKING:
    from PIL.Image import Image

COLUMNS = ("channel", "in fixture", "function", "bits", "default", "from", "to", "meaning")
DPI, PAGE, MARGIN = 150, (1240, 1754), 90  # A4
LARGE, TEXT, SMALL, LINE = 34, 18, 16, 27
LONGEST_LINE = 200  # letters
INK, FAINT, RULE, PAPER = (30, 30, 30), (118, 118, 116), (205, 205, 202), (255, 255, 255)
PLACES = (0, 125, 205, 385, 545, 625)  # of columns, in pixels from the margin: two for the channels, five in all
_DIRECTIONS = (
    "A channel acts when it changes, never while it stays: OSC, panel and console each hold what they touched last. "
    "Knobs belong to the running cue until they are first moved, and again once Control has released them. "
    "When no console is heard any more, the last look stays."
)


class Row(NamedTuple):
    """One line of the table; of a function that has steps the first line names it, the others do not."""

    channels: str
    own: str
    function: str
    bits: str
    default: str
    low: str
    high: str
    meaning: str


def rows(personality: Personality) -> Iterator[Row]:
    """The whole table, absolute channels first."""
    for channel in personality.channels:
        last = channel.first + channel.wide
        own = _span(channel.first, last)
        absolute = _span(channel.first + personality.address - 1, last + personality.address - 1)
        top = 65_535 if channel.wide else 255
        head = (absolute, own, channel.name, str(8 + 8 * channel.wide), str(channel.default))
        yield Row(*head, "0", str(top), channel.about)
        for step in channel.steps:
            yield Row(absolute, own, channel.name, "", "", str(step.low), str(step.high), step.what)


def table(personality: Personality) -> str:
    """The table as CSV; a row for each function, and one for each range of values below it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([COLUMNS, *rows(personality)])
    return text.getvalue()


def write_pages(path: Path, personality: Personality, asked: Dmx, show: str) -> None:
    """The sheet as a PDF of A4 pages, or as one PNG with the pages below each other. Raises OSError."""
    pages = list(_pages(personality, f"{show}: fixture sheet", _patch(asked)))
    with named.whole(path) as part, part.open("wb") as file:
        if path.suffix.lower() == ".pdf":
            pages[0].save(file, "PDF", save_all=True, append_images=pages[1:], resolution=DPI, title=show)
        else:
            _stacked(pages).save(file, "PNG", dpi=(DPI, DPI))


def _patch(asked: Dmx) -> list[str]:
    """Where the console has to send, in words."""
    first, last = asked.address, asked.address + 25
    lines = [f"Universe {asked.universe}, address {first} (channels {first} to {last}), from {', '.join(asked.allow)}"]
    if asked.protocol != "artnet":
        to = f"multicast to {group_of(asked.universe)} or unicast to {asked.host}"
        lines.append(f"sACN (E1.31): {to}, port {SACN_PORT}")
    if asked.protocol != "sacn":
        net, subnet, universe = asked.universe >> 8, asked.universe >> 4 & 15, asked.universe & 15
        where = f"net {net}, sub-net {subnet}, universe {universe}"
        lines.append(f"Art-Net 4: Port-Address {asked.universe} ({where}), to {asked.host}, port {ARTNET_PORT}")
    return lines


def _pages(personality: Personality, title: str, patch: list[str]) -> Iterator[Image]:
    page = _Page()
    page.write(0, title, LARGE, INK)
    page.down(round(1.9 * LARGE))
    for line in patch:
        page.write(0, line, TEXT, INK)
        page.down(LINE)
    for line in page.broken(_DIRECTIONS, TEXT, PAGE[0] - 2 * MARGIN):
        page.write(0, line, TEXT, FAINT)
        page.down(LINE)
    page.down(LINE)
    page.head()
    for channel in personality.channels:
        entry = _entry(page, channel, personality.address)
        for number, texts in enumerate(entry):
            if page.left < LINE * (1 if number else min(len(entry), 4)):  # a function begins where some of it fits
                yield page.image
                page = _Page()
                page.head()
            if not number:
                page.rule()
            for place, text in texts:
                page.write(PLACES[place], text, TEXT if place < 3 else SMALL, INK if place in (0, 2, 5) else FAINT)
            page.down(LINE)
    yield page.image


def _entry(page: _Page, channel: Channel, address: int) -> list[list[tuple[int, str]]]:
    """The lines of one function: (column, text)."""
    first = channel.first + address - 1
    about = page.broken(channel.about, SMALL, PAGE[0] - 2 * MARGIN - PLACES[5])
    head = [(0, _span(first, first + channel.wide)), (1, f"{channel.first}"), (2, channel.name)]
    head += [(3, f"{8 + 8 * channel.wide} bit"), (4, str(channel.default)), (5, about[0])]
    steps = [[(3, _span(step.low, step.high)), (5, step.what)] for step in channel.steps]
    return [head, *([(5, more)] for more in about[1:]), *steps]


def _span(low: int, high: int) -> str:
    return f"{low}" if low == high else f"{low}-{high}"


def _stacked(pages: list[Image]) -> Image:
    from PIL import Image

    made = Image.new("RGB", (PAGE[0], PAGE[1] * len(pages)), PAPER)
    for number, page in enumerate(pages):
        made.paste(page, (0, PAGE[1] * number))
    return made


class _Page:
    """A white page that is written on from top to bottom."""

    def __init__(self) -> None:
        from PIL import Image, ImageDraw

        self.image = Image.new("RGB", PAGE, PAPER)
        self._draw = ImageDraw.Draw(self.image)
        self._top = MARGIN

    @property
    def left(self) -> int:
        """Pixels down to the margin."""
        return PAGE[1] - MARGIN - self._top

    def down(self, pixels: int) -> None:
        self._top += pixels

    def write(self, at: int, text: str, size_px: int, ink: tuple[int, int, int]) -> None:
        """One line; what is wider than the page ends in an ellipsis."""
        font, wide, text = _font(size_px), PAGE[0] - 2 * MARGIN - at, text[:LONGEST_LINE]
        if font.getlength(text) > wide:
            fits = bisect.bisect(range(len(text)), wide, key=lambda letters: font.getlength(text[:letters] + "…"))
            text = text[: fits - 1] + "…"
        self._draw.text((MARGIN + at, self._top), text, font=font, fill=ink)

    def rule(self) -> None:
        self._draw.line((MARGIN, self._top - 4, PAGE[0] - MARGIN, self._top - 4), fill=RULE)

    def head(self) -> None:
        for place, text in zip(PLACES, ("channel", "in it", "function", "values", "default", "meaning"), strict=True):
            self.write(place, text, SMALL, FAINT)
        self.down(LINE + 6)

    def broken(self, text: str, size_px: int, wide: int) -> list[str]:
        """Text in lines that are not wider than this."""
        lines = [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and _font(size_px).getlength(longer) > wide:
                lines.append(word)
            else:
                lines[-1] = longer
        return lines


@functools.cache
def _font(size_px: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size_px)
