"""Files as strangers, disks and half-finished downloads make them in; what was wrong with how they were taken out.

    python tests/fuzz_files.py --seed 1 --count 2000            every door
    python tests/fuzz_files.py --seed 1 --first 17 --count 1 --door moment     one file again

Behind every door (fuzz_doors.py) whole files are changed and opened in a process of its own, which has little memory.
Each must be read, or refused by the room's own kind of error in one line; nothing may be run, unpickled or written
outside of the box; and it must end. What is not so is a finding.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEMORY = 4 << 30  # bytes of address space, over what the process has once everything is imported
PATIENCE_S = 120  # for one file: far more than any takes
TESTS = Path(__file__).resolve().parent
LONGEST_LINE = 1200
RUNS = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "subprocess.Popen", "pickle.find_class")
WRITES = ("os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree")


@dataclass(frozen=True)
class Door:
    """How one kind of file comes in. make(folder) lays whole ones and returns those that are to be changed; open reads
    one; errors are what it may be refused with."""

    make: Callable[[Path], Sequence[Path]]
    open: Callable[[Path], object]
    errors: tuple[type[BaseException], ...]


class Hung(BaseException):
    """A file was not done with in time."""


# ---- what is done to a file
def odd_value(chance: random.Random, box: Path) -> Any:
    """A value where another kind of value belongs."""
    values: list[Any] = [
        *(0, 1, -1, 2, 0.5, -3.5, 1e308, -1e308, 2**31, 2**63, 2**200, 10**400, 1e-300, 5e-324),
        *(math.nan, math.inf, -math.inf, True, False, None),
        *("", " ", "x", "\0", "a\nb", "é" * 200, "x" * 100_000, "-rfoo", "%s%n{0}", "con", "\ud800", "1e999", "٣"),
        *("../../outside/x", "../outside", f"{box.parent}/outside/x", "/dev/zero", "/dev/stdin", "~/x", "/", ".", ".."),
        *("http://127.0.0.1:9/", "file:///etc/passwd", "canary_module", "os", "installation.control", "1m", "99999m"),
        *([], {}, [[]], [None], ["x"], [1, 2], [0.1] * 500, {"x": 1}, {"": {}}, {"a": [{"b": [1]}]}, [[[[[[1]]]]]]),
    ]
    return chance.choice(values)


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in tables and lists."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*here, key)
        yield from places(one, (*here, key))


def change_table(table: Any, chance: random.Random, box: Path) -> Any:
    """The same table with one to three values of another kind, keys gone, doubled, or new."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        there = list(places(table))
        if not there:
            return odd_value(chance, box)
        *path, last = chance.choice(there)
        at = table
        for key in path:
            at = at[key]
        kind, old = chance.randrange(10), at[last]
        if kind == 0 and isinstance(at, dict):
            del at[last]
        elif kind == 1 and isinstance(at, dict):
            at[str(odd_value(chance, box))[:300]] = old
        elif kind == 2 and isinstance(old, int | float) and not isinstance(old, bool):
            at[last] = chance.choice((-old, old * 1_000_000, old / 3, old + 0.5, 0))
        elif kind == 3 and isinstance(old, list):
            at[last] = chance.choice((old * 2, old[:-1], old * 300, [old], old[::-1]))
        elif kind == 4:
            at[last] = {"x": old} if chance.random() < 0.5 else [old]
        elif kind == 5:
            at[last] = str(old)
        else:
            at[last] = odd_value(chance, box)
    return table


def change_bytes(content: bytes, chance: random.Random) -> bytes:
    """The same file torn, cut, doubled, or with some bytes changed."""
    kind, torn = chance.randrange(8), bytearray(content)
    at = chance.randrange(len(torn) + 1)
    end = min(len(torn), at + chance.choice((1, 4, 16, 300)))
    if kind == 0:
        del torn[at:]
    elif kind == 1:
        del torn[at:end]
    elif kind == 2:
        torn[at:at] = torn[at:end] * chance.choice((1, 3, 50))
    elif kind == 3:
        torn[at:end] = bytes(end - at)
    elif kind == 4:
        torn[at:end] = chance.choice(
            (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"[" * 3000, b"\xef\xbb\xbf")
        )
    else:
        for _ in range(chance.choice((1, 2, 5, 30)) if torn else 0):
            torn[chance.randrange(len(torn))] = chance.randrange(256)
    return bytes(torn)


def as_toml(value: Any) -> str:
    """A value as TOML writes it, in one line; what TOML has no word for becomes text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {as_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "")


def changed(path: Path, content: bytes, chance: random.Random, box: Path) -> bytes:
    """A file's content as somebody else would have it: tables with other values, anything with other bytes."""
    import tomllib

    if path.suffix not in (".json", ".toml") or chance.random() < 0.25:
        return change_bytes(content, chance)
    if chance.random() < 0.03:
        return chance.choice(
            (b"[" * 100_000, b'{"a":' * 100_000, b"a = " + b"[" * 5000, b"a" + b".a" * 20_000 + b" = 1")
        )
    text = content.decode("utf-8")
    if path.suffix == ".json":
        table = change_table(json.loads(text), chance, box)
        try:
            return json.dumps(table).encode("utf-8", "surrogatepass")
        except ValueError:  # a whole number of more digits than Python writes
            return json.dumps(table, default=str, skipkeys=True).encode()
    table = change_table(tomllib.loads(text), chance, box)
    lines = [f"{json.dumps(str(k))} = {as_toml(v)}" for k, v in table.items()] if isinstance(table, dict) else ["x = 1"]
    return "\n".join(lines).encode("utf-8", "replace")


# ---- what is watched
class Watch:
    """Python's own word on what is opened, run and unpickled in this process."""

    def __init__(self, box: Path) -> None:
        self.box, self.seen, self.on = str(box.resolve()), list[str](), False
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open" and isinstance(args[0], str | bytes | os.PathLike):
            writes = isinstance(args[1], str) and set(args[1]) & set("wax+")
            writes = writes or (isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            if writes and not self._inside(args[0]):
                self.seen.append(f"wrote {os.fsdecode(args[0])}")
        elif event in WRITES and not all(map(self._inside, [a for a in args if isinstance(a, str | bytes)])):
            self.seen.append(f"{event} {args}")
        elif event in RUNS and "ldconfig" not in str(args[0]):  # Python asks it where libraries are
            self.seen.append(f"ran {event} {args}"[:200])
        elif event == "import" and str(args[0]).startswith("canary"):
            self.seen.append(f"imported {args[0]}")

    def _inside(self, path: Any) -> bool:
        whole = os.path.realpath(os.fsdecode(path))
        return whole == self.box or whole.startswith(self.box + os.sep) or whole == "/dev/null"


def judge(door: Door, path: Path, watch: Watch, canary: Path) -> str:
    """What was wrong with how a file was taken; "" for nothing."""
    fault, before = "", len(watch.seen)
    signal.alarm(PATIENCE_S)
    watch.on = True
    try:
        door.open(path)
    except door.errors as error:
        if type(error) in (KeyError, IndexError):
            fault = f"{error!r} {where(error)}"
        line = str(error)
        if "\n" in line or not line.strip() or len(line) > LONGEST_LINE:
            fault = f"not one line: {type(error).__name__}: {line[:300]!r} {where(error)}"
    except Hung as error:
        fault = f"hung {where(error)}"
    except BaseException as error:
        fault = f"{type(error).__name__}: {str(error)[:300]!r} {where(error)}"
    finally:
        watch.on = False
        signal.alarm(0)
    if canary.exists():
        canary.rmdir()
        fault += " RAN WHAT IT READ"
    return fault + " ".join(watch.seen[before:])


def where(error: BaseException) -> str:
    """The last place of ours, and the last place at all."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/installation/" in f.filename][-1:]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in (*ours, *frames[-1:]))


# ---- one process behind one door
def work(name: str, seed: int, first: int, count: int, box: Path) -> None:
    """Open the files FIRST to FIRST + COUNT behind a door; a line of JSON for each finding, on the standard output."""
    import fuzz_doors

    door, whole, place = fuzz_doors.DOORS[name], box / "whole", box / "place"
    canary = box / "canary"
    fuzz_doors.CANARY = canary
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir()
    samples = [path.relative_to(whole) for path in door.make(whole)]
    for sample in dict.fromkeys(samples):  # a whole file is read; and all that is imported lazily is imported
        lay(whole, place)
        door.open(place / sample)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    watch = Watch(box)
    signal.signal(signal.SIGALRM, _hang)
    for number in range(first, first + count):
        (box / "number").write_text(str(number))
        chance = random.Random(f"{seed}/{name}/{number}")
        sample = chance.choice(samples)
        lay(whole, place)
        content = changed(sample, (whole / sample).read_bytes(), chance, box)
        (place / sample).write_bytes(content)
        if fault := judge(door, place / sample, watch, canary):
            tell(name, number, fault, str(sample))


def tell(name: str, number: int, fault: str, file: str = "") -> None:
    print(json.dumps({"door": name, "number": number, "file": file, "fault": fault}), flush=True)


def work_alone(name: str, seed: int, first: int, count: int, box: Path) -> int:
    """The same in a process of its own, whose last words lie in the box; what it ended with."""
    if pid := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.dup2(os.open(box / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    try:
        work(name, seed, first, count, box)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def work_through(names: Sequence[str], seed: int, first: int, count: int, box: Path) -> None:
    """Every door, and on behind a file at which a process died; a line of JSON for each finding, and one at the end."""
    import fuzz_doors  # once for all of them: it takes longer than most doors

    names, beside = names or list(fuzz_doors.DOORS), {box.name}
    if unknown := set(names) - set(fuzz_doors.DOORS):
        raise SystemExit(f"no door {', '.join(sorted(unknown))}; there are: {', '.join(fuzz_doors.DOORS)}")
    for name in names:
        at, end, reached = first, first + count, box / "number"
        reached.unlink(missing_ok=True)
        while at < end and (code := work_alone(name, seed, at, end - at, box)):
            said = (box / "said").read_text("utf-8", "replace")
            if not reached.exists():
                tell(name, -1, f"whole files: {said[-1500:]}")
                break
            died = int(reached.read_text())
            tell(name, died, f"died with {code}: {said[-600:]}")
            at = died + 1
        if more := {path.name for path in box.parent.iterdir()} - beside:
            tell(name, at, f"wrote beside: {sorted(more)}")
            beside |= more
    print(json.dumps({"doors": len(names)}), flush=True)


def lay(whole: Path, place: Path) -> None:
    """The whole files once more, where the working folder is."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(whole, place)
    os.chdir(place)


def _hang(*_: object) -> None:
    raise Hung


def run(seed: int, count: int, doors: Sequence[str] = (), first: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Every finding of so many files behind each door, and how many doors there were: all of them for none named.

    A process that dies is a finding too; the next one goes on.
    """
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        box = Path(folder) / "box"
        (box / "home").mkdir(parents=True)
        words = [sys.executable, __file__, "--seed", str(seed), "--work", str(box)]
        words += ["--first", str(first), "--count", str(count), *(word for name in doors for word in ("--door", name))]
        environment = os.environ | {"HOME": str(box / "home"), "TMPDIR": str(box), "NO_COLOR": "1"}
        environment["PYTHONPATH"] = str(TESTS.parent)
        environment |= {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        environment |= {f"XDG_{n}_HOME": str(box / "home" / n.lower()) for n in ("CACHE", "DATA", "STATE", "CONFIG")}
        done = subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        *findings, end = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return findings, end["doors"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100, help="files behind each door")
    parser.add_argument("--door", action="append")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        warnings.simplefilter("ignore")
        work_through(options.door or (), options.seed, options.first, options.count, options.work)
        return 0
    findings, doors = run(options.seed, options.count, options.door or (), options.first)
    kinds = Counter((one["door"], " ".join(one["fault"].split()[-3:])) for one in findings)
    for one in findings:
        if kinds.pop((one["door"], " ".join(one["fault"].split()[-3:])), 0):  # the first of each kind
            print(f"{one['door']} {one['number']} {one['file']}: {one['fault']}")
    print(f"{options.count * doors} files behind {doors} doors, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
