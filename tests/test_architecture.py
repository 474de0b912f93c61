"""The house rules that a reader would check by hand, read from the source."""

import ast
import collections
import functools
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from installation import plugins

PACKAGE = Path(__file__).resolve().parent.parent / "installation"
GROUND = {
    *("signals", "settings", "clock", "plugins", "weights", "packets", "children", "frames", "pictures", "memory"),
    *("pen", "files", "senders", "sources", "sounds", "weight_files", "checking", "__version__"),
}
IN_SEVERAL = {"files", "pen", "pictures", "settings"}  # pieces of the ground in several modules
BELOW = {
    "inputs",
    "features",
    "generators",
    "latent",
    "formats",
    "bending",
    "networks",
    "rendering",
    "control",
    "pages",
    "stages",
    "training",
}
ABOVE = {"live", "stills", "machine"}
ROOMS = BELOW | ABOVE
MAY_ALSO_USE = {
    "bending": {"networks"},
    "generators": {"bending", "networks"},
    "formats": {"generators", "networks"},  # what a network is, and the one reader of foreign files
    "latent": {"generators", "networks"},
    "stages": {"bending", "networks", "rendering"},
    "training": {"generators", "bending", "networks", "stages"},
    "live": BELOW - {"stages", "networks", "training", "bending", "formats"},
    "stills": {"live"}
    | BELOW - {"inputs", "formats", "features", "control", "bending", "latent", "networks", "training"},
    "machine": ROOMS,
    "": ROOMS,  # the command line
}
HEAVY = {
    "torch": {"generators", "formats", "latent", "bending", "networks", "stages", "training"},
    "moderngl": {"rendering"},
    "glfw": {"rendering"},
    "mediapipe": {"features"},
    "cv2": {"inputs", "features", "generators", "networks", "pen", "rendering", "stages"},
    "sounddevice": {"inputs"},
    "rtmidi": {"control", "inputs"},
    "aalink": {"inputs"},
    "librosa": {"features"},
    "starlette": {"pages"},
    "uvicorn": {"pages"},
    "websockets": {"control"},  # a whole server of small requests: no web framework is needed beside it
    "zeroconf": {"control"},
}
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE = 260  # lines


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def text_of(path: Path) -> str:
    return path.read_text("utf-8")


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path))


def called(path: Path) -> str:
    """How a file is named where it breaks a rule."""
    return str(path.relative_to(PACKAGE))


def imports(tree: ast.Module, package: str, top_level_only: bool = False) -> Iterator[str]:
    """Dotted names that a file imports, relative ones resolved, and what import_module is handed as text."""
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            above = parts[: len(parts) - node.level + 1] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in (
            "import_module",
            "__import__",
        ):
            yield from _handed(node, package)


def _handed(call: ast.Call, package: str) -> Iterator[str]:
    """The literal beginning of what an import function is handed: `f"installation.{x}"` counts up to its first hole."""
    first = call.args[0] if call.args else None
    start = first.values[0] if isinstance(first, ast.JoinedStr) and first.values else first
    if isinstance(start, ast.Constant) and isinstance(start.value, str):
        dots = len(start.value) - len(start.value.lstrip("."))
        above = ".".join(package.split(".")[: 1 - dots or None]) + "." if dots else ""
        yield above + start.value.lstrip(".").rstrip(".")


@functools.cache
def read(path: Path, top_level_only: bool = False) -> frozenset[str]:
    package = ".".join(["installation", *path.relative_to(PACKAGE).parent.parts])
    return frozenset(imports(tree_of(path), package, top_level_only))


def ours(names: Iterable[str]) -> set[str]:
    """The rooms and ground modules among imported names."""
    return {name.split(".")[1] for name in names if name.startswith("installation.")}


@pytest.mark.parametrize(
    "source",
    [
        "from installation.rendering import isf",
        "from installation import rendering",
        "import installation.rendering.isf",
        "from ..rendering import isf",
        "from .. import rendering",
        "from importlib import import_module\nimport_module('installation.rendering.isf')",
        "import importlib\nimportlib.import_module(f'installation.rendering.{name}')",
        "import importlib\nimportlib.import_module('..rendering', 'installation.inputs')",
        "def late():\n    __import__('installation.rendering')",
    ],
)
def test_no_way_of_importing_a_room_goes_unseen(source: str) -> None:
    assert "rendering" in ours(imports(ast.parse(source), "installation.inputs"))


def allowed_to(path: Path) -> set[str]:
    """The rooms and pieces of the ground that a file may import."""
    room = room_of(path)
    if room in GROUND or (room == "" and path.stem not in ("__main__", "__init__")):
        return GROUND
    return GROUND | {room} | MAY_ALSO_USE.get(room, set())


def test_imports_run_downwards_only() -> None:
    beyond = {called(path): ours(read(path)) - allowed_to(path) for path in FILES}
    assert not {path: sorted(rooms) for path, rooms in beyond.items() if rooms}


def test_nothing_lies_at_the_root_but_the_ground_and_the_command_line() -> None:
    loose = {path.stem for path in PACKAGE.glob("*.py")} | IN_SEVERAL
    assert loose == (GROUND | {"__main__", "__init__"}) - {"__version__"}
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms == ROOMS | IN_SEVERAL | {"shows", "recordings"}


def test_the_stages_room_holds_stages_and_what_several_of_them_share() -> None:
    room = PACKAGE / "stages"
    stages = set(plugins.available("stages"))
    folders = {path.name for path in room.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= stages, f"no stage: {sorted(folders - stages)}"
    shared = {path.stem for path in room.glob("*.py")} - stages - {"__init__", "work"}
    assert len(shared) <= 4, f"more than four modules beside the stages: {sorted(shared)}"
    for name in shared:
        users = _stages_that_use(name, shared)
        assert len(users) > 1, f"stages/{name}.py serves {sorted(users)} alone: it belongs there"


def _stages_that_use(name: str, shared: set[str]) -> set[str]:
    """Stages that import stages/<name>.py, themselves or through another module that they share."""
    room, users = PACKAGE / "stages", set()
    for path in room.rglob("*.py"):
        if path.stem != name and f"installation.stages.{name}" in read(path):
            user = path.relative_to(room).parts[0].removesuffix(".py")
            users |= _stages_that_use(user, shared - {name}) if user in shared else {user}
    return users


def test_heavy_libraries_live_in_their_rooms_only() -> None:
    strangers = {}
    for path in FILES:
        at_the_top = {name.split(".")[0] for name in read(path, top_level_only=True)}
        strangers[called(path)] = [n for n, rooms in HEAVY.items() if n in at_the_top and room_of(path) not in rooms]
    assert not {path: libraries for path, libraries in strangers.items() if libraries}


def test_a_file_can_be_read_in_one_sitting() -> None:
    lines = {called(path): len(text_of(path).splitlines()) for path in FILES}
    assert not {path: count for path, count in lines.items() if count > LONGEST_FILE}


@pytest.mark.parametrize(
    "words",
    [
        *(
            [],
            ["live"],
            ["film"],
            ["calibrate"],
            ["still"],
            ["bench"],
            ["models"],
            ["models", "render"],
            ["latent"],
            ["desk"],
        ),
        *(["train"], ["train", "gan"], ["corpus"]),
    ],
)
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    line = [sys.executable, "-X", "importtime", "-m", "installation", *words, "--help"]
    answer = subprocess.run(line, capture_output=True, text=True)
    assert answer.returncode == 0 and "--help" in answer.stdout
    imported = {line.rpartition("|")[2].strip() for line in answer.stderr.splitlines()}
    heavy = {*HEAVY, "numpy", "PIL", "scipy", "pyvips", "psutil"}
    assert not heavy & imported, f"{' '.join(words)} imports {heavy & imported}"


def test_no_product_file_runs_code_from_a_file_it_opens() -> None:
    for path in FILES:
        calls = [(ast.unparse(n.func), n) for n in ast.walk(tree_of(path)) if isinstance(n, ast.Call)]
        assert not {name for name, _ in calls} & {"eval", "exec", "pickle.load", "pickle.loads"}, path
        loads = [call for name, call in calls if name == "torch.load"]
        assert all("weights_only=True" in ast.unparse(load) for load in loads), path


def test_what_takes_pictures_elsewhere_is_imported_by_its_own_output_alone() -> None:
    its_own = {"NDIlib": "ndi", "pyvirtualcam": "virtual_camera", "SpoutGL": "spout", "syphon": "syphon"}
    for path in FILES:
        found = {name.split(".")[0] for name in read(path)} & set(its_own)
        assert all(path.stem == its_own[library] for library in found), path


def test_nothing_is_defined_that_nobody_reads() -> None:
    """Functions, classes and constants of the package; the operations of bends alone are found by name."""
    words = collections.Counter(word for path in FILES for word in re.findall(r"\w+", text_of(path)))
    for path in FILES:
        if path.relative_to(PACKAGE) == Path("bending/operations.py"):
            continue
        unread = {name for name in defined(tree_of(path)) if words[name] == 1}
        assert not unread, f"{path.relative_to(PACKAGE)}: nobody reads {sorted(unread)}"


def defined(tree: ast.Module) -> Iterator[str]:
    """The names that a module defines at its top."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (name.id for t in targets for name in ast.walk(t) if isinstance(name, ast.Name))
