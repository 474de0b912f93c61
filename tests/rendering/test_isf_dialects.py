"""What community files do that no specification mentions: each habit as a few lines of our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flower import pixels_of

from installation import settings
from installation.rendering import isf
from installation.rendering.check import check_files
from installation.rendering.effects import Chain

SIZE = (64, 36)
Draw = Callable[..., np.ndarray]


@pytest.fixture
def draw(context, flower, tmp_path: Path) -> Draw:
    """Write an effect (and the .vs beside it) and return its picture after one frame."""

    def draw_one(header: str, glsl: str, vertex: str = "", **given: float) -> np.ndarray:
        (tmp_path / "x.fs").write_text(f"{header}\n{glsl}", encoding="utf-8")
        if vertex:
            (tmp_path / "x.vs").write_text(vertex)
        chain = Chain(context, [settings.Effect("x")], SIZE, tmp_path)
        values = {f"effect.x.{name}": value for name, value in given.items()}
        return pixels_of(chain.draw(flower, values, 0.0))

    return draw_one


def header(*names: str, passes: str = "") -> str:
    inputs = ", ".join(f'{{"NAME": "{name}", "TYPE": "float", "DEFAULT": 0.2}}' for name in names)
    return f'/*{{"INPUTS": [{{"NAME": "inputImage", "TYPE": "image"}}, {inputs}]{passes}}}*/'.replace(", ]", "]")


@pytest.mark.parametrize("name", ["smooth", "filter", "active", "input"])
def test_a_knob_may_have_the_name_of_a_word_that_glsl_keeps_for_itself(draw: Draw, name: str) -> None:
    seen = draw(header(name), f"void main() {{ gl_FragColor = vec4({name}); }}", **{name: 0.6})
    assert seen[9, 9, 0] == 153


def test_a_knob_called_mix_leaves_the_function_mix_in_reach(draw: Draw) -> None:
    seen = draw(header("mix"), "void main() { gl_FragColor = mix(vec4(0.0), vec4(1.0), mix); }", mix=0.4)
    assert seen[9, 9, 0] == 102


def test_a_variable_called_texture_leaves_texture2d_in_reach(draw: Draw) -> None:
    glsl = "void main() { vec4 texture = vec4(0.2); texture += texture2D(inputImage, vv_FragNormCoord) * 0.0;"
    assert draw(header(), glsl + " gl_FragColor = texture; }")[9, 9, 0] == 51


def test_both_shaders_know_a_moved_name_by_the_same_word(draw: Draw) -> None:
    vertex = "varying float length; void main() { isf_vertShaderInit(); length = step * step(0.0, 1.0); }"
    glsl = "varying float length; void main() { gl_FragColor = vec4(length + length(vec2(0.0)) + step); }"
    assert draw(header("step"), glsl, vertex, step=0.4)[9, 9, 0] == 204


def test_flat_stays_a_qualifier_where_it_is_one(draw: Draw) -> None:
    vertex = "flat out int n; void main() { isf_vertShaderInit(); n = 1; }"
    assert draw(header(), "flat in int n; void main() { gl_FragColor = vec4(n); }", vertex)[9, 9, 0] == 255


def test_an_artist_may_declare_again_what_the_header_declares(draw: Draw) -> None:
    vertex = "uniform float amount; uniform int PASSINDEX; void main() { isf_vertShaderInit(); }"
    glsl = "uniform float TIME, amount, own; uniform sampler2D inputImage; varying vec2 vv_FragNormCoord;\n"
    assert draw(header("amount"), glsl + "void main() { gl_FragColor = vec4(amount + own); }", vertex)[9, 9, 0] == 51


def test_a_vertex_shader_may_read_the_hidden_names(draw: Draw) -> None:
    vertex = "varying vec2 step1; void main() { isf_vertShaderInit(); step1 = 6.4 / _inputImage_imgSize; }"
    assert draw(header(), "varying vec2 step1; void main() { gl_FragColor = vec4(step1.x); }", vertex)[9, 9, 0] == 26


def test_a_vertex_shader_that_turns_the_picture_turns_this_pixel_too(draw: Draw, flower) -> None:
    vertex = "void main() { isf_vertShaderInit(); isf_FragNormCoord.y = 1.0 - isf_FragNormCoord.y; }"
    seen = draw(header(), "void main() { gl_FragColor = IMG_THIS_PIXEL(inputImage); }", vertex)
    assert np.abs(seen.astype(int) - pixels_of(flower)[::-1]).max() <= 1


def test_an_early_pass_knows_the_size_of_a_later_buffer_in_the_first_frame(draw: Draw) -> None:
    passes = ', "PASSES": [{"TARGET": "early"}, {"TARGET": "late", "WIDTH": "8", "HEIGHT": "4"}, {}]'
    glsl = """void main() {
        if (PASSINDEX == 0) gl_FragColor = vec4(IMG_SIZE(late) / 16.0, 0.0, 1.0) + IMG_NORM_PIXEL(late, vec2(0.5));
        else gl_FragColor = IMG_THIS_PIXEL(early);
    }"""
    assert draw(header(passes=passes), glsl)[9, 9, :3].tolist() == [128, 64, 0]


def test_variables_without_a_value_begin_at_zero(draw: Draw) -> None:
    glsl = "struct Ray { vec3 from; };\nvec3 sum;\nvoid main() { float a, b; Ray ray; mat2 m; a += 0.2;\n"
    glsl += "  ray.from = vec3(a, b, m[1][1]); sum += ray.from; gl_FragColor = vec4(sum, 1.0); }"
    assert draw(header(), glsl)[9, 9, :3].tolist() == [51, 0, 0]


def test_constants_may_be_computed_and_lists_written_as_in_c(draw: Draw) -> None:
    glsl = "void main() { const float k = amount * 2.0; float list[2] = {0.2, k}; gl_FragColor = vec4(list[1]); }"
    assert draw(header("amount"), glsl)[9, 9, 0] == 102


def test_spaces_copied_from_a_web_page_are_spaces(draw: Draw) -> None:
    assert draw(header(), "void main() {\u00a0gl_FragColor\u200b =\u00a0vec4(0.2); }")[9, 9, 0] == 51


@pytest.mark.parametrize(
    "text",
    [
        '/*{"INPUTS": [{"NAME": "a", "TYPE": "float", "DEFAULT": 0.5}]}\n made in a night */',
        '/**\n * {"INPUTS": [{"NAME": "a", "TYPE": "float", "DEFAULT": 0.5}]}\n **/',
        '/*{ // see http://x.org\n "INPUTS": [{"NAME": "a", "TYPE": "float", "DEFAULT": .5,},,],}*/',
        '/*{"INPUTS": [{"NAME": " a", "TYPE": "float", "MIN": 0., "MAX": null, "DEFAULT": +.5}]}*/',
        '/* by me */\n/*{"INPUTS": {"a": {"TYPE": "float", "DEFAULT": "0.5"}}, "PASSES": [{"WIDTH": ""}]} */',
        '/*{"INPUTS": [{"NAME": "a", "TYPE": "float"}, {"NAME": "a", "TYPE": "float", "DEFAULT": 0.5}]}*/',
    ],
)
def test_a_header_is_read_as_people_write_it(draw: Draw, text: str) -> None:
    assert draw(text, "void main() { gl_FragColor = vec4(a); }")[9, 9, 0] == 128


def test_a_word_in_a_header_stays_as_it_is_where_it_is_text(tmp_path: Path) -> None:
    (tmp_path / "x.fs").write_text('/*{"CREDIT": "a, ] // b .5",}*/ void main() {}')
    assert isf.read(tmp_path / "x.fs").credit == "a, ] // b .5"


def test_a_switch_that_is_off_in_words_is_off(draw: Draw) -> None:
    text = '/*{"INPUTS": [{"NAME": "a", "TYPE": "bool", "DEFAULT": "FALSE"}]}*/'
    assert draw(text, "void main() { gl_FragColor = vec4(a ? 1.0 : 0.2); }")[9, 9, 0] == 51


def test_one_number_may_bound_both_axes_of_a_point(draw: Draw) -> None:
    text = '/*{"INPUTS": [{"NAME": "p", "TYPE": "point2D", "DEFAULT": [0.2, 2.0], "MIN": 0, "MAX": 4}]}*/'
    assert draw(text, "void main() { gl_FragColor = vec4(p, 0.0, 1.0); }")[9, 9, :2].tolist() == [51, 255]


@pytest.mark.parametrize(
    ("text", "vertex", "why"),
    [
        ('/*{"IMPORTED": [{"NAME": "sky", "PATH": ["a.jpg", "b.jpg"]}]}*/', "", "x.fs: IMPORTED 'sky' is a cube map"),
        ('/*{"INPUTS": [{"NAME": "TIME", "TYPE": "float"}]}*/', "", "x.fs: input 'TIME' has the name"),
        ('/*{"INPUTS": []}*/\n#include "noise.glsl"\n', "", 'x.fs:2: #include "noise.glsl" is unsupported'),
        (
            '/*{"INPUTS": []}*/',
            "void main() { gl_Position = vec4(1.0); }",
            "x.vs: expected a call of isf_vertShaderInit",
        ),
        ('/*{"INPUTS": []}*/ vec4 material(vec2 p) { return vec4(p, p); } //', "", "lacks `main'"),
    ],
)
def test_a_dialect_that_no_host_shares_is_named_and_the_next_file_is_still_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, vertex: str, why: str
) -> None:
    (tmp_path / "x.fs").write_text(text + " void main() { gl_FragColor = vec4(1.0); }")
    if vertex:
        (tmp_path / "x.vs").write_text(vertex)
    (tmp_path / "y.fs").write_text("/*{}*/ void main() { gl_FragColor = vec4(1.0); }")
    assert check_files([tmp_path / "x.fs", tmp_path / "y.fs"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert why in said[0] and ": ok" in said[1], said


def test_words_in_comments_are_no_words(draw: Draw) -> None:
    glsl = """// blends by float mix of both, as a vec3 of each (a vec2 float pair)
    /* float step; #include "x.glsl" uniform vec4 smooth; varying vec2 p; \\ */ // a line that ends so: \\
    float soft(float x) { return mix(step(0.5, x), x, 0.5); } // void main() {
    void main() { gl_FragColor = vec4(soft(0.4)); }"""
    assert draw(header(), glsl)[9, 9, 0] == 51


def test_the_line_of_a_mistake_below_comments_is_the_artists(draw: Draw) -> None:
    with pytest.raises(isf.EffectError, match=r"x\.fs:5: "):
        draw(header(), "/* one\ntwo */ // three\n\nvoid main() { gl_FragColor = nothing; }")


@pytest.mark.parametrize(
    "own",
    [
        "float mix(float a) { return a * 0.5; } float made() { return mix(0.4) + mix(0.0, 0.4, 0.5); }",
        "float mod(float a, float b, float c) { return a; } "
        "float made() { return mod(0.4, 1.0, 2.0) * mod(3.0, 2.0); }",
        "vec4 texture(vec2 p) { return texture2D(inputImage, p) * 0.0 + 0.4; } "
        "float made() { return texture(vec2(0.5)).r; }",
        "float length(vec2 a, vec2 b); float made() { return length(vec2(0.4, 0), vec2(0)) * length(vec2(0, 1)); }"
        "float length(vec2 a, vec2 b) { return a.x; }",
        "float sample(float x) { return x; } float precise = 0.4; "
        "float made() { uint n = 1; return sample(precise) * float(n); }",
    ],
)
def test_a_function_may_have_the_name_of_one_of_the_languages(draw: Draw, own: str) -> None:
    assert draw(header(), own + " void main() { gl_FragColor = vec4(made()); }")[9, 9, 0] == 102


def test_an_image_may_be_looked_at_with_a_third_word(draw: Draw, flower) -> None:
    once = draw(header(), "void main() { gl_FragColor = IMG_NORM_PIXEL(inputImage, isf_FragNormCoord, 0.0); }")
    assert np.abs(once.astype(int) - pixels_of(flower)).max() <= 1
    twice = "IMG_NORM_PIXEL(inputImage, isf_FragNormCoord.x, isf_FragNormCoord.y)"
    assert np.array_equal(draw(header(), f"void main() {{ gl_FragColor = {twice}; }}"), once)


def test_an_integer_may_be_given_to_one_without_a_sign(draw: Draw) -> None:
    glsl = "void main() { uint bits = 5; int n = 3; gl_FragColor = vec4(n < bits ? 0.2 : 0.0); }"
    assert draw(header(), glsl)[9, 9, 0] == 51


def test_an_import_that_names_a_pass_is_that_pass(draw: Draw) -> None:
    said = header(passes=', "PASSES": [{"TARGET": "keep"}, {}], "IMPORTED": {"keep": {"PASSINDEX": 0}}')
    glsl = "void main() { gl_FragColor = PASSINDEX == 0 ? vec4(0.2) : IMG_THIS_PIXEL(keep); }"
    assert draw(said, glsl)[9, 9, 0] == 51


def test_every_file_that_others_have_stumbled_over_draws_or_is_no_effect(shared: Path, capsys) -> None:
    check_files(sorted((shared / "cases/isf").glob("*.fs")))
    *drawn, page = sorted(capsys.readouterr().out.splitlines(), key=lambda line: "saved_web_page" in line)
    assert len(drawn) >= 7 and all(": ok, " in line for line in drawn)
    assert "expected an ISF header" in page and "found a web page" in page
