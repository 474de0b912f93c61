"""A lab's name, or the path of its TOML, in; what it wants of a file out: each preset is a TOML beside this module."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

from installation import files
from installation.settings import SettingsError, check, read_toml
from installation.stages.print_file.lengths import LengthError, parse_length
from installation.stages.print_file.profiles import ProfileError, open_profile

FOLDER = Path(__file__).parent
SUFFIXES = {"tiff": ".tif", "jpeg": ".jpg", "png": ".png"}
COMPRESSIONS = {"tiff": ("none", "lzw", "deflate"), "jpeg": ("jpeg",), "png": ("deflate",)}
INTENTS = ("relative", "perceptual", "saturation")  # absolute would print the screen's white as a cast
LONGEST_JPEG_PX = 65_500
LONGEST_NAME = 60  # bytes; it becomes the middle of the files' names
TAKEN = ("proof", "before-after")  # what the chain's own files are called


@dataclass(frozen=True)
class Lab:
    """The file that a lab wants. Every lab file is flattened: paper has no alpha."""

    name: str
    about: str = ""
    format: str = "tiff"  # tiff | jpeg | png
    profile: str = "srgb"  # srgb | adobe-rgb | p3 | path of an .icc file (RGB or CMYK), from the TOML's folder
    bits: int = 8  # 8 | 16 per channel; JPEG has 8
    compression: str = ""  # tiff: none | lzw | deflate; "" is the format's usual one
    quality: int = 97  # of JPEG, 1..100; its colours are never subsampled
    tiled: bool = False  # TIFF in tiles; many labs read only strips
    size: tuple[str, ...] = ()  # width and height of the trimmed print ("60cm", "40in", "3000px"); none: the job's
    dpi: float = 0.0  # dots per inch; 0 is the job's; another one keeps the print's size on paper
    bleed: str = ""  # beyond the trimmed print on every side ("3mm", "0.125in"), mirrored out of the picture
    fit: str = "pad"  # a print of another shape: pad (ground around the whole picture) | crop (fill, centred)
    ground: tuple[float, ...] = ()  # sRGB 0..1 under what is transparent; none: the job's
    intent: str = "relative"  # relative | perceptual | saturation
    black_point: bool = True  # black point compensation
    largest_mb: float = 0.0  # the lab takes no larger file (MB of 10**6 bytes); 0: any
    soft_proof: str = ""  # path of the paper's .icc: writes a picture of how it will look there


@dataclass(frozen=True)
class Layout:
    """How large a file becomes: width and height of the trimmed print, and the bleed on each side, in pixels."""

    trim_px: tuple[int, int]
    bleed_px: int
    dpi: float

    @property
    def whole_px(self) -> tuple[int, int]:
        return self.trim_px[0] + 2 * self.bleed_px, self.trim_px[1] + 2 * self.bleed_px


def lay_out(lab: Lab, size_px: tuple[int, int], dpi: float) -> Layout:
    """The pixels of a lab's file for a job's print of size_px at dpi. Raises SettingsError when it is too large."""
    lab_dpi = lab.dpi or dpi
    if lab.size:
        trim = parse_length(lab.size[0], lab_dpi), parse_length(lab.size[1], lab_dpi)
    else:
        trim = max(1, round(size_px[0] * lab_dpi / dpi)), max(1, round(size_px[1] * lab_dpi / dpi))
    layout = Layout(trim, parse_length(lab.bleed, lab_dpi) if lab.bleed else 0, lab_dpi)
    if lab.format == "jpeg" and max(layout.whole_px) > LONGEST_JPEG_PX:
        width, height = layout.whole_px
        raise SettingsError(f"lab {lab.name!r}: a JPEG has at most {LONGEST_JPEG_PX} px a side, found {width}x{height}")
    return layout


def open_lab(name_or_path: str) -> Lab:
    """Read a lab by name (stages/print_file/labs/NAME.toml) or by path. Raises SettingsError saying what to mend."""
    path = find_lab(name_or_path)
    table = read_toml(path)
    for key in ("profile", "soft_proof"):
        if str(table.get(key, "")).lower().endswith((".icc", ".icm")):
            table[key] = str((path.parent / table[key]).resolve())
    lab = check(Lab, {"name": path.stem} | table, path.name)
    return check_lab(dataclasses.replace(lab, compression=lab.compression or usual_compression(lab.format)), path.name)


def find_lab(name_or_path: str) -> Path:
    """The TOML of a lab. Raises SettingsError naming the labs there are."""
    path = Path(name_or_path) if name_or_path.endswith(".toml") else FOLDER / f"{name_or_path}.toml"
    if not path.is_file():
        there = ", ".join(sorted(p.stem for p in FOLDER.glob("*.toml")))
        raise SettingsError(f"no lab {name_or_path!r}; there are: {there}; or give the path of a .toml file")
    return path


def usual_compression(format: str) -> str:
    """The compression of a file format that labs read everywhere; "" for a format that we do not write."""
    return {"tiff": "lzw", "jpeg": "jpeg", "png": "deflate"}.get(format, "")


def check_lab(lab: Lab, where: str) -> Lab:
    """The lab itself when all it asks for can be. Raises SettingsError naming `where`, the key and what was found."""
    if not files.is_one_name(lab.name):
        raise SettingsError(
            f"{where}: name: expected one word for the file's name, without a path, found {files.shown(lab.name)}"
        )
    if len(lab.name.encode()) > LONGEST_NAME or lab.name.casefold() in TAKEN:
        raise SettingsError(
            f"{where}: name: expected another, of {LONGEST_NAME} bytes at most, found {files.shown(lab.name)}"
        )
    expected = {
        "format": tuple(SUFFIXES),
        "compression": COMPRESSIONS.get(lab.format, ()),
        "bits": (8,) if lab.format == "jpeg" else (8, 16),
        "quality": range(1, 101),
        "fit": ("pad", "crop"),
        "intent": INTENTS,
    }
    for key, values in expected.items():
        if getattr(lab, key) not in values:
            allowed = "1..100" if key == "quality" else " or ".join(str(v) for v in values)
            raise SettingsError(f"{where}: {key}: expected {allowed}, found {files.shown(getattr(lab, key))}")
    if len(lab.size) not in (0, 2) or len(lab.ground) not in (0, 3):
        raise SettingsError(f"{where}: expected a size of 2 lengths and a ground of 3 numbers, or none of them")
    try:
        for length in (*lab.size, *([lab.bleed] if lab.bleed else [])):
            parse_length(length, lab.dpi or 300.0)
        profiles = [open_profile(lab.profile), *([open_profile(lab.soft_proof)] if lab.soft_proof else [])]
    except (LengthError, ProfileError, OSError) as error:
        raise SettingsError(f"{where}: {error}") from error
    if lab.format == "png" and profiles[0].space == "CMYK":
        raise SettingsError(f"{where}: a PNG has no CMYK; expected format tiff or jpeg, or an RGB profile")
    return lab


def fingerprint(lab: Lab) -> str:
    """A hash of all that a lab's file depends on: its settings and the bytes of its profiles."""
    settings = dataclasses.replace(lab, about="", profile="", soft_proof="")  # a path may differ, its bytes may not
    parts = [repr(settings).encode(), open_profile(lab.profile).icc]
    if lab.soft_proof:
        parts.append(open_profile(lab.soft_proof).icc)
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
