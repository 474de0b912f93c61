"""Every models/<name>/model.toml in; which weights are here and whole out, and how to get the others.

Each file is looked for where the program would take it from (the model's folder, the user's cache, an installed
package) and checked by what its model.toml publishes: its sha256, the first digits of it, or else its format.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from installation import files, weights
from installation.machine.doctor.finding import Finding, pip_install
from installation.weights import WeightsError

HANDS = "hands"  # the one that is fetched here: the show wants it once a camera is there
DEFAULT = "bloom"  # what the show paints with unless told; needed even when its card cannot be read
HDF5 = b"\x89HDF\r\n\x1a\n"
NAME_WIDTH = 24


@dataclass(frozen=True)
class Model:
    """One folder of models/: its table, the first of its files that is not here, what is wrong with one that is."""

    name: str
    card: dict[str, Any] = field(default_factory=dict)
    absent: str = ""
    torn: str = ""

    @property
    def needed_by(self) -> str:
        return str(self.card.get("needed_by", "the show" if self.name == DEFAULT else ""))

    @property
    def sources(self) -> list[dict[str, Any]]:
        return list(self.card.get("source", []))

    @property
    def by_hand(self) -> bool:
        """Whether its publisher offers it, and no package and no address with a checksum."""
        return "url" in self.card and not self.sources

    @property
    def on_request(self) -> bool:
        """Whether it is fetched by whatever asks for it by name, and missed by nothing else."""
        return self.card.get("on_request") is True

    @property
    def target(self) -> Path:
        """Where a file that is fetched goes."""
        return weights.cache() / str(self.card.get("name", self.name)) / str(self.card.get("file", ""))


def look_at_models(subject: str) -> Iterator[Finding]:
    """A line for each model, those that are fetched by hand last; the hand model is fetched when it is not here yet."""
    for folder in sorted(weights.find_all(), key=lambda folder: (_is_by_hand(folder), folder.name)):
        model, why = read_model(folder), ""
        if folder.name == HANDS and (model.absent or model.torn):
            try:
                weights.hand_model(lambda words: print(words, file=sys.stderr, flush=True))
                model = read_model(folder)
            except WeightsError as error:
                why = str(error)
        yield judge_model(subject, model, why, needed=folder.name != HANDS or _has_camera())


def _is_by_hand(folder: Path) -> bool:
    try:
        return Model(folder.name, weights.read_config(folder)).by_hand
    except WeightsError:
        return False


def _has_camera() -> bool:
    from installation import plugins

    return bool(plugins.load("inputs", "camera").devices())


def read_model(folder: Path) -> Model:
    """What is so about one model. Fetches nothing, unpickles nothing, runs nothing of a package."""
    try:
        card = weights.read_config(folder)
        if "source" in card:  # nobody is told to install what a stranger's folder names
            card["source"] = weights.own_sources(folder)
    except WeightsError as error:
        return Model(folder.name, torn=str(error))
    main = str(card.get("file", "weights.safetensors"))
    for file in dict.fromkeys(str(s.get("file", main)) for s in card.get("source", [])) or [main]:
        there = {path: sums for path, sums in _places(folder, card, file) if path.is_file()}
        reasons = [reason for path, sums in there.items() if (reason := wrong_with(path, sums, card))]
        if not there:
            return Model(folder.name, card, absent=file)
        if len(reasons) == len(there):
            return Model(folder.name, card, torn=reasons[0])
    return Model(folder.name, card)


def _places(folder: Path, card: dict[str, Any], file: str) -> Iterator[tuple[Path, set[str]]]:
    """Where a file may lie, and the sha256 that are right there (none: its publisher states none)."""
    sources = [s for s in card.get("source", []) if s.get("file", file) == file]
    sums = {str(s["sha256"]) for s in sources if "sha256" in s}
    own = {str(card["sha256"])} if "sha256" in card else set()
    yield folder / file, own or sums
    yield weights.cache() / str(card.get("name", folder.name)) / file, sums or own
    for source in sources:
        path = weights.place_in_package(source) if source.get("kind") == "package" else None
        if path is not None:
            yield path, {str(source.get("sha256", ""))}


def wrong_with(path: Path, sums: set[str], card: dict[str, Any]) -> str:
    """What is wrong with a file; empty when it is whole."""
    found, begins = weights.digest(path), str(card.get("sha256_begins", ""))
    if sums and found not in sums:
        return f"{path} has another sha256 than its model.toml states"
    if not found.startswith(begins):
        return f"{path} has a sha256 that does not begin with {begins}"
    if path.suffix in (".h5", ".hdf5") and not sums and not _begins_with(path, HDF5):
        return f"{path} is no HDF5 file"
    if path.suffix == ".safetensors":
        try:
            weights.check_safetensors(path)
        except WeightsError:
            return f"{path} is no whole safetensors file"
        if not sums:
            return f"{path.name} is here, but model.toml states no sha256; it should be {found}"
    return ""


def _begins_with(path: Path, signature: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(signature)) == signature


def judge_model(subject: str, model: Model, why: str = "", needed: bool = True) -> Finding:
    """The line of one model; only what the show or the prints cannot do without can be missing."""
    called, why = f"{model.name:<{NAME_WIDTH}}", f" ({why})" * bool(why)
    state = "missing" if model.needed_by and needed else "note"
    if model.torn:
        return Finding(subject, state, f"{called}{model.torn}{why}", _way_to(model, again=True), "torn")
    if not model.absent:
        use = f"for {model.needed_by}" if model.needed_by else "optional" if model.by_hand else "your own"
        return Finding(subject, "ok", f"{called}{use}")
    if model.by_hand or model.on_request:
        how = "by hand" if model.by_hand else f"when it is asked for: {model.needed_by}"
        return Finding(subject, "note", f"{called}optional, fetched {how}", _way_to(model), "optional")
    lack = f"for {model.needed_by}: not here" if model.needed_by else f"{model.absent} is not here"
    return Finding(subject, state, f"{called}{lack}{why}", _way_to(model), "absent")


def _way_to(model: Model, again: bool = False) -> str:
    """The one line that fetches a model, or that says who must."""
    package = next((s for s in model.sources if s.get("kind") == "package"), None)
    if package:
        anew = "--force-reinstall " if again else ""
        return pip_install(f"{anew}--no-deps {shlex.quote(str(package['requirement']))}")
    if model.sources:
        return "installation doctor (while this machine is online)"
    if "named_by" in model.card:
        return f"download it from {model.card['url']}, then: installation still ... {model.card['named_by']}"
    if model.by_hand:
        return f"curl -fL --create-dirs -o {shlex.quote(str(model.target))} {shlex.quote(str(model.card['url']))}"
    return f"copy its folder to {files.places('models')[1] / model.name} again"
