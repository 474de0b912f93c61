"""What people draw on the page in, stroke by stroke; the drawing as it stands out, for the show and for every page."""

from __future__ import annotations

import base64
import io
import json
import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from installation.live.panel_plan import PAPER_PX

MOST_STROKES, MOST_POINTS = 400, 20_000  # on one sheet; beyond it the oldest strokes go
MOST_AT_ONCE = 96  # points of one message
WIDTHS = (0.002, 0.1)  # of a pen, in parts of the longer side
WHITE = 255


class Paper:
    """A sheet that several people may draw on at once: strokes of a pen or an eraser, the last undone, all cleared.

    hear() takes one message of a page; what is none is left out. Called from several threads at once.
    """

    def __init__(self, size: tuple[int, int], leave: Callable[[np.ndarray], object], wall: Callable[[], str]) -> None:
        """size (width, height) tells the shape; leave(drawing (H, W, 1) uint8, ink dark on white) hands a changed one
        to the show; wall() is what is on the wall, JPEG in base64, "" where that may not be seen."""
        scale = PAPER_PX / max(size)
        self.size = max(16, round(size[0] * scale)), max(16, round(size[1] * scale))
        self._leave, self._wall = leave, wall
        self._strokes: dict[str, dict[str, Any]] = {}  # by the name that its page gave it, the oldest first
        self._lock = threading.Lock()
        self._sheet = Image.new("L", self.size, WHITE)
        self._changed, self._told = False, {"png": "", "strokes": 0}

    def state(self) -> dict[str, Any]:
        """What does not change."""
        return {"size": list(self.size), "widths": list(WIDTHS), "at_once": MOST_AT_ONCE}

    def news(self) -> dict[str, Any]:
        """The sheet, when it has changed, and what the show makes of it."""
        with self._lock:
            if self._changed or not self._told["png"]:
                self._changed = False
                self._leave(np.asarray(self._sheet)[:, :, None])
                self._told = {"png": _png(self._sheet), "strokes": len(self._strokes)}
        return {"paper": self._told, "picture": self._wall()}

    def hear(self, text: str) -> None:
        """{"stroke": NAME, "points": [[x, y], ...], "width": w, "erase": bool}, {"undo": true} or {"clear": true}.

        x and y are parts of the sheet's sides, width of its longer one; more of a stroke has the same name.
        """
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(said, dict):
            return
        with self._lock:
            if said.get("clear") is True:
                self._strokes.clear()
                self._redraw()
            elif said.get("undo") is True and self._strokes:
                self._strokes.popitem()
                self._redraw()
            elif (stroke := _stroke(said)) is not None:
                self._add(str(said["stroke"]), stroke)

    def _add(self, name: str, stroke: dict[str, Any]) -> None:
        """A new stroke, or more points of one that is there."""
        known = self._strokes.get(name)
        if known is None:
            self._strokes[name] = known = stroke
            begins = stroke["points"]
        else:
            begins = [known["points"][-1], *stroke["points"]]
            known["points"] = known["points"] + stroke["points"]
        self._draw(known | {"points": begins})
        self._changed = True
        while len(self._strokes) > MOST_STROKES or self._points > MOST_POINTS:
            del self._strokes[next(iter(self._strokes))]

    @property
    def _points(self) -> int:
        return sum(len(stroke["points"]) for stroke in self._strokes.values())

    def _redraw(self) -> None:
        self._sheet.paste(WHITE, (0, 0, *self.size))
        for stroke in self._strokes.values():
            self._draw(stroke)
        self._changed = True

    def _draw(self, stroke: dict[str, Any]) -> None:
        """A line with round ends and joints."""
        pen, (width, height) = ImageDraw.Draw(self._sheet), self.size
        wide = round(stroke["width"] * PAPER_PX)  # a pixel at the least, see WIDTHS
        shade = WHITE if stroke["erase"] else 0
        places = [(x * width, y * height) for x, y in stroke["points"]]
        if len(places) > 1:
            pen.line(places, fill=shade, width=wide, joint="curve")
        for x, y in (places[0], places[-1]) if wide > 2 else ():
            pen.ellipse((x - wide / 2, y - wide / 2, x + wide / 2, y + wide / 2), fill=shade)


def _stroke(said: dict[str, Any]) -> dict[str, Any] | None:
    """A stroke's table, kept within the sheet; None for anything else."""
    name, points, width = said.get("stroke"), said.get("points"), said.get("width")
    if not isinstance(name, str) or not 0 < len(name) <= 40 or not isinstance(points, list):
        return None
    if not 0 < len(points) <= MOST_AT_ONCE or not _is_number(width):
        return None
    if not all(isinstance(p, list) and len(p) == 2 and _is_number(p[0]) and _is_number(p[1]) for p in points):
        return None
    places = [(min(max(float(x), 0.0), 1.0), min(max(float(y), 0.0), 1.0)) for x, y in points]
    wide = min(max(float(width), WIDTHS[0]), WIDTHS[1])  # type: ignore[arg-type]
    return {"points": places, "width": wide, "erase": said.get("erase") is True}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _png(sheet: Image.Image) -> str:
    out = io.BytesIO()
    sheet.convert("1", dither=Image.Dither.NONE).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()
