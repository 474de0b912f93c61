"""What glfw says of keys and mouse over one window in; gestures by name and place out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NAMED = {"LEFT": "left", "RIGHT": "right", "UP": "up", "DOWN": "down", "TAB": "tab", "ENTER": "enter"}
NAMED |= {"DELETE": "delete", "BACKSPACE": "delete", "INSERT": "insert", "ESCAPE": "esc", "SPACE": "space"}
REPEATED = ("left", "right", "up", "down")


@dataclass(frozen=True)
class Key:
    """A key that was pressed: its letter, digit or sign, or one of NAMED. again: it is being held."""

    name: str
    shift: bool = False
    again: bool = False


@dataclass(frozen=True)
class Pointer:
    """The mouse over a window: press | move | release, at a place in 0..1 of the window, y down."""

    kind: str
    x: float
    y: float


Gesture = Key | Pointer


class Gestures:
    """Listens to one window until it is closed; `take` gives what came since it was last asked."""

    def __init__(self, glfw: Any, handle: Any) -> None:
        self._glfw, self._handle = glfw, handle
        self._heard: list[Gesture] = []
        self._held = False
        glfw.set_mouse_button_callback(handle, self._on_button)
        glfw.set_cursor_pos_callback(handle, self._on_move)

    def take(self) -> list[Gesture]:
        heard, self._heard = self._heard, []
        return heard

    def key(self, key: int, scan: int, action: int, mods: int) -> Key | None:
        """Note a key; None where it was let go, or has no name."""
        glfw = self._glfw
        name = name_of(glfw, key, scan)
        again = action == glfw.REPEAT
        if not name or action == glfw.RELEASE or (again and name not in REPEATED):
            return None
        heard = Key(name, bool(mods & glfw.MOD_SHIFT), again)
        self._heard.append(heard)
        return heard

    def _on_button(self, _window: Any, button: int, action: int, _mods: int) -> None:
        if button == self._glfw.MOUSE_BUTTON_LEFT:
            self._held = action == self._glfw.PRESS
            x, y = self._place(*self._glfw.get_cursor_pos(self._handle))
            self._heard.append(Pointer("press" if self._held else "release", x, y))

    def _on_move(self, _window: Any, x_px: float, y_px: float) -> None:
        """Only while a button is held; of many moves within one frame the last one is all that counts."""
        if not self._held:
            return
        moved = Pointer("move", *self._place(x_px, y_px))
        if self._heard and isinstance(last := self._heard[-1], Pointer) and last.kind == "move":
            self._heard.pop()
        self._heard.append(moved)

    def _place(self, x_px: float, y_px: float) -> tuple[float, float]:
        width, height = self._glfw.get_window_size(self._handle)
        return x_px / max(width, 1), y_px / max(height, 1)


def name_of(glfw: Any, key: int, scan: int) -> str:
    """What a key is called, "" for one without a name."""
    for constant, name in NAMED.items():
        if key == getattr(glfw, f"KEY_{constant}"):
            return name
    if glfw.KEY_0 <= key <= glfw.KEY_9:  # by place, so that French keyboards have cues too
        return str(key - glfw.KEY_0)
    name = str(glfw.get_key_name(key, scan) or "").lower()
    if glfw.KEY_A <= key <= glfw.KEY_Z and not (name.isascii() and name.isalpha()):  # likewise Cyrillic, Greek
        return chr(key).lower()
    return name
