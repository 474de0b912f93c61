"""What the show leaves for its page in, what a browser shows out; what people set up there is saved or discarded."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from installation.control.refusals import ADVICE
from installation.control.said import FITTING, TEACHING, VERBS, WALL
from installation.files import is_one_name
from installation.live import presets, saving
from installation.live.panel_plan import Plan
from installation.settings import SettingsError

PREVIEW_PX = 320
MOST_MOMENTS = 60
QUALITY = 78


class PageDesk:
    """What `pages.panel` asks of a show; called from several threads at once."""

    def __init__(
        self, told: dict[str, Any], plan: Plan, send: Callable[[dict[str, Any]], None], looked: Callable[[], None]
    ) -> None:
        self.sheet, self.show = told["sheet"], str(told["show"])
        self.draws = bool(told.get("draws"))
        self.moments = Path(told["moments"])
        self._plan, self._send, self._looked = plan, send, looked
        self._number, self._picture = 0, ""
        self._listed: tuple[float, list[str]] = (0.0, [])

    def state(self) -> dict[str, Any]:
        """What does not change while the show plays."""
        return self.sheet | {"advice": ADVICE, "print": self._print_line("NAME"), "draws": self.draws}

    def news(self) -> dict[str, Any]:
        """Everything that may have changed, the same objects while it has not."""
        self._looked()
        told: dict[str, Any] = {"set": self._plan.state.read(), "health": self._plan.health.read()}
        told["wall"] = self._plan.wall.read()
        told["picture"] = self._newest_picture() if told["set"].get("may_show") else ""
        return told | {"moments": self._moments(), "presets": presets.names(self.sheet["name"])}

    def hear(self, text: str) -> None:
        """One wish of a page; what is none is left out here, and refused with a reason where it is obeyed."""
        try:
            wish = json.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(wish, dict):
            return
        if isinstance(wish.get(WALL), str):
            self._send({name: wish[name] for name in (WALL, *FITTING) if name in wish})
            return
        verb = wish.get("verb")
        if isinstance(verb, str) and verb in (VERBS | TEACHING) - {"adopt"}:
            self._send({name: wish[name] for name in ("verb", "name", "value", "fade_s") if name in wish})

    def thumbnail(self, name: str) -> bytes:
        """A moment's small picture, JPEG. Raises KeyError."""
        path = self.moments / f"{name}.jpg"
        if not is_one_name(name):
            raise KeyError(name)
        try:
            return path.read_bytes()
        except OSError:
            raise KeyError(name) from None

    def save(self) -> dict[str, Any]:
        """What is held and what was learnt, into the show file; it is the running cue's own then. Raises OSError."""
        told = self._plan.state.read()
        if not told:
            raise SettingsError("nothing is known of the show yet")
        held = self._held(told)
        lines = told["lines"]
        if not (held or any(lines.values())):
            raise SettingsError("nothing was set up that the show file has not")
        path = saving.save(self.show, told["cue"], held, lines["osc"], lines["dmx"], lines["midi"])
        if held and told["cue"]:
            self._send({"verb": "adopt"})
        return {"said": f"saved in {path}"}

    def discard(self) -> dict[str, Any]:
        """Everything back to the cue, and what was learnt forgotten."""
        self._send({"verb": "forget"})
        self._send({"verb": "release", "fade_s": 1.0})
        return {"said": "back to the show file"}

    def keep_preset(self, name: str) -> dict[str, Any]:
        """What is held, under a name. Raises SettingsError, OSError."""
        presets.keep(self.sheet["name"], name, self._held(self._plan.state.read()))
        return {"said": f"kept as {name}"}

    def recall_preset(self, name: str, fade_s: float) -> dict[str, Any]:
        """Hold again what was held. Raises SettingsError."""
        known = {row[0] for row in self.sheet["knobs"]}
        for knob, value in presets.recall(self.sheet["name"], name).items():
            if knob in known:
                self._send({"verb": "knob", "name": knob, "value": value, "fade_s": fade_s})
        return {"said": name}

    def drop_preset(self, name: str) -> dict[str, Any]:
        """Forget it. Raises SettingsError, OSError."""
        presets.drop(self.sheet["name"], name)
        return {"said": f"{name} is gone"}

    def _held(self, told: dict[str, Any]) -> dict[str, float]:
        names = [row[0] for row in self.sheet["knobs"]]
        values = dict(zip(names, told.get("values", ()), strict=False))
        return {name: values[name] for name in told.get("held", ()) if name in values}

    def _newest_picture(self) -> str:
        """What is on the wall as JPEG in base64, made once for all who look."""
        from PIL import Image

        found = self._plan.pictures.read(self._number)
        if found is not None:
            rgb, _, self._number = found
            picture = Image.fromarray(rgb)
            picture.thumbnail((PREVIEW_PX, PREVIEW_PX), Image.Resampling.BOX)
            out = io.BytesIO()
            picture.save(out, "JPEG", quality=QUALITY)
            self._picture = base64.b64encode(out.getvalue()).decode()
        return self._picture

    def _moments(self) -> list[str]:
        """Names of the newest ones, the newest first; the folder is read when it has changed."""
        try:
            changed = self.moments.stat().st_mtime
        except OSError:
            return []
        if changed != self._listed[0]:
            names = sorted((path.stem for path in self.moments.glob("*.json")), reverse=True)
            self._listed = changed, [name for name in names if is_one_name(name)][:MOST_MOMENTS]
        return self._listed[1]

    def _print_line(self, name: str) -> str:
        return f"installation still {self.moments / name}.json --width 1m"
