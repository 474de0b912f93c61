"""The show as a fixture in; a GDTF file out (General Device Type Format 1.2, DIN SPEC 15800), for consoles to patch."""

from __future__ import annotations

import io
import re
import uuid
import zipfile
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from installation.control.dmx.personality import KNOBS, Channel, Personality

GEOMETRY = "Wall"
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # the same show, the same bytes
_SNAP = {"Shutter", "Cue", "Go", "Fade time", "Freeze", "Control"}
_ATTRIBUTES = {
    "Dimmer": ("Dimmer", "Dimmer.Dimmer"),
    "Shutter": ("Shutter1", "Beam.Beam"),
    "Cue": ("MediaContent1", "Gobo.Media"),
    "Go": ("Control2", "Control.Control"),
    "Fade time": ("Control3", "Control.Control"),
    "Freeze": ("Playmode", "Gobo.Media"),
    "Speed": ("PlaySpeed", "Gobo.Media"),
    "Control": ("Control1", "Control.Control"),
} | {f"Knob {n}": (f"VideoEffect1Parameter{n}", "Video.Video") for n in range(1, KNOBS + 1)}
"""By our function: GDTF's own attribute (Annex B) and the feature that it belongs to."""


def make(personality: Personality, show: str) -> bytes:
    """The file: an archive with a description of one mode of 26 channels. The same show has the same identity."""
    described = ElementTree.tostring(describe(personality, show), "utf-8", xml_declaration=True)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("description.xml", _FIRST_DAY), described, zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def describe(personality: Personality, show: str) -> Element:
    """The description of the fixture, as XML."""
    root = Element("GDTF", DataVersion="1.2")
    made = SubElement(
        root,
        "FixtureType",
        Name=_plain(f"installation {show}"),
        ShortName=_plain(show)[:20],
        LongName=_plain(f"installation: the show {show}"),
        Manufacturer="installation",
        Description="A neural-art show on a wall, run as a fixture",
        FixtureTypeID=str(uuid.uuid5(uuid.NAMESPACE_URL, f"installation:{show}")).upper(),
        CanHaveChildren="No",
    )
    _define(SubElement(made, "AttributeDefinitions"), personality)
    for name in ("Wheels", "PhysicalDescriptions", "Models"):
        SubElement(made, name)
    SubElement(SubElement(made, "Geometries"), "Geometry", Name=GEOMETRY)
    mode = SubElement(SubElement(made, "DMXModes"), "DMXMode", Name=f"{personality.size} channels", Geometry=GEOMETRY)
    channels = SubElement(mode, "DMXChannels")
    for channel in personality.channels:
        _add(channels, channel)
    SubElement(mode, "Relations")
    SubElement(mode, "FTMacros")
    return root


def _define(definitions: Element, personality: Personality) -> None:
    """The features and attributes that the channels use, and no others."""
    SubElement(definitions, "ActivationGroups")
    groups = SubElement(definitions, "FeatureGroups")
    for feature in dict.fromkeys(feature for _, feature in _ATTRIBUTES.values()):
        group, name = feature.split(".")
        SubElement(SubElement(groups, "FeatureGroup", Name=group, Pretty=group), "Feature", Name=name)
    attributes = SubElement(definitions, "Attributes")
    for channel in personality.channels:
        name, feature = _ATTRIBUTES[channel.name]
        SubElement(attributes, "Attribute", Name=name, Pretty=_plain(channel.name), Feature=feature)


def _add(channels: Element, channel: Channel) -> None:
    """One channel, whose one function covers its whole range, with a named set for each of its steps."""
    attribute, _ = _ATTRIBUTES[channel.name]
    size, name = 1 + channel.wide, _plain(_called(channel))
    offsets = ",".join(str(channel.first + i) for i in range(size))
    made = SubElement(
        channels,
        "DMXChannel",
        DMXBreak="1",
        Offset=offsets,
        InitialFunction=f"{GEOMETRY}_{attribute}.{attribute}.{name}",
        Highlight=f"65535/{size}" if attribute == "Dimmer" else "None",
        Geometry=GEOMETRY,
    )
    logical = SubElement(
        made,
        "LogicalChannel",
        Attribute=attribute,
        Snap="Yes" if channel.name in _SNAP else "No",
        Master="Grand" if attribute == "Dimmer" else "None",
        MibFade="0",
        DMXChangeTimeLimit="0",
    )
    function = SubElement(
        logical,
        "ChannelFunction",
        Name=name,
        Attribute=attribute,
        OriginalAttribute=_plain(channel.about),
        DMXFrom=f"0/{size}",
        Default=f"{channel.default}/{size}",
        PhysicalFrom="0",
        PhysicalTo="1",
        RealFade="0",
    )
    for number, step in enumerate(channel.steps):  # names have to be unique
        said = _plain(step.what) if step.what != "nothing" or not number else ""
        SubElement(function, "ChannelSet", Name=said, DMXFrom=f"{step.low}/{size}")


def _called(channel: Channel) -> str:
    """The function's name; a knob's is that of what it turns."""
    turned = channel.about.partition(":")[0]
    return turned if channel.name.startswith("Knob") and turned != "not assigned" else channel.name


def _plain(text: str) -> str:
    """A name as GDTF allows it: dots and brackets tell its paths apart."""
    return re.sub(r"[^A-Za-z0-9 _+/()=-]", "_", text)[:120]
