"""A folder of prints in; what in it is the chain's own, to be replaced, and what is somebody's, never to be touched.

Own is what lies there as it was delivered: .work/delivered.jsonl has a line for each file that was ever laid, with the
sha256 of what it held. Lines are only added, so that processes which share a folder, and a kill, leave the others
whole. What an earlier version laid is known by its sidecars. A print that was retouched, a picture of the same name, a
link and a folder are not own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from installation import files
from installation.files import named
from installation.weights import digest

FILE = Path(".work", "delivered.jsonl")
BEFORE_AFTER = ".before-after.jpg"
SHEETS = ("contact.jpg", "stages.jpg")


class State(Enum):
    """What stands at a name: nothing; a file as it was laid; a sheet laid before there was a ledger; another thing."""

    FREE, OWN, OLD, OTHER = range(4)


class NotOurs(OSError):
    """Something that the chain has not made, or that was changed since, stands where a file would go."""

    def __init__(self, out: Path, names: Sequence[str]) -> None:
        kept = ", ".join(str(out / name) for name in names)
        super().__init__(
            f"{kept}: kept, not made here or changed since; move it away, choose another --out, or let --keep-both "
            "give the new print another name"
        )


class Ledger:
    """What was delivered into one folder; `lay` is the only way in."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self._known: dict[str, list[dict[str, Any]]] = {}
        self._read_to = 0

    def state(self, name: str) -> State:
        """What stands at a name of the folder, such as rose.tif or .work/selection.json."""
        path = self.out / name
        if not os.path.lexists(path):
            return State.FREE
        if path.is_symlink() or not path.is_file():
            return State.OTHER
        if laid := self.known().get(name):
            return State.OWN if _is_as_laid(path, laid) else State.OTHER
        return self._before_ledgers(name, path)

    def lay(self, name: str, write: Callable[[Path], None]) -> None:
        """Have a file written and give it its name at once and whole. Raises NotOurs where another's stands there.

        What is written down before the name is given counts after a kill, too.
        """
        target, there = self.out / name, self.state(name)
        if there is State.OLD:
            named.keep(target)
        elif there is State.OWN and name not in self._known:  # an earlier version's: from now on it is known here
            self._add({"name": name, "sha256": digest(target)})
        try:
            with files.whole(target, fresh=there is not State.OWN) as part:
                write(part)
                self._add({"name": name, "sha256": digest(part)})
                if self.state(name) is State.OTHER:
                    raise NotOurs(self.out, [name])
        except FileExistsError as error:
            raise NotOurs(self.out, [name]) from error
        told = target.stat()
        self._add({"name": name, "sha256": digest(target), "bytes": told.st_size, "changed_ns": told.st_ctime_ns})

    def known(self) -> dict[str, list[dict[str, Any]]]:
        """All that was ever laid, by name; another process may have added to it. A torn line is none."""
        try:
            with (self.out / FILE).open("rb") as file:
                file.seek(self._read_to)
                added = file.read()
        except OSError:
            return self._known
        whole = added[: added.rfind(b"\n") + 1]
        self._read_to += len(whole)
        for line in whole.splitlines():
            told = _parsed(line)
            if isinstance(told.get("name"), str) and isinstance(told.get("sha256"), str):
                self._known.setdefault(told["name"], []).append(told)
        return self._known

    def hashes(self) -> set[str]:
        """sha256 of every file that was ever laid."""
        return {told["sha256"] for laid in self.known().values() for told in laid}

    def _add(self, told: dict[str, Any]) -> None:
        files.add_line(self.out / FILE, told)

    def _before_ledgers(self, name: str, path: Path) -> State:
        """What an earlier version laid: prints with their hash in a sidecar, sidecars, sheets and lists."""
        if name.startswith(".work/"):
            return State.OWN if "keys" in _parsed(path.read_bytes()) else State.OLD
        if name.endswith(".json"):
            return State.OWN if read_sidecar(path).get("name") == path.stem else State.OTHER
        laid = [told for sidecar in _beside(path) for told in sidecar.get("files", ()) if told.get("name") == name]
        if laid:
            return State.OWN if _is_as_laid(path, laid) else State.OTHER
        vouching = ".work/sheets.json" if name in SHEETS else f"{name.removesuffix(BEFORE_AFTER)}.json"
        laid_with_it = name in SHEETS or name.endswith(BEFORE_AFTER)
        before = vouching not in self.known() and (self.out / vouching).is_file()
        return State.OLD if laid_with_it and before else State.OTHER


def own_names(folder: Path) -> set[str]:
    """The names in a folder that are prints, sheets and sidecars, by its ledger and by the sidecars that lie there."""
    found = set(Ledger(folder).known())
    if (folder / ".work/sheets.json").is_file():
        found |= set(SHEETS)
    for path in folder.glob("*.json"):
        if told := read_sidecar(path):
            laid = told.get("files", ())
            found |= {path.name, f"{path.stem}{BEFORE_AFTER}", *(str(made.get("name")) for made in laid)}
    return found


def read_sidecar(path: Path) -> dict[str, Any]:
    """What a print's sidecar says, its files and history lists of tables; {} when it is none."""
    try:
        told = _parsed(path.read_bytes()) if path.is_file() else {}
    except OSError:
        return {}
    if told.get("kind") != "print" or not isinstance(told.get("job"), dict):
        return {}
    return told | {key: _tables(told.get(key)) for key in ("files", "history", "inputs", "styles")}


def _is_as_laid(path: Path, laid: Sequence[dict[str, Any]]) -> bool:
    """Whether a file holds what was laid at one time; a large one is read only when it may have changed since."""
    told = path.stat()
    if any((told.st_size, told.st_ctime_ns) == (one.get("bytes"), one.get("changed_ns")) for one in laid):
        return True
    return digest(path) in {one.get("sha256") for one in laid}


def _beside(path: Path) -> Iterator[dict[str, Any]]:
    """The sidecars that a file may belong to: rose.json of rose.lab.tif."""
    parts = path.name.split(".")
    for count in range(1, len(parts)):
        yield read_sidecar(path.with_name(".".join(parts[:count]) + ".json"))


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _tables(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
