"""What a show says of its camera in; where that camera is now out, whatever number it was given this time."""

from __future__ import annotations

import mimetypes
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

SYSTEM, STABLE = Path("/sys/class/video4linux"), Path("/dev/v4l/by-id")
OWN = "installation"  # what a virtual camera is called that shows the show: see rendering/outputs/virtual_camera
FILM_SUFFIXES = (".ts", ".mts", ".m2ts", ".mkv", ".mjpeg", ".mjpg", ".h264", ".y4m")  # that mimetypes may not know


@dataclass(frozen=True)
class Place:
    """A live camera: path is /dev/video0, which may change; name and id (its by-id link, if any) stay with it."""

    path: str
    name: str = ""
    id: str = ""

    def __str__(self) -> str:
        return f"{self.path} {self.name}".strip()


class Finder:
    """Finds the camera that a wish means, again and again: once found, it is known by its name and id."""

    def __init__(self, wish: str) -> None:
        self.wish = wish
        self._known: Place | None = None

    def find(self) -> str:
        """What to open now: a file or address as it stands, else the path of a device.

        Raises FileNotFoundError when no such camera is there at present.
        """
        if is_address(self.wish) or not sys.platform.startswith("linux"):
            return self.wish or "0"
        there = places()
        self._known = found = self._again(there) or first_meant(self.wish, there) or self._known
        if found is None or found not in there:
            if self.wish.startswith("/dev/") and os.path.exists(self.wish):  # of a driver that the system does not list
                return os.path.realpath(self.wish)
            listed = "; ".join(map(str, there)) or "none"
            raise FileNotFoundError(f"no camera {self.wish or 'here'}: plug it in (there is {listed})")
        return found.path

    def _again(self, there: list[Place]) -> Place | None:
        """The one that was found before, under its present number; a path that names a socket means the socket."""
        if self._known is None or "/by-path/" in self.wish:
            return None
        known = self._known
        same = [p for p in there if p.name == known.name and (p.id == known.id or not (p.id and known.id))]
        return min(same, key=lambda place: (place.id != known.id, place.path != known.path), default=None)


def first_meant(wish: str, there: list[Place]) -> Place | None:
    """The camera that a wish means: a number; a path, by whatever link; a name, whole before in part.

    "" means the first one, but not the one in which the show would see itself.
    """
    if not wish:
        return next((place for place in there if place.name != OWN), None)
    if wish.startswith("/dev/"):
        return next((place for place in there if place.path == os.path.realpath(wish)), None)
    if wish.isdigit():  # a device's own number, else a place in the list: the only camera is often /dev/video2
        numbered = [place for place in there if place.path == f"/dev/video{wish}"]
        return next(iter(numbered or there[int(wish) :]), None)
    exact = [place for place in there if wish.casefold() == place.name.casefold()]
    return next(iter(exact or (place for place in there if wish.casefold() in place.name.casefold())), None)


def is_address(wish: str) -> bool:
    """Whether this is a file or a stream, there or not, rather than a device or the name of one."""
    return "://" in wish or is_file(wish)


def is_file(wish: str) -> bool:
    """Whether a file is there, or its name ends as those of films and pictures do: "a.mp4", but not "USB2.0 Camera"."""
    if "://" in wish or wish.startswith("/dev/"):
        return False
    kind = mimetypes.guess_type(wish)[0] or ""
    film = kind.startswith(("video/", "image/", "audio/")) or wish.lower().endswith(FILM_SUFFIXES)
    return film or os.path.isfile(wish)


def places(system: Path | None = None, stable: Path | None = None) -> list[Place]:
    """Cameras that Linux lists, lowest number first. Opens nothing."""
    links = {os.path.realpath(link): link.name for link in sorted((stable or STABLE).glob("*"))}
    found = []
    for folder in (system or SYSTEM).glob("video*"):
        index, name = folder / "index", folder / "name"
        try:
            if index.is_file() and index.read_text().strip() != "0":  # further indices carry metadata only
                continue
            # drivers cut long names, in the middle of a letter too
            called = name.read_text("utf-8", "replace").strip() if name.is_file() else ""
        except OSError:  # it goes this very moment
            continue
        path = f"/dev/{folder.name}"
        found.append(Place(path, called, links.get(path, "")))
    return sorted(found, key=lambda place: [int(digits) for digits in re.findall(r"\d+", place.path)])
