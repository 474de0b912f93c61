"""Whatever stands in an effect's file, it is an effect or one line that says what to mend: nothing else comes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as any_of

from installation.rendering import isf

KEYS = (
    *("NAME", "TYPE", "DEFAULT", "MIN", "MAX", "VALUES", "IDENTITY", "LABEL", "TARGET", "WIDTH", "HEIGHT", "FLOAT"),
    *("PERSISTENT", "PATH", "INPUTS", "PASSES", "IMPORTED", "PERSISTENT_BUFFERS", "DESCRIPTION", "CREDIT"),
)
WORDS = any_of.sampled_from(
    (
        *(
            "float",
            "long",
            "color",
            "point2D",
            "bool",
            "event",
            "image",
            "audioFFT",
            "a",
            "b",
            "mix",
            "1x",
            "vec2",
            "é",
        ),
        *("$WIDTH/0", "9^9^9", "$a", "1" * 400, "(" * 200, "\0", "../x", "x" * 5000, "-1", "nan", "inf", "TIME", "a b"),
    )
)
NUMBERS = any_of.sampled_from((0, 1, -1, 0.5, 2**31, 10**30, 10**400, 1e308, float("inf"), float("nan")))
LEAVES = any_of.none() | any_of.booleans() | NUMBERS | any_of.integers() | any_of.floats() | WORDS | any_of.text()
VALUES = any_of.recursive(
    LEAVES,
    lambda inner: any_of.lists(inner, max_size=5) | any_of.dictionaries(any_of.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)
HEADERS = any_of.dictionaries(any_of.sampled_from(KEYS), VALUES, max_size=8)


def open_text(folder: Path, text: str | bytes) -> isf.Effect | str:
    """The effect, or what is said instead of it; anything else that is raised fails the test."""
    (folder / "x.fs").write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    try:
        return isf.read(folder / "x.fs")
    except isf.EffectError as error:
        assert str(error).startswith("x.fs") and len(str(error)) < 1500
        return str(error)


@given(said=HEADERS)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_header_is_an_effect_or_one_line(tmp_path: Path, said: dict) -> None:
    made = open_text(tmp_path, f"/*{json.dumps(said)}*/ void main() {{ gl_FragColor = vec4(1.0); }}")
    if isinstance(made, isf.Effect):
        for one in made.knobs:
            ends = (one.low, one.default, one.high)
            for low, value, high in zip(*ends, strict=True) if isinstance(one.default, tuple) else [ends]:
                assert -3.5e38 < low <= value <= high < 3.5e38


@given(text=any_of.binary(max_size=300) | any_of.text(max_size=300).map(str.encode))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_an_effect_or_one_line(tmp_path: Path, text: bytes) -> None:
    open_text(tmp_path, text)
    open_text(tmp_path, b"/*{" + text + b"}*/" + text)


def one(**entry: object) -> dict:
    return {"INPUTS": [{"NAME": "a", "TYPE": "float"} | entry]}


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"PASSES": 2}, "PASSES: expected a list of objects, found 2"),
        ({"INPUTS": True}, "INPUTS: expected a list of objects, found True"),
        (one(TYPE="long", MAX=float("inf")), "input 'a': .* expected a number, found inf"),
        (one(TYPE="long", MAX=2**31), "expected a number, found 2147483648"),
        (one(DEFAULT=float("nan")), "expected a number, found nan"),
        (one(MAX=10**400), "expected a number, found a number of many digits"),
        (one(DEFAULT={"x": 1}), "expected a number, found an object"),
        (one(TYPE="point2D", DEFAULT=[1]), "expected two numbers"),
        (one(TYPE="long", VALUES="123"), "expected VALUES as a list"),
        (one(TYPE="audioFFT", MAX=1e300), "expected a number"),
        (one(NAME="a b"), "input: expected a name that is a GLSL word"),
        (one(NAME="vec3"), "input: expected a name that is a GLSL word"),
        (one(NAME="é"), "input: expected a name that is a GLSL word"),
        (one(NAME="gl_x"), "input: expected a name that is a GLSL word"),
        (one(NAME="IMG_PIXEL"), "has the name of one of ISF's own"),
        (one(TYPE="sound"), "TYPE 'sound', which is unsupported"),
        ({"INPUTS": [{"NAME": f"a{n}"} for n in range(300)]}, "INPUTS: expected at most 256, found 300"),
        ({"PASSES": [{}] * 1000}, "PASSES: expected at most 64, found 1000"),
        ({"PASSES": [{"TARGET": "a; } void x() {"}]}, "pass TARGET: expected a name that is a GLSL word"),
        (one() | {"PASSES": [{"TARGET": "a"}]}, "pass TARGET 'a' has the name of a knob"),
        ({"PASSES": [{"TARGET": "b", "WIDTH": "1/0"}]}, "pass b: '1/0' has no value here: float division by zero"),
        ({"PASSES": [{"TARGET": "b", "WIDTH": "exp(10000)"}]}, "has no value here"),
        ({"PASSES": [{"TARGET": "b", "WIDTH": "$nobody"}]}, "nobody is no input of this effect"),
        ({"PASSES": [{"TARGET": "b", "WIDTH": "(" * 300 + "1" + ")" * 300}]}, "of at most 500 letters"),
        ({"PASSES": [{"TARGET": "b", "WIDTH": "-" * 400}, {"HEIGHT": "(" * 249}]}, "expected arithmetic"),
        ({"PASSES": [{"TARGET": f"b{n}", "WIDTH": 8192, "HEIGHT": 8192} for n in "abc"]}, "67 megapixels, found 201"),
        ({"IMPORTED": {"a": {"PATH": "x" * 5000}}}, "expected an image at .* found none"),
        ({"IMPORTED": {"a": {"PATH": "\0"}}}, "expected an image at .* found none"),
        ({"IMPORTED": {"a.b": {"PATH": "x.png"}}}, "IMPORTED: expected a name that is a GLSL word"),
        ([1, 2], "expected an ISF header"),
    ],
)  # fmt: skip
def test_a_header_says_what_cannot_be_and_is_told_what_to_mend(tmp_path: Path, said: object, says: str) -> None:
    text = open_text(tmp_path, f"/*{json.dumps(said)}*/ void main() {{}}")
    assert isinstance(text, str)
    with pytest.raises(isf.EffectError, match=says):
        isf.read(tmp_path / "x.fs")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('/*{"A":' + "[" * 100_000 + "}*/", "lists in lists"),
        ('/*{"A": ' + "[" * 900 + "]" * 900 + "}*/ void main() {}", ""),
        ('/*{"A": ' + "9" * 5000 + "}*/", "Exceeds the limit"),
        ("/*{" + " " * 10_000_000 + "}*/", "a text of at most 2 MB"),
        (b"\0\0\0" * 100, "found zero bytes"),
        ('/*{"A": "\0"}*/ void main() {}', "found zero bytes"),
        ("/*{}*/ void main() {}".encode("utf-16-le"), "found zero bytes"),
        (b"", "expected an ISF header"),
        ("/*" * 500_000, "expected an ISF header"),
        ("/*{" + "}" * 1_000_000, "expected an ISF header"),
        ("/*{}*/" + "/*" * 500_000, ""),
        ("/*{}*/" + "float mix(float a) {" + "mix(" * 200_000, ""),
        ("/*{" + '"' * 300_000 + "}*/", "the header is not JSON"),
        ("/*{" + ", " * 300_000 + "}*/ void main() {}", ""),
    ],
)
def test_a_file_of_any_size_is_read_in_one_breath(tmp_path: Path, text: str | bytes, says: str) -> None:
    made = open_text(tmp_path, text)
    assert says in made if isinstance(made, str) else not says


@pytest.mark.parametrize("code", ["utf-8-sig", "utf-16", "latin-1"])
def test_a_file_is_read_in_whatever_code_an_editor_saved_it(tmp_path: Path, code: str) -> None:
    made = open_text(tmp_path, '/*{"CREDIT": "Zoë"}*/ void main() { gl_FragColor = vec4(1.0); } // é'.encode(code))
    assert isinstance(made, isf.Effect) and made.credit == "Zoë"


def test_a_knob_whose_ends_are_swapped_or_whose_default_lies_outside_is_a_knob(tmp_path: Path) -> None:
    said = {
        "INPUTS": [
            {"NAME": "p", "TYPE": "point2D", "MIN": [1, 1], "MAX": [0, 0], "DEFAULT": [0.5, 3]},
            {"NAME": "c", "TYPE": "color", "DEFAULT": [2.0, -1.0, 0.5]},
            {"NAME": "n", "TYPE": "long", "MIN": 5, "MAX": 1, "DEFAULT": 3},
        ]
    }
    made = open_text(tmp_path, f"/*{json.dumps(said)}*/ void main() {{}}")
    assert isinstance(made, isf.Effect)
    point, color, number = made.inputs
    assert (point.low, point.high) == ((0.0, 0.0), (1.0, 3.0))
    assert (color.low, color.high) == ((0.0, -1.0, 0.0, 0.0), (2.0, 1.0, 1.0, 1.0))
    assert (number.low, number.high) == (1.0, 5.0)
