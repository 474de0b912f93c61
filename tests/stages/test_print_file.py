"""What a lab is sent: read back by other programs, it is as large, as deep and of the colours that were asked for."""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from installation.settings import SettingsError
from installation.signals import Still
from installation.stages import print_file
from installation.stages.pixels import flatten
from installation.stages.print_file import press
from installation.stages.print_file.labs import FOLDER, Lab, lay_out, open_lab
from installation.stages.print_file.lengths import LengthError, parse_length
from installation.stages.print_file.profiles import SPACES, ProfileError, open_profile, to_xyz_matrix
from installation.stages.work import Made, Work
from installation.stills.sheets import before_after, contact_sheet

CHANCE = np.random.default_rng(5)
GRAIN = CHANCE.integers(0, 65536, (60, 80, 4), dtype=np.uint16)
GRAIN[:20, :, 3], GRAIN[20:40, :, 3] = 65535, 0  # opaque above, clear in the middle, mixed below
PLAIN = np.ascontiguousarray(GRAIN[..., :3])


def make(folder: Path, pixels: np.ndarray, **settings: Any) -> Made:
    folder.mkdir(exist_ok=True)
    stage = print_file.create(print_file.Settings(**settings))
    return stage.run((Still(pixels, "fern", "key"),), Work(1, folder))


def ask_exiftool(path: Path) -> Any:
    """What another program says of a file, or of each in a folder."""
    answer = subprocess.run(["exiftool", "-json", "-n", str(path)], capture_output=True, text=True, check=True)
    told = json.loads(answer.stdout)
    return told if path.is_dir() else told[0]


@pytest.mark.parametrize("compression", ["none", "lzw", "deflate"])
@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
def test_no_tiff_grows_beyond_the_size_that_decides_on_a_bigtiff(
    tmp_path: Path, compression: str, tiled: bool, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    grain = CHANCE.integers(0, 1 << bits, (700, 900, 3), dtype=np.uint16 if bits == 16 else np.uint8)
    image = press.pyvips.Image.new_from_array(grain).copy(interpretation="rgb16" if bits == 16 else "srgb")
    lab = Lab(name="a", format="tiff", bits=bits, compression=compression, tiled=tiled)
    press.save(image, tmp_path / "a.tif", lab, 254)
    size, most = (tmp_path / "a.tif").stat().st_size, press.most_tiff_bytes(image, lab)
    assert size <= most
    assert compression != "lzw" or bits == 8 or size > grain.nbytes * 1.2, "grain grows: the source's size is no bound"
    monkeypatch.setattr(press, "BIG_TIFF_BYTES", size - 1)
    press.save(image, tmp_path / "b.tif", lab, 254)
    assert tifffile.TiffFile(tmp_path / "b.tif").is_bigtiff


# The master


def test_the_master_is_what_another_program_says_it_is(tmp_path: Path) -> None:
    made = make(tmp_path, PLAIN)
    told = ask_exiftool(tmp_path / "master.tif")
    assert (told["ImageWidth"], told["ImageHeight"], told["BitsPerSample"]) == (80, 60, "16 16 16")
    assert (told["XResolution"], told["YResolution"], told["ResolutionUnit"]) == (254, 254, 2)
    assert told["ProfileDescription"].startswith("sRGB") and told["Compression"] == 8 and told["TileWidth"] == 256
    assert made.notes["size_mm"] == [8.0, 6.0]


def test_an_opaque_picture_reaches_the_master_to_the_last_bit(tmp_path: Path) -> None:
    make(tmp_path, PLAIN)
    assert np.array_equal(tifffile.imread(tmp_path / "master.tif"), PLAIN)


def test_what_is_clear_is_white_paper_unless_alpha_is_asked_for(tmp_path: Path) -> None:
    make(tmp_path / "paper", GRAIN)
    paper = tifffile.imread(tmp_path / "paper" / "master.tif")
    assert np.abs(paper - flatten(GRAIN) * 65535).max() < 1.5 and (paper[20:40] == 65535).all()
    make(tmp_path / "clear", GRAIN, alpha=True)
    assert np.array_equal(tifffile.imread(tmp_path / "clear" / "master.tif"), GRAIN)
    assert ask_exiftool(tmp_path / "clear" / "master.tif")["ExtraSamples"] == 2, "unassociated alpha"


def test_the_ground_may_be_another_colour(tmp_path: Path) -> None:
    make(tmp_path, GRAIN, ground=(0.2, 0.4, 0.6))
    assert np.allclose(tifffile.imread(tmp_path / "master.tif")[30, 5] / 65535, (0.2, 0.4, 0.6), atol=2e-5)


def test_the_master_in_adobe_rgb_has_other_numbers_for_the_same_colour(tmp_path: Path) -> None:
    soft = np.tile(np.array([52428, 32768, 19661], np.uint16), (16, 16, 1))
    make(tmp_path, soft, profile="adobe-rgb")
    found = tifffile.imread(tmp_path / "master.tif")[8, 8] / 65535
    assert ask_exiftool(tmp_path / "master.tif")["ProfileDescription"] == "Adobe RGB (1998) compatible"
    assert np.allclose(found, in_space("adobe-rgb", soft[0, 0] / 65535), atol=3e-4)
    assert abs(found[0] - soft[0, 0, 0] / 65535) > 0.02, "assigned, not converted"


def test_three_millimetres_of_bleed_mirror_the_edge(tmp_path: Path) -> None:
    make(tmp_path, PLAIN, bleed_mm=3.0)
    whole = tifffile.imread(tmp_path / "master.tif")
    assert whole.shape == (120, 140, 3), "3 mm at 254 dpi are 30 px a side"
    assert np.array_equal(whole, np.pad(PLAIN, ((30, 30), (30, 30), (0, 0)), mode="symmetric"))


def test_white_stays_white_when_a_picture_is_scaled(tmp_path: Path) -> None:
    white = np.full((90, 120, 3), 65535, np.uint16)
    for size in ((40, 30), (96, 72), (317, 238)):
        make(tmp_path, white, size=size)
        assert (tifffile.imread(tmp_path / "master.tif") == 65535).all(), size


def test_a_print_of_another_shape_is_padded_or_cropped_never_distorted(tmp_path: Path) -> None:
    disc = np.full((60, 120, 3), 65535, np.uint16)
    y, x = np.mgrid[:60, :120]
    disc[(x - 59.5) ** 2 + (y - 29.5) ** 2 < 400] = 0
    for how, radius in (("pad", 20 / 120 * 100), ("crop", 20 / 60 * 100)):
        make(tmp_path, disc, size=(100, 100), fit=how)
        dark = tifffile.imread(tmp_path / "master.tif")[..., 0] < 32768
        assert dark.shape == (100, 100)
        assert np.allclose((dark.any(0).sum(), dark.any(1).sum()), 2 * radius, atol=2), how


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1, 4), (1, 30_000, 3), (2000, 1, 4), (2, 3, 3)])
def test_any_shape_of_still_is_printed(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    made = make(tmp_path, np.full(shape, 40_000, np.uint16), labs=("srgb-jpeg",), bleed_mm=1.0)
    assert tifffile.imread(tmp_path / "master.tif").shape == (shape[0] + 20, shape[1] + 20, 3)
    assert max(made.pixels.shape) <= 2400


def test_a_still_of_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"fern: .*wholly transparent"):
        make(tmp_path, np.zeros((8, 8, 4), np.uint16))


def test_a_map_of_a_file_is_printed_as_its_copy_would_be(tmp_path: Path) -> None:
    np.save(tmp_path / "pixels.npy", GRAIN)
    mapped = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    for part in (mapped, mapped[10:], mapped[:, 5:], mapped[..., :3]):
        assert np.array_equal(press.open_pixels(part).numpy(), part)


def test_the_same_still_makes_the_same_bytes(tmp_path: Path) -> None:
    once, twice = (make(tmp_path / name, GRAIN, labs=("srgb-jpeg", "adobe-rgb-16bit")) for name in "ab")
    assert once.notes == twice.notes
    for told in once.notes["files"]:
        assert hashlib.sha256((tmp_path / "a" / told["name"]).read_bytes()).hexdigest() == told["sha256"]


def test_the_proof_is_small_srgb_and_what_goes_on(tmp_path: Path) -> None:
    made = make(tmp_path, np.tile(GRAIN, (2, 2, 1)), proof_px=100, profile="p3")
    with Image.open(tmp_path / "proof.jpg") as proof:
        assert proof.size == (100, 75) and proof.mode == "RGB"
        description = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(proof.info["icc_profile"])))
        assert description.startswith("sRGB")
        assert np.abs(np.asarray(proof).astype(int) - made.pixels // 257).mean() < 6
    assert made.pixels.shape == (75, 100, 3) and made.pixels.dtype == np.uint16


# The labs


def test_each_lab_gets_the_file_it_asks_for(tmp_path: Path) -> None:
    names = sorted(path.stem for path in FOLDER.glob("*.toml"))
    made = make(tmp_path, GRAIN, labs=tuple(names))
    read = {told["FileName"].rpartition(".")[0]: told for told in ask_exiftool(tmp_path)}
    said = {told["name"].rpartition(".")[0]: told for told in made.notes["files"]}
    assert set(read) == set(said) == {"master", "proof", *names}
    for name in names:
        lab, found = open_lab(name), read[name]
        whole = lay_out(lab, (80, 60), 254.0).whole_px
        assert (found["ImageWidth"], found["ImageHeight"]) == tuple(said[name]["size_px"]) == whole, name
        assert found["ProfileDescription"] == SPACES[lab.profile].description, name
        assert found["XResolution"] == found["YResolution"] == (lab.dpi or 254) and found["ResolutionUnit"] == 2, name
        assert str(found["BitsPerSample"]).split()[0] == str(lab.bits) and lab.about, name


def test_every_lab_sees_the_same_colours(tmp_path: Path) -> None:
    y, x = np.mgrid[:64, :64] / 63
    ramp = (np.dstack([x, y, 1 - x]) * 0.6 + 0.2) * 65535
    names = ("srgb-8bit", "adobe-rgb-8bit-lzw", "display-p3-16bit")
    make(tmp_path, ramp.astype(np.uint16), labs=names)
    for name in names:
        path = tmp_path / f"{name}.tif"
        page = tifffile.TiffFile(path).pages[0]
        if page.dtype == np.uint8:
            with Image.open(path) as image:
                found = np.asarray(image) / 255
        else:
            found = page.asarray() / 65535
        expected = in_space(open_lab(name).profile, ramp / 65535)
        assert np.abs(found - expected).max() < (0.004 if page.dtype == np.uint8 else 0.0005), name


def test_a_job_of_ten_thousand_pixels_is_laid_out_for_each_lab() -> None:
    assert lay_out(Lab("a", bleed="3mm"), (10_000, 10_000), 254.0).whole_px == (10_060, 10_060)
    bled = lay_out(open_lab("300dpi-bleed-0.125in"), (10_000, 10_000), 254.0)
    assert (bled.trim_px, bled.bleed_px) == ((11_811, 11_811), 38)
    sized = lay_out(Lab("b", size=("40in", "30in"), dpi=300.0), (10_000, 10_000), 254.0)
    assert sized.whole_px == (12_000, 9_000)


def test_a_lab_of_ones_own_with_a_paper_shows_how_it_will_look(tmp_path: Path) -> None:
    cmyk = press.pyvips.Operation.call("profile_load", "cmyk")
    (tmp_path / "paper.icc").write_bytes(cmyk)
    (tmp_path / "atelier.toml").write_text('profile = "paper.icc"\nsoft_proof = "paper.icc"\n')
    glowing = np.tile(np.array([0, 65535, 0], np.uint16), (32, 32, 1))
    glowing[:, 16:] = 30_000
    made = make(tmp_path / "out", glowing, labs=(str(tmp_path / "atelier.toml"),))
    told = ask_exiftool(tmp_path / "out" / "atelier.tif")
    assert told["SamplesPerPixel"] == 4 and told["ColorSpaceData"].strip() == "CMYK"
    proof = next(file for file in made.notes["files"] if file["name"] == "atelier-soft-proof.jpg")
    assert 0.3 < proof["out_of_gamut_share"] < 0.7, "screen green cannot be printed, grey can"
    with Image.open(tmp_path / "out" / "atelier-soft-proof.jpg") as image:
        green, grey = np.asarray(image)[16, 8], np.asarray(image)[16, 24]
    assert max(green) < 235 and np.ptp(grey.astype(int)) < 10, "less green, and grey that stays grey"


ELSEWHERE = ("../elsewhere/precious", "/tmp/precious", "a\\\\b", "..", "", ".profile", "C:x", "nul", "x" * 300, "a\\nb")


def test_a_lab_that_takes_anothers_file_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text('name = "SRGB-8bit"')
    with pytest.raises(SettingsError, match="another name for every file"):
        print_file.create(print_file.Settings(labs=("srgb-8bit", str(tmp_path / "b.toml"))))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('format = "jpeg"\nbits = 16', "bits: expected 8, found 16"),
        ('compression = "zip"', "compression: expected none or lzw or deflate"),
        ('profil = "srgb"', "did you mean 'profile'"),
        ('profile = "prophoto"', "srgb, adobe-rgb, p3"),
        ('profile = "lost.icc"', "no such colour profile"),
        ('bleed = "3 parsec"', "expected the unit m, cm, mm, in or px"),
        ('size = ["1m"]', "a size of 2 lengths"),
        ("bits = ", "not TOML"),
        *((f'name = "{name}"', "name: expected one word for the file's name") for name in ELSEWHERE),
    ],
)
def test_a_lab_that_cannot_be_is_named_before_anything_is_made(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "odd.toml").write_text(text)
    with pytest.raises(SettingsError, match=says):
        print_file.create(print_file.Settings(labs=(str(tmp_path / "odd.toml"),)))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"labs": ("whitewall",)}, "no lab 'whitewall'; there are: 300dpi"),
        ({"labs": ("srgb-8bit", "srgb-8bit")}, "another name for every file"),
        ({"size": (100, 0)}, "two numbers of pixels"),
        ({"dpi": 0.0}, "expected dpi > 0"),
        ({"fit": "stretch"}, "fit: expected pad or crop"),
        ({"size": (70_000, 10), "labs": ("srgb-jpeg",)}, "a JPEG has at most 65500"),
    ],
)
def test_a_print_that_cannot_be_is_refused_at_the_start(settings: dict, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        print_file.create(print_file.Settings(**settings))


def test_the_fingerprint_follows_the_presets(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    prints = set()
    for text in ("bits = 8", "bits = 16", 'profile = "p3"'):
        path.write_text(text)
        prints.add(print_file.create(print_file.Settings(labs=(str(path),))).fingerprint)
    path.write_text("# the same again\nbits = 8\n")
    prints.add(print_file.create(print_file.Settings(labs=(str(path),))).fingerprint)
    assert len(prints) == 3


# Faults and size


def test_a_full_disk_leaves_no_half_file_and_says_so(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(OSError, match=r"master\.tif: cannot be written: .*MB are free"):
            make(tmp_path, CHANCE.integers(0, 65536, (600, 600, 3), dtype=np.uint16), proof_px=40)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["proof.jpg"]


def test_a_huge_still_is_never_wholly_copied_into_memory(tmp_path: Path) -> None:
    program = """
import pathlib, sys
import numpy as np
from installation.signals import Still
from installation.stages import print_file
from installation.stages.work import Work
folder = pathlib.Path(sys.argv[1])
def peak_kb():
    status = pathlib.Path("/proc/self/status").read_text()  # ru_maxrss would count the parent that forked it
    return int(status.partition("VmHWM:")[2].split()[0])
for side in (1000, 4000):  # the first opens what both need
    np.lib.format.open_memmap(folder / "pixels.npy", "w+", np.uint16, (side, side, 3))[::7] = 30_000
    pixels = np.load(folder / "pixels.npy", mmap_mode="r")
    print_file.create(print_file.Settings(proof_px=300)).run((Still(pixels, "s", "k"),), Work(1, folder))
    print(peak_kb())
"""
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}  # what is freed goes back at once
    command = [sys.executable, "-c", program, str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    small_mb, huge_mb = (int(kb) / 1024 for kb in answer.stdout.split())
    assert huge_mb - small_mb < 1.5 * 92, "92 MB of its file are mapped, and count; a copy would be as many again"


def test_progress_rises_to_one_and_names_the_files(tmp_path: Path) -> None:
    seen: list[tuple[float, str]] = []
    stage = print_file.create(print_file.Settings(labs=("srgb-jpeg",)))
    big = np.zeros((900, 900, 3), np.uint16)
    stage.run((Still(big, "s", "k"),), Work(1, tmp_path, progress=lambda f, note="": seen.append((f, note))))
    assert [f for f, _ in seen] == sorted(f for f, _ in seen) and seen[-1][0] == 1.0
    assert {"proof.jpg", "master.tif", "srgb-jpeg.jpg"} <= {note for _, note in seen}


# Profiles, lengths, sheets


def in_space(name: str, encoded: np.ndarray) -> np.ndarray:
    """sRGB-encoded colours as another space encodes them, by the definition of the spaces, without LittleCMS."""
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    matrices = [to_xyz_matrix(SPACES[space].primaries_xy) for space in (name, "srgb")]
    other = np.clip(linear @ (np.linalg.inv(matrices[0]) @ matrices[1]).T, 0, 1)
    if SPACES[name].gamma:
        return other ** (1 / SPACES[name].gamma)
    return np.where(other <= 0.0031308, other * 12.92, 1.055 * other ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("name", SPACES)
def test_little_cms_reads_our_profiles_and_agrees_with_the_definition(name: str) -> None:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(open_profile(name).icc))
    assert ImageCms.getProfileDescription(profile).strip() == SPACES[name].description
    assert "CC0" in ImageCms.getProfileCopyright(profile)
    inside = CHANCE.integers(30, 226, (20, 20, 3), dtype=np.uint8)
    found = ImageCms.profileToProfile(Image.fromarray(inside), ImageCms.createProfile("sRGB"), profile)
    assert np.abs(np.asarray(found) - in_space(name, inside / 255) * 255).max() < 1.6


def test_adobe_rgb_has_the_colorants_that_adobe_publishes() -> None:
    matrix = to_xyz_matrix(SPACES["adobe-rgb"].primaries_xy)
    published = [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]
    assert np.allclose(matrix, published, atol=1e-4)


def test_a_file_that_is_no_profile_is_named(tmp_path: Path) -> None:
    (tmp_path / "torn.icc").write_bytes(open_profile("p3").icc[:90])
    with pytest.raises(ProfileError, match=r"torn\.icc: expected an ICC profile"):
        open_profile(str(tmp_path / "torn.icc"))


@pytest.mark.parametrize(
    ("text", "pixels"),
    [
        *(("1m", 10_000), ("100cm", 10_000), ("1000 mm", 10_000), (".5 M", 5000), ("3mm", 30)),
        *(("40in", 10_160), ('40"', 10_160), ("0.125in", 32), ("3000px", 3000), ("3000", 3000)),
    ],
)
def test_a_length_is_read_in_any_unit(text: str, pixels: int) -> None:
    assert parse_length(text, 254.0) == pixels


@pytest.mark.parametrize("text", ["", "m", "-1m", "1 km", "1,5m", "nan", "0mm", "1e9px", "1m2"])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(LengthError, match=r"expected|less than one pixel"):
        parse_length(text, 254.0)


def test_a_length_needs_a_resolution() -> None:
    with pytest.raises(LengthError, match="dots per inch above 0"):
        parse_length("1m", 0.0)


def test_a_contact_sheet_shows_every_picture_whole_on_white() -> None:
    red = np.tile(np.array([65535, 0, 0], np.uint16), (100, 300, 1))
    clear = np.zeros((300, 100, 4), np.uint16)
    sheet = contact_sheet(
        [("red\nseed 1", red), ("clear", clear), ("a name far too long for its cell" * 9, red)], 2, 120
    )
    assert sheet.dtype == np.uint8 and sheet.shape[2] == 3 and (sheet[:30] == 255).all() and (sheet[-30:] == 255).all()
    is_red = (sheet == (255, 0, 0)).all(2)
    assert is_red.sum() == 2 * 120 * 40, "both red pictures, three to one"
    assert (sheet[:, -30:] == 255).all(), "long names stay in their cell"
    with pytest.raises(ValueError, match="expected pictures"):
        contact_sheet([])


def test_before_and_after_hang_at_one_height() -> None:
    sheet = before_after(np.zeros((50, 50, 3), np.uint16), np.zeros((500, 1000, 3), np.uint8), height_px=200)
    black = (sheet == 0).all(2)
    assert black.sum() == 200 * 200 + 200 * 400
    assert before_after(np.zeros((1, 30_000, 3), np.uint16), np.zeros((9, 9, 3), np.uint16)).shape[1] < 9000


def test_real_cut_outs_make_a_sheet(shared: Path) -> None:
    from installation.pictures import read_picture

    paths = sorted((shared / "data" / "cutouts" / "plants").glob("*.png"))[:3]
    sheet = contact_sheet([(path.stem, read_picture(path)) for path in paths], 3, 160, "Plants")
    assert sheet.std() > 20


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are no bytes")
@pytest.mark.parametrize("kind", ["tiff", "png", "jpeg"])
def test_a_folder_whose_name_is_no_text_is_read_from_and_printed_to(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / os.fsdecode(b"Entw\xfcrfe")
    folder.mkdir()
    np.save(folder / "still.npy", PLAIN)
    image = press.open_pixels(np.load(folder / "still.npy", mmap_mode="r"))
    lab = Lab(name="a", format=kind, bits=8, compression="none")
    made = press.convert(image, open_profile("srgb"), lab.bits, "relative")
    press.save(made, folder / f"a{press.SUFFIXES[kind]}", lab, 254)
    with Image.open(folder / f"a{press.SUFFIXES[kind]}") as found:
        off = np.abs(np.asarray(found, float) - PLAIN / 257)
    assert off.max() <= 0.5 or kind == "jpeg"
