"""A generator and a picture's controls in; the point that it was painted from, as a file of the user's own, out."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

from installation.settings import Show
from installation.signals import Controls

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
