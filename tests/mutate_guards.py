"""The program's guards in; out, by chance taken out one at a time, those that no test misses. Run by hand.

    python tests/mutate_guards.py --seed 1 --count 16 --room stills --room control

A guard is an `if` that only raises, returns, goes on or breaks; an `except`, or a suppressed error; a loop that tries
again; a number kept in its bounds. Each is taken out in a copy of the tree, never here; the tests of its room and
those that import its module then run up to the first failure. What survives needs a test, or is of no use and can go.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = {
    "stills": ("tests/stills", "tests/pages/test_choices.py", "tests/pages/test_following.py"),
    "control": ("tests/control", "tests/live/test_loop.py", "tests/live/test_dmx_live.py"),
    "live": ("tests/live", "tests/stills/test_prints_written_before.py"),
    "rendering": ("tests/rendering",),
}
LEFT_BEHIND = {".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
LONGEST_S = 900  # a mutant that hangs is one that was noticed
LEAVES = (ast.Raise, ast.Return, ast.Continue, ast.Break)


@dataclass(frozen=True)
class Guard:
    """One guard of one file: the how-manieth node of its tree, the first line of its text, what is done to it."""

    path: Path
    line: int
    number: int
    deed: str
    text: str


class Remover(ast.NodeTransformer):
    """Takes the guard with that number out, or, without a number, lists all that could be."""

    def __init__(self, number: int = -1) -> None:
        self.number, self.seen = number, 0
        self.found: list[tuple[int, int, str]] = []

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for deed, without in changes(node):
            self.seen += 1
            self.found.append((self.seen, node.lineno, deed))  # type: ignore[attr-defined]
            if self.seen == self.number:
                return ast.copy_location(without, node)
        return node


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What could be done to this node: the name of the deed, and what would stand there instead."""
    match node:
        case ast.If(body=[statement], orelse=[]) if isinstance(statement, LEAVES):
            yield "never true", ast.Pass()
        case ast.ExceptHandler() if not isinstance(node.body[-1], ast.Raise):
            yield "not caught", ast.ExceptHandler(node.type, node.name, [ast.Raise()])
        case ast.With(items=[ast.withitem(context_expr=ast.Call(func=called))]) if "suppress" in ast.unparse(called):
            yield "not suppressed", ast.If(ast.Constant(True), node.body, [])
        case ast.For(target=ast.Name(id="_"), iter=ast.Call(func=ast.Name(id="range"))):
            once = ast.Call(ast.Name("range", ast.Load()), [ast.Constant(1)], [])
            yield "tried once", ast.For(node.target, once, node.body, node.orelse)
        case ast.Call(func=ast.Name(id="min" | "max"), args=[first, second], keywords=[]):
            for bound, value in ((first, second), (second, first)):
                if isinstance(bound, ast.Constant) or (isinstance(bound, ast.Name) and bound.id.isupper()):
                    yield f"without the bound {ast.unparse(bound)}", value


def guards_of(path: Path) -> list[Guard]:
    """All guards of a file."""
    text = path.read_text("utf-8")
    lister = Remover()
    lister.visit(ast.parse(text))
    lines = text.splitlines()
    return [Guard(path.relative_to(ROOT), line, n, deed, lines[line - 1].strip()) for n, line, deed in lister.found]


def without(guard: Guard, text: str) -> str:
    """The text of the guard's file, less the guard."""
    return ast.unparse(ast.fix_missing_locations(Remover(guard.number).visit(ast.parse(text))))


def test(copy: Path, places: Sequence[str]) -> bool:
    """Whether these tests pass in the copy; one that does not come to an end has failed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *places]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        return subprocess.run(command, cwd=copy, env=environment, timeout=LONGEST_S, **quiet).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def nearest_first(guard: Guard) -> list[str]:
    """The test files of the guard's room and what else imports its module, those that speak most of that first: the
    first failure is the end."""
    module = guard.path.parent if guard.path.stem == "__init__" else guard.path.with_suffix("")
    room, name = ".".join(module.parts[:-1]), module.name
    imports = re.compile(rf"\b{room}\.{name}\b|\bfrom {room} import [^\n]*\b{name}\b")
    places = [ROOT / place for place in TESTS[guard.path.parts[1]]]
    texts = {file: file.read_text("utf-8") for file in sorted((ROOT / "tests").rglob("test_*.py"))}
    files = [f for f, text in texts.items() if imports.search(text) or any(f.is_relative_to(place) for place in places)]
    files.sort(key=lambda file: (name not in file.stem, -len(re.findall(rf"\b{name}\b", texts[file]))))
    return [str(file.relative_to(ROOT)) for file in files]


def survives(copy: Path, guard: Guard, nearest: int | None = None) -> bool:
    """Whether the tests of its room, or the `nearest` of its files, pass without the guard."""
    place = copy / guard.path
    whole = place.read_text("utf-8")
    place.write_text(without(guard, whole), "utf-8")
    try:
        return test(copy, nearest_first(guard)[:nearest])
    finally:
        place.write_text(whole, "utf-8")


def main() -> int:
    """Print each guard with what became of it; 1 when one survived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="which guards chance takes")
    parser.add_argument("--count", type=int, default=16, help="how many are taken out")
    parser.add_argument("--room", choices=TESTS, action="append", help="only of this room; may be given again")
    parser.add_argument("--sure", action="store_true", help="all tests are known to pass: do not begin with that")
    parser.add_argument("--nearest", type=int, metavar="N", help="so many test files: what survives is not sure")
    parser.add_argument("--skip", type=int, default=0, metavar="N", help="the first of those taken, done before")
    parser.add_argument("--list", action="store_true", help="print them, and take none out")
    options = parser.parse_args()
    rooms = options.room or list(TESTS)
    files = [path for room in rooms for path in sorted((ROOT / "installation" / room).rglob("*.py"))]
    every = [guard for path in files for guard in guards_of(path)]
    chosen = random.Random(options.seed).sample(every, min(options.count, len(every)))[options.skip :]
    if options.list:
        for guard in chosen:
            print(f"{guard.path}:{guard.line}: {guard.deed}: {guard.text}")
        return 0
    with tempfile.TemporaryDirectory(prefix="guards-") as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=lambda _, names: LEFT_BEHIND.intersection(names))
        if (ROOT.parent / "shared").exists():
            (Path(folder) / "shared").symlink_to((ROOT.parent / "shared").resolve())
        for room in () if options.sure else rooms:
            if not test(copy, TESTS[room]):
                parser.error(f"{room}: its tests fail with all guards in place")
        survivors = 0
        for guard in chosen:
            survived = survives(copy, guard, options.nearest)
            survivors += survived
            word = "SURVIVED" if survived else "noticed"
            print(f"{word:<9} {guard.path}:{guard.line}: {guard.deed}: {guard.text}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} noticed ({len(every)} guards in {', '.join(rooms)})")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
