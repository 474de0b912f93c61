"""A finished still in; its print files out: a 16-bit master, a file for each lab, a proof, sheets to be glued.

Files in the work's folder: master.tif, <lab>.tif|.jpg|.png, proof.jpg, <lab>-soft-proof.jpg; sheets.pdf, sheet-*.png
where the print is cut up. Paper has no alpha: every file is laid on the ground colour (white paper), but the master
keeps its alpha where `alpha` is set.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyvips

from installation.settings import SettingsError
from installation.signals import Still
from installation.stages.pixels import fit
from installation.stages.print_file import press, sheets
from installation.stages.print_file.labs import SUFFIXES, Lab, Layout, check_lab, fingerprint, lay_out, open_lab
from installation.stages.print_file.lengths import to_mm
from installation.stages.print_file.profiles import open_profile
from installation.stages.work import Made, Stage, Work

PROOF = Lab("proof", format="jpeg", compression="jpeg", quality=92)
SOFT_PROOF = "-soft-proof.jpg"
VERSION = 1  # of what this stage makes: raise it when the same settings shall make other files


@dataclass(frozen=True)
class Settings:
    """What is printed. Lengths in pixels are of the trimmed print, without its bleed."""

    size: tuple[int, int] = (0, 0)  # px, width and height; 0, 0: as many as the still has
    dpi: float = 254.0  # 10,000 px are one metre
    labs: tuple[str, ...] = ()  # presets in stages/print_file/labs, or paths of such TOML files
    profile: str = "srgb"  # of the master: srgb | adobe-rgb | p3 | path of an .icc file
    intent: str = "relative"  # of the master's conversion: relative | perceptual | saturation
    ground: tuple[float, float, float] = (1.0, 1.0, 1.0)  # sRGB 0..1 under what is transparent: white paper
    alpha: bool = False  # keep the master's transparency instead of laying it on the ground
    fit: str = "pad"  # a print of another shape than the still: pad | crop
    bleed_mm: float = 0.0  # around the master, mirrored out of the picture
    proof_px: int = 2400  # longer side of the proof
    sheets: str = ""  # paper (a4, a3, letter ...) that the print is cut into, to be glued together; none: it is not
    overlap_mm: float = 10.0  # that neighbouring sheets both show
    margin_mm: float = 8.0  # of a sheet, left white for the printer and the marks


def create(settings: Settings) -> Stage:
    """The stage that writes print files. Raises SettingsError naming the setting, what was expected and found."""
    return PrintFile(settings)


class PrintFile(Stage):
    """The last stage: what it makes are files; the pixels it hands on are those of the proof."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        labs = (_master(settings), *(open_lab(name) for name in settings.labs))
        self.labs = tuple(dataclasses.replace(lab, ground=lab.ground or settings.ground) for lab in labs)
        _check(settings, self.labs)
        cut = self._cut(settings.size).names if settings.sheets and any(settings.size) else []
        self.files = ("proof.jpg", *(name for lab in self.labs for name in _files(lab)), *cut)
        self.fingerprint = hashlib.sha256(repr((VERSION, *map(fingerprint, self.labs))).encode()).hexdigest()

    def run(self, stills: Sequence[Still], work: Work) -> Made:
        """Write all files of one still. Raises ValueError when nothing is visible, OSError when the disk is full."""
        still = stills[0]
        image = press.open_pixels(still.pixels)
        if image.hasalpha() and image[image.bands - 1].max() == 0:
            raise ValueError(f"{still.name}: expected something to print, found a wholly transparent picture")
        size_px = self.settings.size if any(self.settings.size) else (image.width, image.height)
        proof, files = self._proof(image, size_px, work)
        work.preview(proof)
        for number, lab in enumerate(self.labs):
            files += self._press(lab, image, size_px, work, number)
        if self.settings.sheets:
            files += self._cut_up(image, size_px, work, still.name)
        size_mm = [round(to_mm(px, self.settings.dpi), 2) for px in size_px]
        return Made(proof, notes={"size_px": list(size_px), "size_mm": size_mm, "files": files})

    def _proof(self, image: pyvips.Image, size_px: tuple[int, int], work: Work) -> tuple[np.ndarray, list[dict]]:
        """Write proof.jpg; its pixels before they were rounded to 8 bit (H, W, 3) uint16, and what the file is."""
        work.progress(0.0, "proof.jpg")
        settings = self.settings
        proof_px = fit(size_px, settings.proof_px)
        small = press.fit(press.flatten(image, settings.ground), proof_px, settings.fit, settings.ground).numpy()
        layout = Layout(proof_px, 0, round(settings.dpi * proof_px[0] / size_px[0], 2))
        picture = press.convert(press.open_pixels(small), open_profile("srgb"), 8, "relative")
        press.save(picture, work.folder / "proof.jpg", PROOF, layout.dpi)
        return small, [press.describe(work.folder / "proof.jpg", picture, PROOF, layout)]

    def _cut(self, size_px: tuple[int, int]) -> sheets.Cut:
        settings = self.settings
        return sheets.cut(size_px, settings.dpi, settings.sheets, settings.overlap_mm, settings.margin_mm)

    def _cut_up(self, image: pyvips.Image, size_px: tuple[int, int], work: Work, name: str) -> list[dict[str, Any]]:
        """Write the print as sheets that are glued together."""
        settings = self.settings
        whole = press.fit(press.flatten(image, settings.ground), size_px, settings.fit, settings.ground)
        printed = press.convert(whole, open_profile("srgb"), 8, settings.intent)

        def tell(fraction: float) -> None:
            work.progress(fraction, sheets.DOCUMENT)

        return sheets.write_sheets(printed, self._cut(size_px), work.folder, name, tell)

    def _press(
        self, lab: Lab, image: pyvips.Image, size_px: tuple[int, int], work: Work, number: int
    ) -> list[dict[str, Any]]:
        """Write one lab's file and, where it asks for one, its soft proof; what they are, for the notes."""
        layout = lay_out(lab, size_px, self.settings.dpi)
        path = work.folder / (lab.name + SUFFIXES[lab.format])
        picture = image if lab.name == "master" and self.settings.alpha else press.flatten(image, lab.ground)
        trimmed = press.fit(picture, layout.trim_px, lab.fit, lab.ground)
        whole = press.bleed(trimmed, layout.bleed_px)
        converted = press.convert(whole, open_profile(lab.profile), lab.bits, lab.intent, lab.black_point)

        def tell(fraction: float) -> None:
            work.progress((number + fraction) / len(self.labs), path.name)

        press.save(converted, path, lab, layout.dpi, tell)
        tell(1.0)
        told = press.describe(path, converted, lab, layout)
        if not lab.soft_proof:
            return [told]
        proof_px = fit(layout.trim_px, self.settings.proof_px)
        return [told, _soft_proof(lab, press.fit(picture, proof_px, lab.fit, lab.ground), layout, work)]


def _soft_proof(lab: Lab, picture: pyvips.Image, layout: Layout, work: Work) -> dict[str, Any]:
    """Write how a lab's paper will show a picture of the proof's size; what that file is, what the paper loses."""
    seen, lost = press.soft_proof(picture, open_profile(lab.soft_proof), lab.intent, lab.black_point)
    small = Layout((picture.width, picture.height), 0, round(layout.dpi * picture.width / layout.trim_px[0], 2))
    path = work.folder / (lab.name + SOFT_PROOF)
    press.save(seen, path, PROOF, small.dpi)
    told = press.describe(path, seen, PROOF, small)
    return told | {"paper": open_profile(lab.soft_proof).description, "out_of_gamut_share": round(lost, 4)}


def _files(lab: Lab) -> list[str]:
    """What a lab's files are called."""
    return [lab.name + SUFFIXES[lab.format], *([f"{lab.name}-soft-proof.jpg"] if lab.soft_proof else [])]


def _master(settings: Settings) -> Lab:
    """The master as one more lab: 16 bit, tiled, deflate."""
    margin = f"{settings.bleed_mm:.6f}mm" if settings.bleed_mm else ""
    lab = Lab("master", bits=16, compression="deflate", tiled=True, bleed=margin)
    lab = dataclasses.replace(lab, profile=settings.profile, intent=settings.intent, fit=settings.fit)
    return check_lab(lab, "print_file")


def _check(settings: Settings, labs: Sequence[Lab]) -> None:
    """Raises SettingsError for a print that cannot be."""
    names = [lab.name for lab in labs]
    made = ["proof.jpg", *(lab.name + SUFFIXES[lab.format] for lab in labs)]
    made += [lab.name + SOFT_PROOF for lab in labs if lab.soft_proof]
    if any(len({name.casefold() for name in those}) < len(those) for those in (names, made)) or "proof" in names:
        raise SettingsError(f"labs: expected another name for every file, found {', '.join(made)}")
    if min(settings.size) < 0 or (min(settings.size) == 0 < max(settings.size)):
        raise SettingsError(f"size: expected two numbers of pixels above 0, or 0, 0, found {settings.size}")
    if not settings.dpi > 0 or settings.bleed_mm < 0 or settings.proof_px < 1:
        found = f"{settings.dpi}, {settings.bleed_mm}, {settings.proof_px}"
        raise SettingsError(f"expected dpi > 0, bleed_mm >= 0 and proof_px >= 1, found {found}")
    if not all(0 <= v <= 1 for lab in labs for v in lab.ground):
        raise SettingsError("ground: expected three numbers 0..1")
    if any(settings.size):
        for lab in labs:
            lay_out(lab, settings.size, settings.dpi)
