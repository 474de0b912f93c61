"""Every picture that an artist may hand in is read right, or named with its reason."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image, ImageCms

from installation.pictures import PictureError, read_picture, split_weight, write_picture
from installation.stages.print_file.profiles import open_profile

CHANCE = np.random.default_rng(3)
DEEP = CHANCE.integers(0, 65536, (40, 60, 3), dtype=np.uint16)
SHALLOW = CHANCE.integers(0, 256, (40, 60, 3), dtype=np.uint8)
ALPHA = CHANCE.integers(1, 65536, (40, 60, 1), dtype=np.uint16)
GREY, SOFT = Image.fromarray(SHALLOW[..., 0]), Image.fromarray(SHALLOW[..., 1])


def write_deep(path: Path, pixels: np.ndarray, icc: bytes = b"", kind: str = "rgb16") -> Path:
    image = pyvips.Image.new_from_array(pixels).copy(interpretation=kind)
    if icc:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    image.write_to_file(str(path))
    return path


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("with_alpha", [False, True])
def test_sixteen_bits_stay_sixteen_bits(tmp_path: Path, suffix: str, with_alpha: bool) -> None:
    pixels = np.dstack([DEEP, ALPHA]) if with_alpha else DEEP
    assert np.array_equal(read_picture(write_deep(tmp_path / f"deep{suffix}", pixels)), pixels)


@pytest.mark.parametrize("options", [{"byteorder": ">"}, {"bigtiff": True}, {"planarconfig": "separate"}])
def test_a_tiff_of_any_layout_is_the_same_picture(tmp_path: Path, options: dict) -> None:
    pixels = DEEP.transpose(2, 0, 1) if "planarconfig" in options else DEEP
    tifffile.imwrite(tmp_path / "layout.tif", pixels, photometric="rgb", **options)
    assert np.array_equal(read_picture(tmp_path / "layout.tif"), DEEP)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_deep_grey_becomes_three_equal_channels_and_keeps_its_alpha(tmp_path: Path, suffix: str) -> None:
    grey = read_picture(write_deep(tmp_path / f"grey{suffix}", DEEP[..., 0], kind="grey16"))
    assert grey.shape == (40, 60, 3) and all(np.array_equal(grey[..., c], DEEP[..., 0]) for c in range(3))
    both = read_picture(write_deep(tmp_path / f"both{suffix}", np.dstack([DEEP[..., 0], ALPHA]), kind="grey16"))
    assert np.array_equal(both[..., 1], DEEP[..., 0]) and np.array_equal(both[..., 3], ALPHA[..., 0])


def test_a_wide_gamut_profile_is_converted_in_eight_and_in_sixteen_bits(tmp_path: Path) -> None:
    p3 = open_profile("p3").icc
    soft = np.tile(np.array([[[150, 120, 100]]], np.uint8), (8, 8, 1))  # P3 (150, 120, 100) is sRGB (156, 119, 97)
    Image.fromarray(soft).save(tmp_path / "shallow.png", icc_profile=p3)
    shallow = read_picture(tmp_path / "shallow.png")[0, 0] / 257
    deep = read_picture(write_deep(tmp_path / "deep.png", soft.astype(np.uint16) * 257, p3))[0, 0] / 257
    assert np.allclose(shallow, deep, atol=0.6)
    expected = ImageCms.profileToProfile(
        Image.fromarray(soft),
        ImageCms.ImageCmsProfile(write_bytes(tmp_path / "p3.icc", p3)),
        ImageCms.createProfile("sRGB"),
    )
    assert np.allclose(deep, np.asarray(expected)[0, 0], atol=0.6)
    assert deep[0] > 152, "a reading that ignores the profile leaves red at 150"


def test_a_palette_with_a_profile_is_converted_too(tmp_path: Path) -> None:
    image = Image.fromarray(np.full((8, 8, 3), (150, 120, 100), np.uint8)).quantize(2)
    image.save(tmp_path / "palette.png", icc_profile=open_profile("p3").icc)
    assert read_picture(tmp_path / "palette.png")[0, 0, 0] / 257 > 152


def test_a_broken_profile_spoils_no_picture(tmp_path: Path) -> None:
    path = write_deep(tmp_path / "odd.tif", DEEP, b"no profile at all" * 20)
    assert np.array_equal(read_picture(path), DEEP)
    Image.fromarray(SHALLOW).save(tmp_path / "odd.png", icc_profile=b"no profile at all" * 20)
    assert np.array_equal(read_picture(tmp_path / "odd.png"), SHALLOW.astype(np.uint16) * 257)


def test_cmyk_becomes_srgb(tmp_path: Path) -> None:
    ink = Image.new("CMYK", (60, 40), (0, 255, 255, 0))
    ink.save(tmp_path / "ink.jpg")
    tifffile.imwrite(tmp_path / "ink.tif", np.full((40, 60, 4), (0, 65535, 65535, 0), np.uint16), photometric=5)
    for name in ("ink.jpg", "ink.tif"):
        red, green, blue = read_picture(tmp_path / name)[20, 30] / 65535
        assert red > 0.85 and green < 0.25 and blue < 0.25, f"{name}: magenta and yellow ink make red"


@pytest.mark.parametrize("turn", [{"deep": True}, {"deep": False}])
def test_a_picture_stands_upright_by_its_tag(tmp_path: Path, turn: dict) -> None:
    path, exif = tmp_path / "turned.tif", Image.Exif()
    exif[274] = 6  # the right side of the sensor was up: turn clockwise
    if turn["deep"]:
        tifffile.imwrite(path, DEEP, photometric="rgb", extratags=[(274, "H", 1, 6, True)])
    else:
        Image.fromarray(SHALLOW).save(path, exif=exif)
    whole = DEEP if turn["deep"] else SHALLOW.astype(np.uint16) * 257
    assert np.array_equal(read_picture(path), np.rot90(whole, -1))


def test_transparency_of_every_kind_is_alpha(tmp_path: Path) -> None:
    Image.merge("LA", (GREY, SOFT)).save(tmp_path / "la.png")
    assert np.array_equal(read_picture(tmp_path / "la.png")[..., 3], SHALLOW[..., 1].astype(np.uint16) * 257)
    palette = Image.fromarray(SHALLOW).quantize(16)
    for name in ("palette.png", "palette.gif"):
        palette.save(tmp_path / name, transparency=3)
        assert np.array_equal(read_picture(tmp_path / name)[..., 3] == 0, np.asarray(palette) == 3)
    Image.fromarray(SHALLOW).save(tmp_path / "key.png", transparency=tuple(int(v) for v in SHALLOW[0, 0]))
    assert read_picture(tmp_path / "key.png")[0, 0, 3] == 0


def test_one_pixel_and_thirty_thousand_pixels_are_pictures(tmp_path: Path) -> None:
    Image.fromarray(SHALLOW[:1, :1]).save(tmp_path / "one.png")
    assert read_picture(tmp_path / "one.png").shape == (1, 1, 3)
    Image.new("RGB", (30_000, 20), (9, 99, 199)).save(tmp_path / "wide.png")
    assert read_picture(tmp_path / "wide.png").shape == (20, 30_000, 3)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "deep.png", "deep.tif"])
@pytest.mark.parametrize("left", [0.5, 0.95])
def test_a_torn_file_is_named(tmp_path: Path, name: str, left: float) -> None:
    path = tmp_path / name
    write_deep(path, DEEP) if name.startswith("deep") else Image.fromarray(SHALLOW).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * left)])
    with pytest.raises(PictureError, match=rf"{name}.*(torn|truncated)"):
        read_picture(path)


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("a shopping list")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "empty.tif").write_bytes(b"II*\0")
    for name in ("text.png", "empty.png", "empty.tif"):
        with pytest.raises(PictureError, match=f"{name}: expected a whole picture"):
            read_picture(tmp_path / name)
    for path in (tmp_path / "missing.png", tmp_path):
        with pytest.raises(PictureError, match="no such picture"):
            read_picture(path)


def test_a_picture_of_nothing_is_named(tmp_path: Path) -> None:
    Image.new("RGBA", (20, 20), (200, 0, 0, 0)).save(tmp_path / "clear.png")
    with pytest.raises(PictureError, match=r"clear\.png: nothing to see"):
        read_picture(tmp_path / "clear.png")


def test_floats_are_refused_rather_than_guessed(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "float.tif", DEEP.astype(np.float32) / 65535, photometric="rgb")
    with pytest.raises(PictureError, match="expected 8 or 16 bits a channel, found float"):
        read_picture(tmp_path / "float.tif")


@pytest.mark.parametrize("bits", [8, 16])
def test_a_header_that_promises_a_gigantic_picture_is_refused_at_once(tmp_path: Path, bits: int) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">2I5B", 100_000, 100_000, bits, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + body)
    with pytest.raises(PictureError, match="100000x100000 is more than"):
        read_picture(path)


def test_a_written_picture_is_whole_and_alone(tmp_path: Path) -> None:
    write_picture(tmp_path / "new" / "shot.png", SHALLOW)
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["shot.png"]
    assert np.array_equal(read_picture(tmp_path / "new" / "shot.png"), SHALLOW.astype(np.uint16) * 257)


def write_bytes(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(
    ("text", "path", "weight"),
    [
        ("scream.jpg", "scream.jpg", 1.0),
        ("scream.jpg:0.6", "scream.jpg", 0.6),
        ("a:b.jpg:0.5", "a:b.jpg", 0.5),
        ("C:\\wreck.jpg", "C:\\wreck.jpg", 1.0),
        (":3", ":3", 1.0),
    ],
)
def test_a_picture_may_have_a_weight_and_colons_in_its_path(text: str, path: str, weight: float) -> None:
    assert split_weight(text) == (path, weight)


@pytest.mark.parametrize("text", ["scream.jpg:-1", "scream.jpg:nan", "scream.jpg:inf"])
def test_a_weight_that_no_picture_can_have_is_refused_by_name(text: str) -> None:
    with pytest.raises(PictureError, match=r"scream\.jpg"):
        split_weight(text)
