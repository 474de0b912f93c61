"""A job's choices.json in, what the artist kept and rejected out; changes of several pages at once, none of them lost.

Every change reads the file, changes it and writes it whole, alone under a lock that the kernel lets go when its owner
ends, however that ends. What cannot be read as a whole is never written over: it is kept aside under a new name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from installation import files

FILE = "choices.json"
WORDS = ("keep", "reject")
PAIR = re.compile(r'"((?:[^"\\]|\\.)+)"\s*:\s*"(keep|reject)"')
PATIENCE_S = 10.0  # another page holds the file for milliseconds


@dataclass(frozen=True)
class Choices:
    """said is {key: "keep" | "reject"}: all of the file, or what can be had of it when fault says what is wrong.

    aside is the name that a faulty file was kept under, once another was written.
    """

    said: dict[str, str] = field(default_factory=dict)
    fault: str = ""
    aside: str = ""


def read_choices(folder: Path) -> Choices:
    """What was chosen in a job; nothing when nothing was. Reads alone: a faulty file stays as it is."""
    try:
        return _understand(_content(folder))
    except OSError as error:
        return Choices(fault=str(error))


def change_choices(folder: Path, change: Callable[[dict[str, str]], dict[str, str]]) -> Choices:
    """Write down what `change` makes of the choices as they are at this moment; a faulty file is kept aside first.

    Raises OSError (disk full, no permission, held by another for 10 s): then the file is as it was.
    """
    with alone(folder / ".work" / "choices.lock"):
        content = _content(folder)
        found = _understand(content)
        aside = _keep_aside(folder, content) if found.fault else ""
        said = change(dict(found.said))
        write_choices(folder, said)
    return Choices(said, found.fault, aside)


def write_choices(folder: Path, said: dict[str, str]) -> None:
    """Put the choices on the disk, whole or not at all. Raises OSError."""
    files.write_json(folder / FILE, dict(sorted(said.items())))


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """One at a time, of all threads and processes that name the same lock file. Raises OSError after 10 s."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=PATIENCE_S):
            yield
    except Timeout:
        raise OSError(f"{lock}: another page has held it for {PATIENCE_S:.0f} s; end that one, or try again") from None


def _content(folder: Path) -> bytes:
    try:
        return (folder / FILE).read_bytes()
    except FileNotFoundError:
        return b""


def _understand(content: bytes) -> Choices:
    if not content.strip():
        return Choices()
    try:
        table = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        where = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else str(error)
        return Choices(dict(PAIR.findall(content.decode("utf-8", "replace"))), where)
    if not isinstance(table, dict):
        return Choices(fault=f"expected a table of choices, found a {type(table).__name__}")
    said = {key: word for key, word in table.items() if word in WORDS}
    odd = [f"{key!r}: {word!r}" for key, word in table.items() if word not in WORDS]
    return Choices(said, f'expected "keep" or "reject", found {", ".join(odd)[:120]}' if odd else "")


def _keep_aside(folder: Path, content: bytes) -> str:
    """Write the same under the first free name; returns the name."""
    number = 1
    while (aside := folder / f"choices.broken-{number}.json").exists():
        number += 1
    files.write_bytes(aside, content)
    return aside.name
