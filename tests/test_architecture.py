"""The house rules that a reader would check by hand, read from the source."""

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "installation"
ROOMS = {
    *("machine", "live", "stills"),  # what is done with the rooms below
    *("inputs", "features", "generators", "bending", "networks", "rendering", "control", "pages", "stages", "training"),
}
GROUND = {"signals", "settings", "clock", "plugins", "weights", "packets", "children", "frames", "pictures", "memory"}
MAY_ALSO_USE = {
    "generators": {"bending", "networks"},
    "stages": {"generators", "bending", "networks", "rendering"},
    "training": {"generators", "bending", "networks", "stages"},
    "live": ROOMS - {"machine", "stills"},
    "stills": ROOMS - {"machine"},
    "machine": ROOMS,
}
HEAVY = {
    "torch": {"generators", "bending", "networks", "stages", "training"},
    "moderngl": {"rendering"},
    "glfw": {"rendering"},
    "mediapipe": {"features"},
    "cv2": {"inputs", "features", "stages"},
    "sounddevice": {"inputs"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Dotted names that a file imports."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


@pytest.mark.parametrize("path", [f for f in FILES if room_of(f)], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_itself_and_the_ground_it_stands_on(path: Path) -> None:
    room = room_of(path)
    allowed = GROUND | {room} | MAY_ALSO_USE.get(room, set())
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("installation.")}
    assert ours <= allowed, f"{path.name} reaches into {sorted(ours - allowed)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_libraries_live_in_their_rooms_only(path: Path) -> None:
    for library, rooms in HEAVY.items():
        if any(name.split(".")[0] == library for name in imports(path, top_level_only=True)):
            assert room_of(path) in rooms, f"{path.name} imports {library} at the top"


@pytest.mark.parametrize("name", sorted(GROUND))
def test_the_ground_imports_no_room(name: str) -> None:
    path = PACKAGE / f"{name}.py"
    ours = {n.split(".")[1] for n in imports(path) if n.startswith("installation.")}
    assert not ours & ROOMS


def test_help_answers_in_under_a_third_of_a_second() -> None:
    began = time.perf_counter()
    answer = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "installation", "--help"], capture_output=True, text=True
    )
    took_s = time.perf_counter() - began
    assert answer.returncode == 0 and "live" in answer.stdout
    heavy = {"torch", "numpy", "moderngl", "mediapipe", "cv2"}
    imported = {line.rpartition("|")[2].strip() for line in answer.stderr.splitlines()}
    assert not heavy & imported, f"--help imports {heavy & imported} (it took {took_s:.2f} s)"


def test_no_product_file_runs_code_from_a_file_it_opens() -> None:
    for path in FILES:
        tree = ast.parse(path.read_text("utf-8"))
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not calls & {"eval", "exec", "pickle.load", "pickle.loads"}, path
        loads = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "torch.load"]
        assert all("weights_only=True" in ast.unparse(load) for load in loads), path
