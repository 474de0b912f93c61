"""References in, a table out: seconds and memory of each stage of a print, ours beside the plain way in one run."""

from __future__ import annotations

import os
import statistics
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from installation.live import opening
from installation.machine.rows import FAILED, Row, Table, machine
from installation.pictures import write_picture
from installation.settings import check, open_show
from installation.signals import Controls
from installation.stills import chain, engines, job
from installation.stills.archive import Archive

REFERENCES = 8
COMPOSITIONS = 12
COLOUR_PX = (128, 256)
UPSCALE_PX = (192, 192)
UPSCALER = "bloom-upscaler"  # the light one that comes along


def main(options: Namespace) -> int:
    """`installation bench still`: print the table; --json writes the same."""
    table = Table(("per_mp_s", "peak_mb"), options.json, options.markdown, machine=machine())
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        table.add_all(measure(Path(folder), options.pixels, options.effort))
    return 0


def measure(folder: Path, size_px: int, effort: str) -> Iterator[Row]:
    """A whole print, stage by stage; then composing, colouring and upscaling by themselves."""
    references = paint_references(folder / "references")
    order = job.Job(
        (str(references),),
        str(folder / "prints"),
        (size_px, size_px),
        styles=(f"{references / 'reference0.png'}:1",),
        variants=1,
        effort=effort,
    )
    yield from measure_chain(order)
    yield measure_composing(order)
    yield from measure_colouring()
    yield from measure_upscaling()


def measure_chain(order: job.Job) -> Iterator[Row]:
    """What each stage of one print took, in a worker that has already loaded its networks by its second picture."""
    engine = engines.Local(1)
    try:
        work = chain.Chain(order, engine, os.cpu_count() or 1)
        work.make()
    finally:
        engine.close()
    for miss in work.skipped:
        yield Row(miss.stage, None, "s", note=miss.reason, state=FAILED)
    steps = [step for still in work.finished for step in still.history]
    for name in dict.fromkeys(step["stage"] for step in steps):
        runs = [step for step in steps if step["stage"] == name]
        seconds = statistics.median(step["seconds"] for step in runs)
        megapixels = statistics.median(step["size_px"][0] * step["size_px"][1] / 1e6 for step in runs)
        peak = max(step["peak_mb"] for step in runs)
        size = "x".join(map(str, runs[-1]["size_px"]))
        note = f"median of {len(runs)}, {size}, {order.effort}"
        yield Row(name, seconds, "s", per_mp_s=seconds / megapixels, peak_mb=peak, note=note)


def measure_composing(order: job.Job) -> Row:
    """Compositions an hour, drawn at 640 px.

    A reference goes by its name here: its key is another in every version, and draws other companies and layouts.
    """
    from installation.stages import composition

    archive = Archive(Path(order.out) / ".work")
    opened = [archive.open("saliency", p.name.partition("-")[2]) for p in archive.folder.glob("saliency-*")]
    found = [replace(still, key=still.name) for still in sorted(opened, key=lambda still: still.name)]
    settings = check(composition.Settings, {"variants": COMPOSITIONS, "working_size": [640, 640]}, "composition")
    with tempfile.TemporaryDirectory() as folder:
        an_hour = composition.compositions_per_hour(found, settings, Path(folder))
    return Row("compositions, one process", an_hour, "an hour", note="640 px, search and drawing")


def measure_colouring() -> Iterator[Row]:
    """One iteration of style transfer by optimisation."""
    from installation.stages import colour

    for px in COLOUR_PX:
        seconds = colour.time_iteration(px, colour.Settings())
        yield Row(f"style transfer, one iteration at {px} px", seconds, "s", per_mp_s=seconds / (px * px / 1e6))


def measure_upscaling() -> Iterator[Row]:
    """In tiles through a memory map as the stage does it, and the whole picture at once as others do."""
    from installation.stages import upscale

    for network, model in (("srvgg", ""), (UPSCALER, UPSCALER), ("x4plus", "")):
        taken = upscale.measure(UPSCALE_PX, "none" if model else network, model)
        made = UPSCALE_PX[0] * UPSCALE_PX[1] * 16 / 1e6
        ratio = taken["tiled_s"] / taken["one_piece_s"]
        yield Row(f"upscale {network}, tiled", taken["tiled_s"] * made, "s", per_mp_s=taken["tiled_s"])
        yield Row(f"upscale {network}, in one piece", taken["one_piece_s"] * made, "s", per_mp_s=taken["one_piece_s"])
        yield Row(f"tiled : one piece, {network}", ratio, "times")


def paint_references(folder: Path) -> Path:
    """Flowers of the default generator, cut out by an oval: real pictures that every installation has."""
    show = open_show("bloom")
    generator = opening.open_generator(show)
    values = {name: knob.default for name, knob in generator.knobs.items()}
    y, x = np.mgrid[-1:1:256j, -1:1:256j]
    oval = np.clip((0.9 - np.hypot(x, y)) * 40, 0, 1)
    for n in range(REFERENCES):
        rgb = generator.render(Controls(0, values, n / REFERENCES)).pixels[:, :, :256].cpu().numpy()
        square = np.clip((rgb.transpose(1, 2, 0) + 1) / 2, 0, 1)
        alpha = oval[: square.shape[0], : square.shape[1], None]
        write_picture(folder / f"reference{n}.png", (np.dstack([square, alpha]) * 255).astype(np.uint8))
    return folder
