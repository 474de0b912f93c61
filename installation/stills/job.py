"""What was asked of the print chain in (command line, job file or the sidecar of a print), one checked Job out."""

from __future__ import annotations

import dataclasses
import math
import os
import tomllib
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from installation import files, plugins
from installation.pictures import PictureError, split_weight
from installation.settings import SettingsError, check, read_toml
from installation.stills import ledger

ALL_STAGES = (  # matting before composition, other than in the source: paper over another object looks like a highlight
    "saliency",
    "matting",
    "composition",
    "slomo_glitch",
    "selection",
    "colour",
    "clean",
    "lines",
    "upscale",
    "print_file",
)
ON_REQUEST = {"dream": "colour", "plotter": "lines", "drawing": "lines"}  # and before which of them
REFERENCES = "references"
WHOLE_PICTURE = ("colour", "upscale", "print_file")  # what a moment or a picture goes through unless told otherwise
EFFORTS = ("proof", "draft", "print")
LEAST_WORKING_PX, GROWTH = 640, 4
LARGEST_PX = 500_000  # each way: 50 m at 254 dpi


@dataclass(frozen=True)
class Job:
    """One order: inputs (moments, pictures, folders of references), what size, in which style, through which stages.

    size (width, height) in pixels, (0, 0) = 2000 px along the longer side; width and height as lengths ("1m", "40in")
    at dpi go before it. styles are "path:weight". settings holds a table for each stage, over what the effort says.
    Of a print that is made again: only is its still, names what its print is called, sha256 {path: hash} what its
    pictures were when its sidecar was written.
    """

    inputs: tuple[str, ...]
    out: str = "prints"
    size: tuple[int, int] = (0, 0)
    width: str = ""
    height: str = ""
    dpi: float = 254.0
    styles: tuple[str, ...] = ()
    variants: int = 4
    effort: str = "draft"
    seed: int = 0
    stages: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)


def ask(options: Namespace) -> Job:
    """The job that the command line describes; a job file or a sidecar among the inputs is the base it changes.

    Raises SettingsError or PictureError saying what was expected, found and what to do.
    """
    orders = [path for path in options.inputs if path.suffix == ".toml" or _is_sidecar(path)]
    if len(orders) > 1 or (orders and len(options.inputs) > 1):
        raise SettingsError("a job file or a print's .json says everything: give it alone, options may change it")
    table: dict[str, Any] = _read(orders[0]) if orders else {"inputs": [str(path) for path in options.inputs]}
    if orders and options.out is None and "out" in table:
        table["out"] = _within(orders[0], table["out"])
    for name in ("out", "size", "width", "height", "dpi", "variants", "effort", "seed"):
        if (value := getattr(options, name)) is not None:
            table[name] = str(value) if isinstance(value, Path) else value
    if options.style:
        table["styles"] = options.style
    if options.stages:
        table["stages"] = options.stages.replace(",", " ").split()
    base = orders[0].parent if orders else Path()
    job = check(Job, table, orders[0].name if orders else "still")
    for assignment in options.set or ():
        stage, key, value = _assignment(assignment)
        job.settings.setdefault(stage, {})[key] = value
    if options.sheets:
        job.settings.setdefault("print_file", {})["sheets"] = options.sheets
    return verify(_anchor(job, base))


def verify(job: Job) -> Job:
    """The same job, when everything it names is there. Raises SettingsError or PictureError otherwise."""
    if not job.inputs:
        raise SettingsError("nothing to print: name a moment, a picture, a folder of references, or a job file")
    if job.effort not in EFFORTS:
        raise SettingsError(f"effort: expected one of {', '.join(EFFORTS)}, found {files.shown(job.effort)}")
    if job.variants < 1:
        raise SettingsError(f"variants: expected 1 or more, found {job.variants}")
    for name in (*job.stages, *job.settings):
        if name not in plugins.available("stages"):
            plugins.load("stages", name)  # raises, naming the nearest one
    for name, table in job.settings.items():
        check(plugins.load("stages", name).Settings, table, name)
    for text in job.inputs:
        if not os.path.lexists(text):  # a link that leads nowhere costs itself alone
            raise SettingsError(f"{files.shown(text)}: no such moment, picture or folder")
    for style in job.styles:
        if not os.path.isfile(split_weight(style)[0]):  # whatever the text is: too long, with a zero in it
            raise PictureError(
                f"{files.shown(split_weight(style)[0])}: no such style picture; --style PICTURE[:WEIGHT]"
            )
    if job.size != (0, 0) and not all(1 <= px <= LARGEST_PX for px in job.size):
        raise SettingsError(f"size: expected 1 to {LARGEST_PX:,} px each way, found {job.size[0]} x {job.size[1]}")
    if not (job.dpi > 0 and math.isfinite(job.dpi)):
        raise SettingsError(f"dpi: expected a number above 0, found {job.dpi}")
    if max(print_size(job, (1, 1))) > LARGEST_PX:
        raise SettingsError(f"width, height: expected at most {LARGEST_PX:,} px, found {max(print_size(job, (1, 1)))}")
    return job


def print_size(job: Job, aspect: tuple[int, int]) -> tuple[int, int]:
    """Pixels of the print (width, height) of a picture of that aspect (width, height)."""
    from installation.stages.print_file.lengths import parse_length

    width = parse_length(job.width, job.dpi) if job.width else 0
    height = parse_length(job.height, job.dpi) if job.height else 0
    if not (width or height):
        if job.size != (0, 0):
            return job.size
        width, height = (2000, 0) if aspect[0] >= aspect[1] else (0, 2000)
    wide, high = round(height * aspect[0] / aspect[1]), round(width * aspect[1] / aspect[0])
    return width or max(wide, 1), height or max(high, 1)


def working_size(size: tuple[int, int]) -> tuple[int, int]:
    """What is composed and coloured before it is upscaled four times: never too small for detail, nor more than asked.

    The 10,000 px print of the method's authors was coloured at 2,500 px.
    """
    longest = max(size)
    working = min(longest, max(LEAST_WORKING_PX, -(-longest // GROWTH)))
    return max(1, round(size[0] * working / longest)), max(1, round(size[1] * working / longest))


def stage_settings(job: Job, stage: str, size: tuple[int, int], kind: str) -> dict[str, Any]:
    """The settings table of one stage: its effort's, its kind's, what the job says under the same names, its own."""
    module = plugins.load("stages", stage)
    fields = {f.name for f in dataclasses.fields(module.Settings)}
    said = {
        "size": size,
        "working_size": working_size(size),
        "dpi": job.dpi,
        "styles": job.styles,
        "variants": job.variants,
    }
    table = dict(getattr(module, "EFFORTS", {}).get(job.effort, {}))
    table |= getattr(module, "KINDS", {}).get(kind, {})
    table |= {name: value for name, value in said.items() if name in fields}
    table |= job.settings.get(stage, {})
    check(module.Settings, table, stage)
    return table


def chain(job: Job, kind: str) -> tuple[str, ...]:
    """Which stages a still goes through: all for references; a whole picture or moment is coloured and printed."""
    if job.stages:
        first = ("saliency", "composition")
        ordered = [s for stage in ALL_STAGES for s in (*(s for s, at in ON_REQUEST.items() if at == stage), stage)]
        return tuple(s for s in ordered if s in job.stages and (kind == REFERENCES or s not in first)) + tuple(
            s for s in job.stages if s not in ordered
        )
    return ALL_STAGES if kind == REFERENCES else WHOLE_PICTURE


def _read(path: Path) -> dict[str, Any]:
    """A job file, or the job that a print's sidecar wrote down. Tables named after stages are their settings."""
    if path.suffix == ".json":
        return _read_sidecar(path)
    table = read_toml(path)
    stages = {name: table.pop(name) for name in plugins.available("stages") if name in table}
    return table | {"settings": stages}


def _read_sidecar(path: Path) -> dict[str, Any]:
    """The job of one print, which is to be made of the same pictures and under the same name as before."""
    told = ledger.read_sidecar(path)
    name = told.get("name")
    still = told.get("still", name)
    if not (isinstance(name, str) and isinstance(still, str) and _is_component(name)):
        raise SettingsError(f"{path}: name: expected that of a print, found {files.shown(name)}")
    sha256 = {str(one.get("path")): str(one.get("sha256")) for one in (*told["inputs"], *told["styles"])}
    table = told["job"] | {"only": [still], "names": {still: name}, "sha256": sha256}
    opened = [step.get("settings") for step in told["history"] if step.get("stage") == "source"]
    if len(opened) == 1 and isinstance(opened[0], dict) and opened[0].get("kind") in ("picture", "moment"):
        table["inputs"] = [str(opened[0].get("path"))]
    return table


def _within(order: Path, out: object) -> str:
    """Where a job file or sidecar may write: to its own folder and below. Raises SettingsError for other places."""
    folder = order.parent.resolve()
    try:
        target = (folder / str(out)).resolve()
    except (OSError, ValueError) as error:  # a name too long, a zero in it, a circle of links
        raise SettingsError(f"{order}: out: expected a folder, found {files.shown(out)}") from error
    if target != folder and folder not in target.parents:
        raise SettingsError(
            f"{order}: it asks to write to {files.shown(out)}, which is not in its folder; say --out to allow it"
        )
    return str(target)


def _is_component(name: str) -> bool:
    """Whether a name can be that of a file, and of nothing elsewhere."""
    return name.isprintable() and Path(name).name == name and not set(name) & set("/\\") and len(name.encode()) < 200


def _anchor(job: Job, base: Path) -> Job:
    """The job with whole paths, so that its sidecars work from anywhere; those in a job file start at its folder."""

    def whole(path: str) -> str:
        return str((base / path).absolute())

    styles = tuple(f"{whole(path)}:{weight:g}" for path, weight in map(split_weight, job.styles))
    inputs = tuple(dict.fromkeys(whole(path) for path in job.inputs))
    return dataclasses.replace(job, inputs=inputs, styles=styles, out=str(Path(job.out).absolute()))


def _is_sidecar(path: Path) -> bool:
    return path.suffix == ".json" and bool(ledger.read_sidecar(path))


def _assignment(text: str) -> tuple[str, str, Any]:
    """'lines.strength=0.4' -> ('lines', 'strength', 0.4); the value is TOML, or else text."""
    name, equals, value = text.partition("=")
    stage, dot, key = name.partition(".")
    if not (equals and dot):
        raise SettingsError(f"--set: expected STAGE.KEY=VALUE such as lines.strength=0.4, found {text!r}")
    try:
        return stage, key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return stage, key, value
