"""Models by name and a budget of memory in, their generators out: opened by a thread of its own, one after another.

The one that was not shown for longest makes room. Whoever asks is told what is there, and never waits.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from installation import signals, weights
from installation.children import give_way
from installation.settings import Part

BYTES_A_NUMBER = 10  # that an open model holds for each of its weights: as trained, as played, and on the way
BYTES_WRITTEN = 4  # of each in a file of its own format
NICENESS = 15
FAULT = "model"
log = logging.getLogger("installation.generators")


class Opener:
    """What is open of some models; acts are done to each before anybody sees it. Whoever first asks lets it begin.

    Every method may be called from any thread.
    """

    def __init__(self, models: Mapping[str, Part], memory_mb: float, open_part: Callable[[Part], Any]) -> None:
        self.models, self.memory_mb, self.level = dict(models), memory_mb, 0
        self.faults: Counter[str] = Counter()
        self._needs = {name: needed_mb(part) for name, part in models.items()}
        self._open_part, self.acts = open_part, list[Callable[[Any], None]]()
        self._open: OrderedDict[str, Any] = OrderedDict()  # the one that was shown last stands last
        self._wanted: list[str] = list(models)
        self._asked: set[str] = set()  # those that are not only opened ahead
        self._visible: set[str] = set()
        self._refused: set[str] = set()
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="models", daemon=True)
            self._thread.start()

    def found(self, name: str) -> Any:
        """The generator of a model, None while it is not open."""
        with self._change:
            return self._open.get(name)

    def all(self) -> list[Any]:
        """Every generator that is open."""
        with self._change:
            return list(self._open.values())

    def show(self, names: Iterable[str]) -> list[Any]:
        """The generators of the models that are seen now, None for one that is not open yet: it is asked for."""
        with self._change:
            self._begin()
            self._visible = set(names)
            for name in names:
                if name in self._open:
                    self._open.move_to_end(name)
                else:
                    self._want(name)
            return [self._open.get(name) for name in names]

    def settle(self, names: Iterable[str], timeout_s: float) -> bool:
        """Ask for these and wait until nothing is to be opened any more; False when time is up."""
        with self._change:
            self._begin()
            for name in names:
                self._want(name)
            return self._change.wait_for(lambda: not self._wanted, timeout_s)

    def _want(self, name: str) -> None:
        self._asked.add(name)
        if name not in self._open and name not in self._wanted and name not in self._refused:
            self._wanted.append(name)
            self._change.notify_all()

    def _work(self) -> None:
        """Open what is wanted for as long as the process lives."""
        give_way(NICENESS)
        while True:
            with self._change:
                self._change.wait_for(lambda: self._wanted)
                name = self._wanted[0]
                room = self._make_room(name)
            opened = self._opened(name) if room else None
            with self._change:
                if opened is not None:
                    self._open[name] = opened
                    self._open.move_to_end(name, last=False)  # it has not been shown yet
                    opened.shed(self.level)
                self._wanted.remove(name)
                self._change.notify_all()

    def _make_room(self, name: str) -> bool:
        """Let go of what was not shown for longest until this one fits, never of what is seen just now.

        One that is only opened ahead drives out nobody; it comes when it is asked for.
        """
        need = self._needs[name]
        while need <= self.memory_mb < need + sum(self._needs[one] for one in self._open):
            oldest = next(iter(self._open))
            if name not in self._asked or oldest in self._visible:
                return False
            del self._open[oldest]
        if need > self.memory_mb:
            self._refuse(name, f"needs about {need:.0f} MB, models_mb allows {self.memory_mb:.0f}")
        return need <= self.memory_mb

    def _opened(self, name: str) -> Any:
        """The generator of a model with all that was done to the others; None, said and counted, if it cannot be."""
        try:
            opened = self._open_part(self.models[name])
            for act in self.acts:
                act(opened)
            if opened.device.type == "cpu":  # its first picture takes longer; a GPU's is captured where it is painted
                opened.render(signals.Controls(0.0, {}))
            return opened
        except Exception as error:  # whatever it is, the show goes on with the model that it has
            self._refuse(name, f"cannot be opened: {error}")
            return None

    def _refuse(self, name: str, why: str) -> None:
        log.error("model %s %s: left out", name, why)
        self.faults[FAULT] += 1
        self._refused.add(name)


def needed_mb(part: Part) -> float:
    """About how much memory a generator's model takes while it is open. Raises WeightsError where there is none."""
    from safetensors import safe_open

    if not (model := str(part.settings.get("model", ""))):
        return 0.0
    if part.name == "onnx":  # of which the runtime alone knows how many numbers it holds
        path = weights.find(model) / str(weights.read_config(model).get("file", ""))
        if not path.is_file():
            raise weights.WeightsError(f"{path}: no such file")
        return path.stat().st_size / BYTES_WRITTEN * BYTES_A_NUMBER / 1e6
    _, path = weights.open_model(model)
    with safe_open(path, "pt") as file:
        numbers = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    return numbers * BYTES_A_NUMBER / 1e6
