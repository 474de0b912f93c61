import json

import pytest

from installation import files
from installation.settings import Cue, Dmx, Effect, Route, SettingsError, Show, check, open_show, to_table


def test_an_unknown_key_is_an_error_that_names_the_nearest_one() -> None:
    with pytest.raises(SettingsError, match=r"unknown key 'rout'.*'routes'"):
        check(Show, {"name": "x", "rout": []}, "x.toml")


def test_a_wrong_type_says_where_what_was_expected_and_what_was_found() -> None:
    with pytest.raises(SettingsError, match=r"screen: size\[0\]: expected int, found 'wide'"):
        check(Show, {"name": "x", "screen": {"size": ["wide", 720]}}, "x.toml")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(SettingsError, match="'target' is missing"):
        check(Show, {"name": "x", "routes": [{"source": "sound.bass"}]}, "x.toml")


def test_true_is_not_a_number() -> None:
    with pytest.raises(SettingsError, match="expected int"):
        check(Show, {"name": "x", "seed": True}, "x.toml")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_number_that_is_none_stops_the_start_and_says_where(value: str) -> None:
    route = {"source": "sound.bass", "target": "generator.kick", "gain": float(value)}
    with pytest.raises(SettingsError, match=r"routes\[0\]: gain: expected a finite number, found " + value):
        check(Show, {"name": "x", "routes": [route]}, "x.toml")


def test_a_show_written_down_and_read_back_is_the_same_show() -> None:
    show = Show(
        "a", routes=(Route("x", "y"),), effects=(Effect("a.fs", knobs={"k": 1.0}),), cues=(Cue("1", values={"a": 1.0}),)
    )
    assert check(Show, json.loads(json.dumps(to_table(show))), "moment") == show


def test_a_show_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(SettingsError, match="bloom"):
        open_show("blom")


@pytest.mark.parametrize("path", sorted(files.shipped("shows").glob("*.toml")), ids=lambda p: p.stem)
def test_every_packaged_show_opens_and_says_what_it_is(path) -> None:
    show = open_show(str(path))
    assert show.about and show.generator.name


def test_text_that_is_not_toml_is_a_clear_error(tmp_path) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(b"\xff\xfe[[[")
    with pytest.raises(SettingsError, match="not TOML"):
        open_show(str(path))


@pytest.mark.parametrize(
    ("twice", "says"),
    [
        ('[[inputs]]\nname = "osc"\n', "inputs: 'osc' is there 2 times; keep one of them"),
        ('[[features]]\nname = "sound"\n', "features: 'sound' is there 2 times; keep one"),
        ('[[bends]]\nname = "a"\nlayer = "b"\noperation = "scale"\n', "bends: 'a' is there 2 times; give one"),
        ('[[effects]]\nfile = "oil.fs"\n', "effects: 'oil' is there 2 times; give one of them a name"),
        ('[[cues]]\nnumber = "1"\n', "cues: '1' is there 2 times; give one of them another number"),
    ],
)
def test_two_of_one_name_are_refused_by_name_with_what_to_do(tmp_path, twice, says) -> None:
    (tmp_path / "show.toml").write_text(twice * 2)
    with pytest.raises(SettingsError, match=says):
        open_show(str(tmp_path / "show.toml"))


def test_what_lies_beside_a_show_is_found_from_anywhere_and_comes_first(tmp_path, monkeypatch) -> None:
    (tmp_path / "show").mkdir()
    (tmp_path / "elsewhere").mkdir()
    for name in ("mine.fs", "own.fs", "price.csv"):
        (tmp_path / "show" / name).write_text("")
    (tmp_path / "show" / "a.toml").write_text(
        '[[effects]]\nfile = "mine.fs"\n[[effects]]\nfile = "own"\n[[effects]]\nfile = "oil.fs"\n'
        '[[inputs]]\nname = "ticker"\nsettings = { source = "price.csv" }\n'
    )
    monkeypatch.chdir(tmp_path / "elsewhere")
    show = open_show("../show/a.toml")
    beside = [str(tmp_path / "show/mine.fs"), str(tmp_path / "show/own.fs")]
    assert [effect.file for effect in show.effects] == [*beside, "oil.fs"]
    assert show.inputs[0].settings == {"source": str(tmp_path / "show/price.csv")}


def test_a_mistake_in_a_table_that_may_be_left_out_is_named_like_any_other() -> None:
    assert check(Show, {"name": "x"}, "x.toml").dmx is None
    with pytest.raises(SettingsError, match=r"x.toml: dmx: unknown key 'univers'; did you mean 'universe'\?"):
        check(Show, {"name": "x", "dmx": {"univers": 3}}, "x.toml")
    with pytest.raises(SettingsError, match=r"x\.toml: dmx: universe: expected int, found 'one'"):
        check(Show, {"name": "x", "dmx": {"universe": "one"}}, "x.toml")
    show = Show("a", dmx=Dmx("both", knobs=("generator.x", "")))
    assert check(Show, json.loads(json.dumps(to_table(show))), "moment") == show
