"""One colour, sRGB (180, 120, 60), in every form that files hold it in, is that colour to the chain and to trainers."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image, ImageCms

from installation.pictures import PictureError, read_8_bit, read_picture
from installation.training.corpus import Example, Taking, take
from installation.training.crops import cut

COLOUR = (180, 120, 60)
CASES = Path(__file__).resolve().parent.parent.parent / "shared" / "cases" / "pictures"
SHAPE = (32, 40)
INK = pyvips.Operation.call("profile_load", "cmyk")
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
BT709 = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
REC2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
PROPHOTO_MATRIX = ((0.7976749, 0.1351917, 0.0313534), (0.2880402, 0.7118741, 0.0000857), (0.0, 0.0, 0.82521))
SRGB_TO_D50 = ((0.4360747, 0.3850649, 0.1430804), (0.2225045, 0.7168786, 0.0606169), (0.0139322, 0.0971045, 0.7141733))
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SRGB_PARAMETERS = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def light(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def matrix_of(primaries: tuple) -> np.ndarray:
    """Linear RGB, white D65 -> XYZ under D50: written a second time, so that one mistake is not made in both."""
    columns = np.array([[x, y, 1 - x - y] for x, y in primaries]).T
    white = np.array([0.3127, 0.3290, 1 - 0.3127 - 0.3290]) / 0.3290
    rgb_to_xyz = columns @ np.diag(np.linalg.inv(columns) @ white)
    cone_of_d50, cone_of_white = BRADFORD @ (0.9642, 1.0, 0.8249), BRADFORD @ white
    return np.linalg.inv(BRADFORD) @ np.diag(cone_of_d50 / cone_of_white) @ BRADFORD @ rgb_to_xyz


def curv(gamma: float) -> bytes:
    return struct.pack(">4sIIH", b"curv", 0, 1, round(gamma * 256)) + bytes(2)


def sampled(curve: Callable[[np.ndarray], np.ndarray], count: int = 1024) -> bytes:
    values = np.round(curve(np.linspace(0, 1, count)) * 65535).astype(">u2")
    return struct.pack(">4sII", b"curv", 0, count) + values.tobytes()


def para(kind: int, *values: float) -> bytes:
    return struct.pack(f">4sIHH{len(values)}i", b"para", 0, kind, 0, *(round(v * 65536) for v in values))


def icc(name: str, curve: bytes, matrix: np.ndarray | None, space: bytes = b"RGB ", pcs: bytes = b"XYZ ") -> bytes:
    """A profile of version 2 for a display; grey where no matrix is given."""

    def xyz(values: np.ndarray) -> bytes:
        return struct.pack(">4sI3i", b"XYZ ", 0, *(round(float(v) * 65536) for v in values))

    text = name.encode()
    tags = {b"desc": struct.pack(">4sII", b"desc", 0, len(text) + 1) + text + bytes(79)}
    tags[b"wtpt"] = xyz(np.array((0.9642, 1.0, 0.8249)))
    if matrix is None:
        tags[b"kTRC"] = curve
    else:
        for letter, column in zip("rgb", np.asarray(matrix).T, strict=True):
            tags[f"{letter}XYZ".encode()], tags[f"{letter}TRC".encode()] = xyz(column), curve
    place, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for tag, content in tags.items():
        table += struct.pack(">4sII", tag, place + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(">I4sI4s4s4s", place + len(body), b"lcms", 0x02400000, b"mntr", space, pcs)
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + body


def with_tables(profile: bytes, curve: Callable[[np.ndarray], np.ndarray], matrix: np.ndarray) -> bytes:
    """The profile with an A2B0 of two points a side: the curve, then the matrix, as XYZ."""
    corners = np.array([[r, g, b] for r in (0, 1) for g in (0, 1) for b in (0, 1)]) @ np.asarray(matrix).T
    steps = np.linspace(0, 1, 1024)
    one = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    content = struct.pack(">4sI4B", b"mft2", 0, 3, 3, 2, 0) + one + struct.pack(">2H", 1024, 2)
    content += np.round(curve(steps) * 65535).astype(">u2").tobytes() * 3
    content += np.round(corners * 32768).astype(">u2").tobytes() + struct.pack(">6H", *(0, 65535) * 3)
    (count,) = struct.unpack_from(">I", profile, 128)
    table = b""
    for index in range(count):
        tag, place, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        table += struct.pack(">4sII", tag, place + 12, size)
    table += struct.pack(">4sII", b"A2B0", len(profile) + 12, len(content))
    whole = profile[4:128] + struct.pack(">I", count + 1) + table + profile[132 + 12 * count :] + content
    return struct.pack(">I", len(whole) + 4) + whole


def numbers_in(matrix: np.ndarray, encode: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The colour's numbers 0..1 in another space."""
    linear = np.linalg.inv(matrix) @ np.array(SRGB_TO_D50) @ light(np.array(COLOUR) / 255)
    return encode(np.clip(linear, 0, 1))


def rec2020(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0.0181, x * 4.5, 1.0993 * x**0.45 - 0.0993)


def rec2020_back(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0.08145, x / 4.5, ((x + 0.0993) / 1.0993) ** (1 / 0.45))


def srgb_encode(x: np.ndarray) -> np.ndarray:
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055)


SPACES = {  # profile, and the colour's numbers in it
    "linear sRGB": (icc("sRGB linear", curv(1.0), SRGB_TO_D50), numbers_in(SRGB_TO_D50, lambda x: x)),
    "linear by a curve of no points": (
        icc("sRGB", struct.pack(">4sII", b"curv", 0, 0), SRGB_TO_D50),
        numbers_in(SRGB_TO_D50, lambda x: x),
    ),
    "Rec. 2020 called sRGB": (
        icc("srgb to rec2020", sampled(rec2020_back), matrix_of(REC2020)),
        numbers_in(matrix_of(REC2020), rec2020),
    ),
    "Display P3, parametric": (
        icc("P3", para(3, *SRGB_PARAMETERS), matrix_of(P3)),
        numbers_in(matrix_of(P3), srgb_encode),
    ),
    "P3 with gamma 2.6 of seven numbers": (
        icc("P3 sRGB", para(4, 2.6, 1, 0, 1, 0, 0, 0), matrix_of(P3)),
        numbers_in(matrix_of(P3), lambda x: x ** (1 / 2.6)),
    ),
    "Adobe RGB": (
        icc("Adobe RGB (1998)", curv(563 / 256), matrix_of(ADOBE)),
        numbers_in(matrix_of(ADOBE), lambda x: x ** (256 / 563)),
    ),
    "ProPhoto": (
        icc("ProPhoto", curv(1.8), np.array(PROPHOTO_MATRIX)),
        numbers_in(np.array(PROPHOTO_MATRIX), lambda x: x ** (1 / 1.8)),
    ),
    "sRGB without its name": (icc("camera", para(3, *SRGB_PARAMETERS), SRGB_TO_D50), np.array(COLOUR) / 255),
}


def flat(values: tuple | np.ndarray, bits: int = 8) -> np.ndarray:
    """A plain picture of numbers 0..1 (or 0..255 where whole)."""
    values = np.asarray(values)
    part = values / 255 if values.dtype.kind == "i" else values
    dtype = np.uint8 if bits == 8 else np.uint16
    return np.full((*SHAPE, len(values)), np.round(part * np.iinfo(dtype).max).astype(dtype))


def write(path: Path, pixels: np.ndarray, profile: bytes = b"", kind: str = "") -> None:
    deep = pixels.dtype == np.uint16
    usual = {1: "grey16" if deep else "b-w", 3: "rgb16" if deep else "srgb", 4: "rgb16" if deep else "srgb"}
    image = pyvips.Image.new_from_array(pixels).copy(interpretation=kind or usual[pixels.shape[2]])
    if profile:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    image.write_to_file(str(path))


def check(path: Path, expected: tuple[int, int, int] = COLOUR, within: float = 2.0) -> None:
    """The chain, and the trainers on white where the picture is not opaque."""
    found = read_picture(path)
    assert np.abs(found[::7, ::7, :3] / 257 - expected).max() <= within, found[0, 0] / 257
    (taken,) = take(path.parent, [path], Taking(16))
    assert isinstance(taken, Example)
    square = cut(taken.pixels, taken.box, 16)
    share = found[0, 0, 3] / 65535 if found.shape[2] == 4 else 1.0
    assert np.abs(square - (np.array(expected) * share + 255 * (1 - share))).max() <= within + 0.5


DEPTHS = [(name, bits) for name in SPACES for bits in (8, 16) if bits == 16 or "linear" not in name]  # 8 are too few


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize(("name", "bits"), DEPTHS)
def test_a_profile_is_what_its_numbers_say_whatever_it_is_called(
    tmp_path: Path, name: str, suffix: str, bits: int
) -> None:
    profile, numbers = SPACES[name]
    write(tmp_path / f"a{suffix}", flat(numbers, bits), profile)
    check(tmp_path / f"a{suffix}")
    oracle = ImageCms.profileToProfile(
        Image.fromarray(flat(numbers)),
        ImageCms.ImageCmsProfile(write_bytes(tmp_path / "a.icc", profile)),
        ImageCms.createProfile("sRGB"),
    )
    if bits == 8:
        assert np.abs(np.asarray(oracle)[0, 0].astype(int) - read_8_bit(tmp_path / f"a{suffix}")[0, 0]).max() <= 1


def write_bytes(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".avif", ".jp2", ".tif"])
def test_every_kind_of_file_without_a_word_on_colour_is_srgb(tmp_path: Path, suffix: str) -> None:
    kind = {".jpe": "JPEG", ".jfif": "JPEG"}.get(suffix)
    Image.fromarray(flat(COLOUR)).save(tmp_path / f"a{suffix}", kind, **({"quality": 95} if suffix != ".gif" else {}))
    check(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_grey_follows_its_own_profile_and_that_of_colours(tmp_path: Path, suffix: str, bits: int) -> None:
    path, grey = tmp_path / f"a{suffix}", light(np.array([120 / 255]))
    lightness = 1.16 * np.cbrt(grey) - 0.16
    for profile, value in (
        (icc("Dot gain sRGB", curv(1.8), None, b"GRAY"), grey ** (1 / 1.8)),
        (icc("grey by lightness", curv(1.0), None, b"GRAY", b"Lab "), lightness),
        (icc("colours of gamma 1.4", curv(1.4), matrix_of(ADOBE)), grey ** (1 / 1.4)),
        (b"", np.array([120 / 255])),
    ):
        if suffix == ".tif":
            tag = [(34675, "B", len(profile), profile, True)] if profile else []
            tifffile.imwrite(path, flat(value, bits)[..., 0], photometric="minisblack", extratags=tag)
        else:
            packed = b"a\0\0" + zlib.compress(profile)
            with_chunks(path, flat(value, bits), {b"iCCP": packed} if profile else {})
        check(path, (120, 120, 120))


@pytest.mark.parametrize("bits", [8, 16])
def test_tables_go_before_numbers_where_a_profile_has_both(tmp_path: Path, bits: int) -> None:
    profile = with_tables(SPACES["linear sRGB"][0], lambda x: x ** (563 / 256), matrix_of(ADOBE))
    write(tmp_path / "a.tif", flat(SPACES["Adobe RGB"][1], bits), profile)
    check(tmp_path / "a.tif")
    write(tmp_path / "grey.tif", flat(light(np.array([120 / 255])) ** (256 / 563), bits), profile)
    check(tmp_path / "grey.tif", (120, 120, 120))


def test_a_profile_for_other_colours_than_the_picture_has_says_nothing(tmp_path: Path) -> None:
    for profile in (INK, icc("grey", curv(1.0), None, b"GRAY")):
        Image.fromarray(flat(COLOUR)).save(tmp_path / "a.png", icc_profile=profile)
        check(tmp_path / "a.png")
        for bits in (8, 16):
            tag = [(34675, "B", len(profile), profile, True)]
            tifffile.imwrite(tmp_path / "a.tif", flat(COLOUR, bits), photometric="rgb", extratags=tag)
            check(tmp_path / "a.tif")


def with_chunks(path: Path, pixels: np.ndarray, chunks: dict[bytes, bytes], profile: bytes = b"") -> Path:
    """A PNG with chunks of its own before its pixels."""
    write(path, pixels, profile)
    whole = path.read_bytes()
    if not profile:
        whole = whole[:33] + whole[whole.index(b"IDAT") - 4 :]
    made = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks.items()
    )
    path.write_bytes(whole[:33] + made + whole[33:])
    return path


def chromaticities(primaries: tuple) -> bytes:
    return struct.pack(">8I", *(round(v * 100_000) for pair in ((0.3127, 0.3290), *primaries) for v in pair))


@pytest.mark.parametrize("bits", [8, 16])
def test_a_png_says_its_colours_in_chunks(tmp_path: Path, bits: int) -> None:
    path, gamma = tmp_path / "a.png", struct.pack(">I", 45470)
    adobe = numbers_in(matrix_of(ADOBE), lambda x: x**0.4547)
    p3 = numbers_in(matrix_of(P3), srgb_encode)
    rec = numbers_in(matrix_of(REC2020), rec2020)
    own = np.array(COLOUR) / 255
    check(with_chunks(path, flat(adobe, bits), {b"gAMA": gamma, b"cHRM": chromaticities(ADOBE)}), within=2.5)
    check(with_chunks(path, flat(own, bits), {b"gAMA": struct.pack(">I", 45455), b"cHRM": chromaticities(BT709)}))
    check(with_chunks(path, flat(own, bits), {b"sRGB": b"\0", b"gAMA": struct.pack(">I", 100_000)}))
    check(with_chunks(path, flat(p3, bits), {b"cICP": bytes((12, 13, 0, 1))}))
    check(with_chunks(path, flat(rec, bits), {b"cICP": bytes((9, 1, 0, 1))}))
    check(with_chunks(path, flat(p3, bits), {b"cICP": bytes((12, 13, 0, 1))}, SPACES["ProPhoto"][0]))
    check(with_chunks(path, flat(own, bits), {b"cHRM": bytes(32)}))


def test_a_linear_png_without_a_profile_is_lit_up(tmp_path: Path) -> None:
    linear = flat(light(np.array(COLOUR) / 255), 16)
    check(with_chunks(tmp_path / "a.png", linear, {b"gAMA": struct.pack(">I", 100_000)}))


def test_a_camera_that_says_adobe_rgb_in_exif_alone_is_believed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x8769] = {0xA001: 65535, 0xA005: {1: "R03"}}
    numbers = SPACES["Adobe RGB"][1]
    Image.fromarray(flat(numbers)).save(tmp_path / "a.jpg", exif=exif, quality=100, subsampling=0)
    check(tmp_path / "a.jpg")


def colour_box(*codes: int) -> bytes:
    return b"colrnclx" + struct.pack(">HHHB", *codes, 128)


def test_an_avif_says_its_colours_in_a_box(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    Image.fromarray(flat(numbers_in(matrix_of(P3), srgb_encode))).save(path, quality=100, subsampling="4:4:4")
    whole = path.read_bytes()
    place = whole.index(b"colrnclx")
    matrix = struct.unpack_from(">H", whole, place + 12)[0]
    path.write_bytes(whole[:place] + colour_box(12, 13, matrix) + whole[place + 15 :])
    check(path)
    path.write_bytes(whole[:place] + colour_box(9, 16, matrix) + whole[place + 15 :])
    with pytest.raises(PictureError, match=r"a\.avif: .*HDR \(PQ\)"):
        read_picture(path)


def test_a_jpeg_2000_carries_its_profile_in_a_box(tmp_path: Path) -> None:
    path, (profile, numbers) = tmp_path / "a.jp2", SPACES["Adobe RGB"]
    Image.fromarray(flat(numbers)).save(path)
    whole = path.read_bytes()
    place = whole.index(b"colr") - 4
    length = struct.unpack_from(">I", whole, place)[0]
    box = struct.pack(">I4s3B", 11 + len(profile), b"colr", 2, 0, 0) + profile
    header = whole.index(b"jp2h") - 4
    grown = struct.unpack_from(">I", whole, header)[0] + len(box) - length
    whole = whole[:place] + box + whole[place + length :]
    path.write_bytes(whole[:header] + struct.pack(">I", grown) + whole[header + 4 :])
    check(path)


def test_a_photograph_of_a_telephone_is_display_p3(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif", reason="HEIC is an extra: pip install 'installation[heic]'")
    heif.register_heif_opener()
    profile, numbers = SPACES["Display P3, parametric"]
    Image.fromarray(flat(numbers)).save(tmp_path / "a.heic", quality=100, chroma=444, icc_profile=profile)
    check(tmp_path / "a.heic", within=3)


ALPHA = 128
TIFFS: dict[str, tuple[tuple, dict]] = {  # bands, and how tifffile writes them
    "plain": (COLOUR, {"photometric": "rgb"}),
    "big-endian": (COLOUR, {"photometric": "rgb", "byteorder": ">"}),
    "BigTIFF": (COLOUR, {"photometric": "rgb", "bigtiff": True}),
    "deflate": (COLOUR, {"photometric": "rgb", "compression": "zlib", "predictor": True}),
    "tiles": (COLOUR, {"photometric": "rgb", "tile": (16, 16)}),
    "unspecified": ((*COLOUR, 0), {"photometric": "rgb", "extrasamples": ["unspecified"]}),
    "three unspecified": ((*COLOUR, 9, 0, 77), {"photometric": "rgb", "extrasamples": ["unspecified"] * 3}),
    "alpha": ((*COLOUR, ALPHA), {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
    "multiplied": ((90, 60, 30, ALPHA), {"photometric": "rgb", "extrasamples": ["assocalpha"]}),
    "spot, alpha": ((*COLOUR, 7, ALPHA), {"photometric": "rgb", "extrasamples": ["unspecified", "unassalpha"]}),
    "spot, multiplied": ((90, 60, 30, 7, ALPHA), {"photometric": "rgb", "extrasamples": ["unspecified", "assocalpha"]}),
    "CMYK": ((75, 135, 195, 0), {"photometric": "separated"}),
    "CMYK, black": ((0, 85, 170, 75), {"photometric": "separated"}),
    "CMYK, alpha": ((75, 135, 195, 0, ALPHA), {"photometric": "separated", "extrasamples": ["unassalpha"]}),
    "CMYK, spot": ((75, 135, 195, 0, 7), {"photometric": "separated", "extrasamples": ["unspecified"]}),
}


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("name", TIFFS)
def test_a_tiff_is_the_same_picture_in_both_depths_and_any_layout(
    tmp_path: Path, name: str, bits: int, planar: bool
) -> None:
    bands, options = TIFFS[name]
    pixels = flat(bands, bits)
    if planar and name != "tiles":
        pixels, options = np.ascontiguousarray(pixels.transpose(2, 0, 1)), options | {"planarconfig": "separate"}
    tifffile.imwrite(tmp_path / "a.tif", pixels, **options)
    check(tmp_path / "a.tif")
    found = read_picture(tmp_path / "a.tif")
    transparent = "alpha" in name or "multiplied" in name
    assert found.shape[2] == 3 + transparent
    assert not transparent or abs(found[0, 0, 3] / 257 - ALPHA) < 1


@pytest.mark.parametrize("bits", [8, 16])
def test_inverted_grey_and_grey_with_alpha(tmp_path: Path, bits: int) -> None:
    tifffile.imwrite(tmp_path / "a.tif", flat((135,), bits)[..., 0], photometric="miniswhite")
    check(tmp_path / "a.tif", (120, 120, 120))
    tifffile.imwrite(tmp_path / "b.tif", flat((120, ALPHA), bits), photometric="minisblack", extrasamples=[2])
    check(tmp_path / "b.tif", (120, 120, 120))
    assert read_picture(tmp_path / "b.tif").shape[2] == 4


def test_a_palette_and_a_bit_are_tiffs_too(tmp_path: Path) -> None:
    colours = np.zeros((3, 256), np.uint16)
    colours[:, 3] = np.array(COLOUR) * 257
    tifffile.imwrite(tmp_path / "a.tif", np.full(SHAPE, 3, np.uint8), photometric="palette", colormap=colours)
    check(tmp_path / "a.tif")
    for kind, white in (("minisblack", True), ("miniswhite", False)):
        tifffile.imwrite(tmp_path / "b.tif", np.full(SHAPE, white), photometric=kind)
        check(tmp_path / "b.tif", (255, 255, 255))
    Image.fromarray(flat(COLOUR)).save(tmp_path / "c.tif", compression="jpeg", quality=95)
    check(tmp_path / "c.tif")


@pytest.mark.parametrize(("suffix", "bits"), [(".jpg", 8), (".tif", 8), (".tif", 16)])
def test_inks_follow_their_profile(tmp_path: Path, suffix: str, bits: int) -> None:
    rgb = pyvips.Image.new_from_array(flat(COLOUR)).copy(interpretation="srgb")
    inks = rgb.icc_transform("cmyk", intent="relative", depth=bits)
    assert inks.bands == 4 and inks.get_typeof("icc-profile-data")
    inks.write_to_file(str(tmp_path / f"a{suffix}"), **({"Q": 98} if suffix == ".jpg" else {}))
    check(tmp_path / f"a{suffix}", within=2.5)  # its tables are coarse


def test_inks_without_a_profile_are_read_as_screens_show_them(tmp_path: Path) -> None:
    Image.fromarray(flat(COLOUR)).convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    check(tmp_path / "a.jpg")


@pytest.mark.parametrize("path", sorted(CASES.glob("*")) if CASES.is_dir() else [None], ids=lambda p: p and p.name)
def test_files_that_people_had(path: Path | None) -> None:
    if path is None:
        pytest.skip("the files in ../shared/cases are not beside this clone")
    if path.suffix == ".heic":  # no more than its first bytes
        with pytest.raises(PictureError, match=path.name):
            read_picture(path)
        return
    found = read_picture(path) / 257
    above, below = (found[0, 0], found[-1, -1]) if path.name != "exif6.tif" else (found[-1, -1], found[0, 0])
    assert np.allclose(above, (128, 128, 128) if "grey" in path.name else COLOUR, atol=2)
    assert "16" in path.name or np.allclose(below, (40, 80, 200), atol=2)


REFUSED: dict[str, tuple[np.ndarray, dict, str]] = {
    "float": (np.full((*SHAPE, 3), 0.4, np.float32), {"photometric": "rgb"}, "found float"),
    "32 bits": (np.full((*SHAPE, 3), 4, np.uint32), {"photometric": "rgb"}, "found uint"),
    "Lab": (flat(COLOUR), {"photometric": "cielab"}, "found Lab"),
    "deep Lab": (flat(COLOUR, 16), {"photometric": "cielab"}, "found Lab"),
    "ICC Lab": (flat(COLOUR), {"photometric": "icclab"}, "found Lab"),
    "sensor": (flat((9,))[..., 0], {"photometric": 32803}, "raw sensor"),
    "tiles in planes": (
        np.zeros((3, *SHAPE), np.uint8),
        {"photometric": "rgb", "planarconfig": "separate", "tile": (16, 16)},
        "found tiles in separate planes",
    ),
    "six inks": (flat((1, 2, 3, 4, 5, 6)), {"photometric": "separated", "extratags": [(332, "H", 1, 2, True)]}, "inks"),
    "multiplied inks": (
        flat((9, 9, 9, 9, 9), 16),
        {"photometric": "separated", "extrasamples": ["assocalpha"]},
        "16-bit CMYK with alpha",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_refused_by_name(tmp_path: Path, name: str) -> None:
    pixels, options, reason = REFUSED[name]
    tifffile.imwrite(tmp_path / "a.tif", pixels, **options)
    with pytest.raises(PictureError, match=rf"a\.tif: expected .*{reason}|a\.tif: {reason}"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize(("code", "reason"), [((9, 16, 0, 1), "HDR"), ((9, 18, 0, 1), "HLG"), ((1, 1, 0, 0), "narrow")])
def test_colours_beyond_a_display_are_refused_by_name(tmp_path: Path, code: tuple, reason: str) -> None:
    path = with_chunks(tmp_path / "a.png", flat(COLOUR), {b"cICP": bytes(code)})
    with pytest.raises(PictureError, match=rf"a\.png: .*{reason}"):
        read_picture(path)
