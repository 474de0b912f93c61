"""A picture's controls in; the point that it was painted from, kept as a file, and where on the map it was, out."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

from installation.settings import Show
from installation.signals import Controls

LONGEST_STEP_S = 2.0  # between two looks; a show that hung is no visitor who stood still
log = logging.getLogger("installation.live.keeping")


class Album:
    """Where the vectors of a show go; what is kept is written in a thread of its own."""

    def __init__(self, show: Show, folder: str = "") -> None:
        """folder: "" is the user's own."""
        self.show, self.folder = show, folder

    def keep(self, generator: Any, controls: Controls) -> threading.Thread:
        """Write the point that these controls are painted from; what cannot be is said, and the show goes on."""
        writing = threading.Thread(target=self._keep, args=(generator, controls), name="vector", daemon=True)
        writing.start()
        return writing

    def _keep(self, generator: Any, controls: Controls) -> None:
        from installation.latent import vectors

        try:
            folder = Path(self.folder) if self.folder else vectors.folder()
            model, path = str(self.show.generator.settings.get("model", "")), folder / vectors.name_now(self.show.name)
            vectors.write(path, generator.where(controls), model, generator.weights_sha256)
            log.info("kept the vector %s", path)
        except Exception as error:  # in a thread of its own nobody else would say it
            log.error("no vector was kept: %s: %s", type(error).__name__, error)


class Footsteps:
    """How long visitors lingered where on the map of the show's model: seconds, and no more."""

    def __init__(self, show: Show) -> None:
        self.model = str(show.generator.settings.get("model", ""))
        self._counted: Any = None
        self._before_s: float | None = None

    def note(self, controls: Controls, now_s: float) -> None:
        """The show is at this place now; counted while the map leads. What cannot be written is said once."""
        since_s, self._before_s = self._before_s, now_s
        values = controls.values
        if since_s is None or not self.model or values.get("generator.to.map", 0.0) < 0.5:
            return
        try:
            if self._counted is None:
                from installation.latent import lingering, maps

                self._counted = lingering.Lingering(maps.folder_of(self.model))
            place = (values.get("generator.map_x", 0.5), values.get("generator.map_y", 0.5))
            self._counted.note(*place, min(now_s - since_s, LONGEST_STEP_S))
            self._counted.save(now_s)
        except (OSError, RuntimeError) as error:
            log.error("where visitors linger is not counted: %s", error)
            self.model = ""
