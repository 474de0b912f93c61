"""What was set up on the panel goes into the show file, whose own words stay; a packaged show is never touched."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from installation import files
from installation.live import presets, saving
from installation.settings import SettingsError, open_show

SHOW = """\
# my show, and why it is so
name = "mine"  # it stays

[[cues]]   # house open
number = "1"
values = { "generator.x" = 0.25 } # left a little

[[cues]]
number = "2"
fade_s = 4.0

[osc]
port = 9001 # the desk's
[osc.aliases]
"/old" = "master"

[dmx]
universe = 3
knobs = ["generator.y"] # fader 1
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(SHOW)
    return path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data" / "installation"


def test_values_of_the_running_cue_and_aliases_are_saved_and_every_comment_stays(path: Path) -> None:
    aliases, knobs = {"/1/fader3": "/installation/generator/z/norm"}, ["generator.y", "", "generator.z", "", ""]
    assert saving.save(str(path), "1", {"generator.z": 0.5, "generator.x": -0.123456789}, aliases, knobs) == path
    show, text = open_show(str(path)), path.read_text()
    assert show.cues[0].values == {"generator.x": -0.12346, "generator.z": 0.5} and show.cues[1].values == {}
    assert show.osc.aliases == {"/old": "master"} | aliases and show.osc.port == 9001
    assert show.dmx is not None and show.dmx.knobs == ("generator.y", "", "generator.z") and show.dmx.universe == 3
    for words in (
        "# my show, and why it is so",
        "# it stays",
        "# house open",
        "# left a little",
        "# the desk's",
        "# fader 1",
    ):
        assert words in text


def test_a_cue_that_named_no_values_gets_some(path: Path) -> None:
    saving.save(str(path), "2", {"generator.z": 0.5}, {})
    assert [cue.values for cue in open_show(str(path)).cues] == [{"generator.x": 0.25}, {"generator.z": 0.5}]


def test_a_show_without_cues_and_without_a_desk_gets_its_first_ones(path: Path) -> None:
    path.write_text('about = "bare"\n')
    saving.save(str(path), "", {"generator.z": 0.5}, {"/a": "master"})
    show = open_show(str(path))
    assert [(cue.number, cue.values) for cue in show.cues] == [("1", {"generator.z": 0.5})]
    assert show.osc.aliases == {"/a": "master"} and show.about == "bare"


@pytest.mark.parametrize("more", ["", '[midi]\nport = "nano" # the small one\n[midi.map]\n"cc 1/7" = "master"\n'])
def test_what_was_learnt_of_a_controller_is_saved(path: Path, more: str) -> None:
    path.write_text(SHOW + more)
    saving.save(str(path), "1", {}, {}, (), {"cc 1/8": "generator.z"})
    show = open_show(str(path))
    assert show.midi is not None and show.midi.map["cc 1/8"] == "generator.z" and len(show.midi.map) == 1 + bool(more)
    assert ("# the small one" in path.read_text()) == bool(more)


@pytest.mark.parametrize("spoilt", ["[[cues", "cues = 3", 'cues = ["a"]', "osc = 3", '[[cues]]\nnumber = "7"'])
def test_a_file_that_cannot_be_changed_is_left_as_it_is(path: Path, spoilt: str) -> None:
    path.write_text(spoilt)
    with pytest.raises(SettingsError):
        saving.save(str(path), "1", {"generator.z": 0.5}, {"/a": "master"})
    assert path.read_text() == spoilt and [p.name for p in path.parent.glob("*mine*")] == ["mine.toml"]


def test_a_packaged_show_is_saved_as_a_copy_that_the_next_start_finds(home: Path) -> None:
    packaged = files.shipped("shows") / "bloom.toml"
    before = packaged.read_bytes()
    there = saving.save("bloom", "2", {"generator.x": 0.5}, {})
    assert there == home / "shows" / "bloom.toml" and packaged.read_bytes() == before
    assert next(cue for cue in open_show("bloom").cues if cue.number == "2").values["generator.x"] == 0.5
    assert saving.save("bloom", "2", {"generator.x": 0.75}, {}) == there
    assert tomllib.loads(there.read_text())["seed"] == tomllib.loads(before.decode())["seed"]


def test_a_preset_is_kept_recalled_and_dropped(home: Path, monkeypatch) -> None:
    presets.keep("mine", "warm", {"generator.x": 0.5})
    presets.keep("mine", "cold", {"generator.x": -0.5})
    assert presets.names("mine") == ["cold", "warm"] and presets.names("other") == []
    assert presets.recall("mine", "warm") == {"generator.x": 0.5}
    monkeypatch.setattr(presets, "MOST", 2)
    presets.keep("mine", "warm", {"generator.x": 0.6})
    with pytest.raises(SettingsError, match="drop one first"):
        presets.keep("mine", "third", {"generator.x": 0.7})
    with pytest.raises(SettingsError, match="nothing to keep"):
        presets.keep("mine", "warm", {})
    presets.drop("mine", "warm")
    assert presets.names("mine") == ["cold"]
    with pytest.raises(SettingsError):
        presets.recall("mine", "warm")


@pytest.mark.parametrize("name", ["", "../escape", "a/b", ".hidden", "x" * 300, "nul", "/etc/passwd"])
def test_what_is_no_name_of_a_preset_touches_nothing(home: Path, name: str) -> None:
    for act in (lambda: presets.keep("mine", name, {"x": 1.0}), lambda: presets.recall("mine", name)):
        with pytest.raises(SettingsError):
            act()
    assert not home.exists()


def test_a_preset_that_somebody_wrote_badly_is_none(home: Path) -> None:
    folder = presets.folder_of("mine")
    folder.mkdir(parents=True)
    (folder / "odd.json").write_text('{"values": {"a": 1, "b": "2", "c": NaN}}')
    (folder / "none.json").write_text("[1]")
    assert presets.recall("mine", "odd") == {"a": 1.0}
    with pytest.raises(SettingsError):
        presets.recall("mine", "none")


def test_a_cue_that_is_gone_is_named(path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no cue '99' in it any more"):
        saving.save(str(path), "99", {"generator.z": 0.5}, {})
