"""The fixture sheet: what is printed, tabled and patched is what the channels do, of this very show."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import consoles
import numpy as np
import pygdtf
import pytest
from consoles import DEFAULT
from PIL import Image
from rehearsal import CUES, KNOBS

from installation.control.dmx import gdtf, sheet
from installation.control.dmx.merging import Look
from installation.control.dmx.personality import Personality
from installation.settings import Cue, Dmx
from installation.signals import Knob

ALL = KNOBS | {"effect.cut.press": Knob("effect.cut.press", 0.0, 1.0, 0.0, "a cut", "event")}


def made(**more: object) -> Personality:
    return Personality(consoles.settings(**more), ALL, CUES)


def read(personality: Personality) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(sheet.table(personality))))


def test_the_table_names_every_channel_once_and_says_where_it_is() -> None:
    functions = [row for row in read(made(address=101)) if row["bits"]]
    covered = [n for row in functions for n in range(*span(row["channel"]))]
    assert covered == list(range(101, 127))
    own = [n for row in functions for n in range(*span(row["in fixture"]))]
    assert own == list(range(1, 27))


def span(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first) + 1


def test_the_table_has_the_show_s_own_cues_and_knobs() -> None:
    meant = [row["meaning"] for row in read(made())]
    assert "cue 1.5: first visitors" in meant and "effect.tear.amount: width of the tear" in meant
    assert "2 to 12 in whole numbers" in meant and "not assigned" in meant


def test_the_defaults_of_the_table_ask_for_nothing() -> None:
    levels = b""
    for row in read(made()):
        if row["bits"]:
            levels += int(row["default"]).to_bytes(int(row["bits"]) // 8, "big")
    assert levels == DEFAULT
    assert made().read(Look(levels, b"a", 0.0), 0.0) == []


def test_the_steps_of_each_channel_cover_its_whole_range_without_a_gap() -> None:
    for channel in made().channels:
        covered = [n for step in channel.steps for n in (step.low, step.high)]
        if channel.name != "Cue" and covered:
            assert covered[0] == 0 and covered[-1] == (65_535 if channel.wide else 255)
        assert all(low == high + 1 for high, low in zip(covered[1::2], covered[2::2], strict=False)), channel.name


def test_pages_are_written_as_a_pdf_and_as_a_picture(tmp_path: Path) -> None:
    asked = consoles.settings(host="10.0.0.5")
    for name in ("sheet.pdf", "sheet.png"):
        sheet.write_pages(tmp_path / name, made(), asked, "bloom")
    assert (tmp_path / "sheet.pdf").read_bytes().startswith(b"%PDF-")
    with Image.open(tmp_path / "sheet.png") as picture:
        pixels = np.asarray(picture)
    dark = (pixels < 100).all(2)
    assert pixels.shape == (1754, 1240, 3) and 0.01 < dark.mean() < 0.2
    assert not dark[:, :60].any() and not dark[:, -60:].any() and not dark[-60:].any(), "within its margins"


def test_a_show_of_many_cues_takes_as_many_pages_as_it_needs(tmp_path: Path) -> None:
    many = Personality(Dmx(), KNOBS, [Cue(str(n), "a cue with a long name " * 20) for n in range(255)])
    sheet.write_pages(tmp_path / "many.png", many, Dmx(), "bloom")
    sheet.write_pages(tmp_path / "many.pdf", many, Dmx(), "bloom")
    with Image.open(tmp_path / "many.png") as picture:
        pages = picture.height // 1754
        dark = (np.asarray(picture).reshape(pages, 1754, 1240, 3) < 100).all(3)
    assert pages >= 5 and (tmp_path / "many.pdf").read_bytes().count(b"/Type /Page\n") in (0, pages)
    assert not dark[:, -60:].any() and not dark[:, :, -60:].any() and (dark.mean((1, 2)) > 0.002).all()
    assert dark[0].mean() > 0.015, "the cues begin on the first page"


def test_lighting_software_reads_the_same_channels_from_the_gdtf(tmp_path: Path) -> None:
    personality = made()
    (tmp_path / "bloom.gdtf").write_bytes(gdtf.make(personality, "bloom"))
    fixture = pygdtf.FixtureType(tmp_path / "bloom.gdtf")
    [mode] = fixture.dmx_modes
    assert fixture.name == "installation bloom" and mode.dmx_channels_count == 26
    for ours, theirs in zip(personality.channels, mode.dmx_channels, strict=True):
        [logical] = theirs.logical_channels
        [function] = logical.channel_functions
        assert theirs.offset == list(range(ours.first, ours.first + 1 + ours.wide))
        assert (function.default.value, function.default.byte_count) == (ours.default, 1 + ours.wide)
        starts = [one.dmx_from.value for one in function.channel_sets if one.name != ""]
        assert set(starts) <= {step.low for step in ours.steps}
    dimmer = mode.dmx_channels[0].logical_channels[0]
    assert str(dimmer.attribute) == "Dimmer" and str(dimmer.master) == "Grand"


def test_the_gdtf_is_sound_in_itself_and_the_same_for_the_same_show() -> None:
    packed = gdtf.make(made(), "bloom")
    assert packed == gdtf.make(made(), "bloom")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == ["description.xml"]
        root = ElementTree.fromstring(archive.read("description.xml"))
    fixture = root.find("FixtureType")
    assert fixture is not None and [child.tag for child in fixture] == [
        *("AttributeDefinitions", "Wheels", "PhysicalDescriptions", "Models", "Geometries", "DMXModes")
    ], "in the order of the schema"
    defined = {one.get("Name") for one in root.iter("Attribute")}
    features = {f"{g.get('Name')}.{f.get('Name')}" for g in root.iter("FeatureGroup") for f in g}
    assert {one.get("Feature") for one in root.iter("Attribute")} == features
    used = [one.get("Attribute") for one in root.iter("LogicalChannel")]
    assert set(used) == defined and len(set(used)) == len(used), "an attribute belongs to one channel"
    for channel in root.iter("DMXChannel"):
        logical, function = channel.find("LogicalChannel"), channel.find("LogicalChannel/ChannelFunction")
        assert logical is not None and function is not None
        path = f"Wall_{logical.get('Attribute')}.{logical.get('Attribute')}.{function.get('Name')}"
        assert channel.get("InitialFunction") == path and path.count(".") == 2, "names have no dots of their own"
        sets = [(one.get("Name"), one.get("DMXFrom")) for one in function]
        assert len(set(sets)) == len(sets)


@pytest.mark.parametrize("name", ["Blüte «1.5» {x} & <y>", "花", "x" * 300, "."])
def test_any_name_of_a_show_makes_a_file_that_can_be_read(tmp_path: Path, name: str) -> None:
    odd = Personality(Dmx(), KNOBS, [Cue("1.5", name), Cue("2", name)])
    (tmp_path / "odd.gdtf").write_bytes(gdtf.make(odd, name))
    assert pygdtf.FixtureType(tmp_path / "odd.gdtf").dmx_modes[0].dmx_channels_count == 26
    sheet.write_pages(tmp_path / "odd.pdf", odd, Dmx(), name)
    assert name in sheet.table(odd).replace('""', '"')
