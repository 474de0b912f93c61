"""What is to be kept in; a file on the disk out: whole or not at all, by the one piece of the program that writes so.

What is looked for by name (a model, an effect, a show, a venue) is found here too, in the working folder, among the
user's own things or among those that came with the program; nothing is ever written among the last.

A file is first written under a temporary name of its own beside the target, `.NAME.PROCESS-MACHINE-RANDOM.part`,
handed to the disk (fsync), given its name in one step (rename), and the folder's entry handed to the disk too. So a
reader, and whoever looks after a kill or a power cut, finds the old file or the new one, never half of one; two
processes that write one name at the same time leave the one that came last, whole. What fails leaves the old file as
it was and nothing beside it; what a kill left half written is found by its name and cleared away by `sweep`.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import reprlib
import secrets
import shutil
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

HERE = f"{zlib.crc32(platform.node().encode()):08x}"  # this machine, in names on a disk that several may see
PART = re.compile(rf"\..+\.(?P<process>\d+)-{HERE}-[0-9a-f]{{8}}\.part(\.[^.]+)?")
SHOWN = reprlib.Repr()
SHOWN.maxlevel, SHOWN.maxstring, SHOWN.maxother, SHOWN.maxlong = 4, 160, 200, 60
SHOWN.maxdict = SHOWN.maxlist = SHOWN.maxtuple = 8
LONGEST_NAME = 255  # bytes that a file's name may have on the usual file systems
LONGEST_FOREIGN_NAME = 150  # leaves room for what is put before and after it
DEVICE = re.compile(r"con|prn|aux|nul|(?:com|lpt)\d", re.IGNORECASE)  # what Windows keeps for itself, in any folder
PACKAGE = Path(__file__).resolve().parent.parent


def shipped(kind: str | Path) -> Path:
    """A folder that comes with the program, such as "models": inside the package where that was installed, else beside
    it, as in a checkout. To be read only."""
    inside = PACKAGE / kind
    return inside if inside.is_dir() else PACKAGE.parent / kind


def of_user(variable: str, usual: str) -> Path:
    """The program's folder below one of the user's, by the XDG rules: below $variable, else below ~/usual. Not made."""
    base = os.environ.get(variable, "")
    return Path(base if os.path.isabs(base) else os.path.expanduser(f"~/{usual}")) / "installation"


def places(kind: str | Path) -> tuple[Path, Path, Path]:
    """Where things of a kind are looked for: ./KIND, then the user's own, then what came along. A kind that is an
    absolute path is that folder and no other."""
    return Path(kind), of_user("XDG_DATA_HOME", ".local/share") / kind, shipped(kind)


def is_one_name(text: object) -> bool:
    """Whether a text is the name of one file on every system: no path, nothing hidden, no device, not too long.

    Whatever a foreign file says that becomes a file's name here is asked this first.
    """
    return (
        isinstance(text, str)
        and 0 < len(text.encode("utf-8", "replace")) <= LONGEST_FOREIGN_NAME
        and text.isprintable()
        and text == text.strip(" ")
        and not text.startswith(".")
        and not text.endswith(".")
        and not set(text) & {*'/\\:*?"<>|'}
        and not DEVICE.fullmatch(text.partition(".")[0].strip())
    )


def shown(value: object) -> str:
    """Anything, as a message shows it: in one line, and of what is long or deep no more than is looked at."""
    return SHOWN.repr(value)


def read_json(path: Path) -> Any:
    """What a JSON file says; None when it is not there, torn, or no JSON that a person or this program wrote."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def find(kind: str | Path, name: str) -> Path | None:
    """The file of this name in the first of the kind's places that has it: find("shows", "bloom.toml")."""
    return next((path for place in places(kind) if (path := place / name).is_file()), None)


def there_are(kind: str | Path, pattern: str) -> list[Path]:
    """Every file that `find` would find by a name of this pattern (such as "*.toml"), in the order of the names.

    What is hidden is left out: it may be half written."""
    found = {path.relative_to(place): path for place in reversed(places(kind)) for path in place.glob(pattern)}
    return [found[name] for name in sorted(found) if not name.parts[0].startswith(".")]


@contextlib.contextmanager
def whole(path: Path, lasting: bool = True, fresh: bool = False) -> Iterator[Path]:
    """A temporary path to write to; it becomes `path` when the block ends well, and is removed when it does not.

    The temporary name ends as `path` does, since encoders choose the format by it. The folder is made. Raises OSError
    (disk full, no permission, name too long): then whatever stood at `path` before stands there still. lasting=False
    leaves out the waiting for the disk, for what is of no use to anybody after a power cut (progress, previews).
    fresh=True replaces nothing: FileExistsError when something stands at `path`, however late it came.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _part_of(path)
    try:
        yield part
        settle(part, path, lasting, fresh)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder, made, to write into; it becomes `path` when the block ends well, and goes when it does not.

    Nothing is ever replaced. Raises FileExistsError when something stands at `path`, and OSError as `whole` does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _part_of(path)
    part.mkdir()
    try:
        yield part
        for inner in (*part.iterdir(), part):
            to_disk(inner)
        if os.path.lexists(path):
            raise FileExistsError(f"{path}: something stands there already")
        os.rename(part, path)
        to_disk(path.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def write_bytes(path: Path, content: bytes, lasting: bool = True) -> None:
    """Write a file whole. Raises OSError, see `whole`."""
    with whole(path, lasting) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str, lasting: bool = True) -> None:
    """Write a UTF-8 text file whole. Raises OSError, see `whole`."""
    write_bytes(path, text.encode(), lasting)


def write_json(path: Path, table: Mapping[str, Any], lasting: bool = True) -> None:
    """Write plain values as JSON, whole. Raises OSError, see `whole`."""
    write_text(path, json.dumps(table, indent=1) + "\n", lasting)


def add_line(path: Path, table: Mapping[str, Any]) -> None:
    """Add a line of JSON to a list that only grows, on the disk when this returns. Raises OSError.

    Several processes may do so at once. Where a kill left the last line torn, the new one begins a line of its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+", buffering=0) as file:
        torn = file.seek(0, os.SEEK_END) and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
        file.write(b"\n" * bool(torn) + json.dumps(table).encode() + b"\n")
        os.fsync(file.fileno())


def set_aside(path: Path, like: Path | None = None) -> Path:
    """Give what stands there the first free name of the kind contact.kept-1.jpg; returns that. Raises OSError.

    like: what it would have been called, where it is a file that was not finished.
    """
    number, name = 1, like or path
    while os.path.lexists(aside := name.with_name(f"{name.stem}.kept-{number}{name.suffix}")):
        number += 1
    os.rename(path, aside)
    return aside


def settle(part: Path, path: Path, lasting: bool = True, fresh: bool = False) -> None:
    """Give a file that was written under another name in the same folder its own one. Raises OSError, see `whole`."""
    if is_special(path):
        raise FileExistsError(f"{path}: a device or a pipe stands there")
    if lasting:
        to_disk(part)
    if fresh:
        _take_free_name(part, path)
    else:
        os.replace(part, path)
    if lasting:
        to_disk(path.parent)


def is_special(path: Path) -> bool:
    """Whether a device, pipe or socket stands there (/dev/stdout): nothing that a file could take the place of."""
    return path.exists() and not (path.is_file() or path.is_dir())


def _take_free_name(part: Path, path: Path) -> None:
    """Rename without replacing: a second name for the same file fails where there is one; some disks know no links."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(path):
            raise FileExistsError(f"{path}: something stands there already") from None
        os.replace(part, path)
    else:
        part.unlink()


def sweep(folder: Path) -> int:
    """Remove what processes of this machine that are no longer alive left half written here; says how many."""
    swept = 0
    for part in folder.glob(".*.part*"):
        found = PART.fullmatch(part.name)
        if found and not is_alive(int(found["process"])):
            with contextlib.suppress(OSError):
                shutil.rmtree(part) if part.is_dir() and not part.is_symlink() else part.unlink()
                swept += 1
    return swept


def is_alive(process: int) -> bool:
    """Whether a process of this machine goes on; one that was killed and is not yet buried by its parent does not."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _part_of(path: Path) -> Path:
    """A name of its own beside the target, no longer than file systems allow."""
    end = f".{os.getpid()}-{HERE}-{secrets.token_hex(4)}.part{path.suffix}"
    name = path.name.encode()[: LONGEST_NAME - len(end.encode()) - 1].decode("utf-8", "ignore")
    return path.with_name(f".{name}{end}")


def to_disk(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk; where folders cannot be opened, not that."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except PermissionError:  # Windows opens no folders
        if path.is_dir():
            return
        raise
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
