"""Effect files as people write them."""

from __future__ import annotations

from pathlib import Path

import moderngl
import numpy as np
import pytest
from flower import pixels_of

from installation import settings
from installation.rendering import isf
from installation.rendering.check import check_files
from installation.rendering.effect import SoundView
from installation.rendering.effects import Chain
from installation.rendering.expressions import ExpressionError, compile_size
from installation.rendering.surfaces import DisplayError
from installation.signals import SoundBlock

HERE = Path(__file__).parent / "isf"
SIZE = (64, 36)


def draw(
    context: moderngl.Context, texture: moderngl.Texture, name: str, frames: int = 1, **given: object
) -> np.ndarray:
    """The picture after so many frames through one file."""
    chain = Chain(context, [settings.Effect(name)], SIZE, HERE)
    values = {f"effect.{name}.{k}": v for k, v in given.items() if k != "audio"}
    for n in range(frames):
        result = chain.draw(texture, values, n / 30, given.get("audio"))  # type: ignore[arg-type]
    return pixels_of(result)


def test_every_file_of_the_features_folder_checks_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_files(sorted(HERE.glob("*.fs"))) == 0
    assert capsys.readouterr().out.count(": ok") == len(list(HERE.glob("*.fs")))


def test_passes_have_the_sizes_that_their_expressions_say(context, flower) -> None:
    seen = draw(context, flower, "multi_pass_modern", blurAmount=0.25)
    assert seen[0, 0, 0] == 32 and seen[0, 0, 1] == 9


def test_a_float_buffer_adds_up_what_eight_bits_would_lose(context, flower) -> None:
    assert draw(context, flower, "multi_pass_modern", frames=5)[0, 0, 2] == pytest.approx(0.5 * 255, abs=2)


def test_a_persistent_buffer_of_the_old_style_keeps_the_first_frame(context, flower) -> None:
    chain = Chain(context, [settings.Effect("persistent_list")], SIZE, HERE)
    first = pixels_of(chain.draw(flower, {}, 0.0))
    black = context.texture(SIZE, 4, bytes(SIZE[0] * SIZE[1] * 4))
    later = [pixels_of(chain.draw(black, {}, n / 30)) for n in (1, 2)]
    assert np.abs(first.astype(int) - pixels_of(flower)).max() <= 1
    assert np.abs(later[-1].astype(int) - first).max() <= 1


def test_a_buffer_of_one_pixel_in_the_old_dict_style_counts_frames(context, flower) -> None:
    seen = draw(context, flower, "persistent_dict", frames=3)
    assert seen[3, 3, 0] == pytest.approx(0.3 * 255, abs=1) and seen[3, 3, 1] == 255


@pytest.mark.parametrize("name", ["imported_dict", "imported_list"])
def test_an_imported_image_is_seen(context, flower, name: str) -> None:
    assert draw(context, flower, name)[5, 5, :3].tolist() == [51, 102, 153]


def test_sound_reaches_a_shader_as_waveform_and_spectrum(context, flower) -> None:
    wave, spectrum = np.full(64, 0.5, "f4"), np.full(512, 0.25, "f4")
    seen = draw(context, flower, "sound", audio=SoundView(wave, spectrum))
    assert seen[0, 9, :3].tolist() == pytest.approx([191, 64, 16], abs=1)


def test_a_block_of_sound_becomes_a_spectrum_with_its_tone_in_place(context, flower) -> None:
    tone = np.sin(2 * np.pi * 0.25 * np.arange(1024)).astype("f4")
    seen = draw(context, flower, "sound", audio=SoundBlock(tone, 48000, 0.0))
    assert abs(int(seen[0, :, 1].argmax()) - 32) <= 2


def test_without_sound_the_waveform_lies_in_the_middle(context, flower) -> None:
    assert draw(context, flower, "sound")[0, 9, :2].tolist() == pytest.approx([128, 0], abs=1)


def test_every_kind_of_knob_reaches_the_shader(context, flower) -> None:
    seen = draw(context, flower, "every_knob", choice=18.0, **{"spot.x": 0.5, "pixels.x": 0.25, "ink.r": 1.0})
    row = seen[0, :6].astype(int)
    assert row[0, 0] == 255, "a long snaps to the nearest of its values"
    assert row[1, 0] == 255
    assert row[2, :2].tolist() == pytest.approx([128, 191], abs=1)
    assert row[3, :2].tolist() == pytest.approx([64, 128], abs=1), "a point without a range counts pixels"
    assert row[4, :3].tolist() == pytest.approx([255, 102, 153], abs=1)
    assert row[5, 0] == pytest.approx(0.3 * 255, abs=1), "a default outside its range widens the range"


def test_knobs_take_their_ranges_from_the_header(context) -> None:
    knobs = Chain(context, [settings.Effect("every_knob", "e")], SIZE, HERE).knobs
    assert (knobs["effect.e.choice"].low, knobs["effect.e.choice"].high, knobs["effect.e.choice"].kind) == (
        0,
        20,
        "int",
    )
    assert knobs["effect.e.on"].kind == "bool" and knobs["effect.e.spot.y"].default == 0.75
    assert sorted(k for k in knobs if ".ink." in k) == [f"effect.e.ink.{c}" for c in "abgr"]


def test_an_event_lasts_one_frame(context, flower) -> None:
    chain = Chain(context, [settings.Effect("every_knob")], SIZE, HERE)
    corner = [pixels_of(chain.draw(flower, {"effect.every_knob.bang": v}, 0.0))[9, 20, 1] for v in (0, 1, 1, 0, 1)]
    assert corner == [0, 255, 0, 0, 255]


def test_presses_that_nobody_drew_are_made_up_for_one_frame_each(context, flower) -> None:
    chain = Chain(context, [settings.Effect("every_knob", "e")], SIZE, HERE)
    assert chain.knobs["effect.e.bang"].kind == "event"
    counts = (41, 41, 44, 44, 44, 44, 45, 45)  # the process was begun anew: 41 presses are long past
    corner = [pixels_of(chain.draw(flower, {"effect.e.bang": v}, 0.0))[9, 20, 1] for v in counts]
    assert corner == [0, 0, 255, 255, 255, 0, 255, 0]
    chain.draw(flower, {"effect.e.bang": 10_000.0}, 0.0)
    later = [pixels_of(chain.draw(flower, {"effect.e.bang": 10_000.0}, 0.0))[9, 20, 1] for _ in range(20)]
    assert later.count(255) < 10, "a sender that never lets go is not followed for ever"


def test_a_companion_vertex_shader_moves_the_picture(context, flower) -> None:
    seen, source = draw(context, flower, "companion"), pixels_of(flower)
    assert np.abs(seen[18, 62].astype(int) - source[18, 31]).max() <= 12


def test_a_latin_1_header_with_control_characters_is_read(context, flower) -> None:
    assert np.array_equal(draw(context, flower, "latin1_header")[..., :3], pixels_of(flower)[..., :3])
    effect = isf.read(HERE / "latin1_header.fs")
    assert effect.credit == "by André" and "\t" in effect.about


def test_the_hidden_uniforms_of_older_hosts_exist(context, flower) -> None:
    seen = draw(context, flower, "hidden_names")
    assert np.array_equal(seen[..., :2], pixels_of(flower)[..., :2]) and (seen[..., 2] == 64).all()


def test_the_second_image_of_a_transition_is_the_picture_before_all_effects(context, flower) -> None:
    seen = draw(context, flower, "transition", progress=0.3)
    assert np.abs(seen.astype(int) - pixels_of(flower)).max() <= 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("void main() {}", "header"),
        ('/*{"INPUTS": [}*/ void main() {}', "x.fs:1: the header is not JSON"),
        ('/*{"INPUTS": [{"NAME": "sky", "TYPE": "cubemap"}]}*/ void main() {}', "cubemap"),
        ('/*{"IMPORTED": [{"NAME": "a", "PATH": "none.png"}]}*/ void main() {}', "none.png"),
        (
            '/*{"PASSES": [{"TARGET": "a", "WIDTH": "__import__(\'os\')"}]}*/ void main() {}',
            "arithmetic|expected numbers",
        ),
        ('/*{"INPUTS": []\n}*/\nvoid main() {\n  gl_FragColor = vec4(nothing);\n}', "x.fs:4: .*nothing"),
        ('/*{"INPUTS": [{"NAME": "a b", "TYPE": "float"}]}*/ void main() {}', "GLSL word"),
        ('/*{"INPUTS": [{"NAME": "a", "TYPE": "float", "MIN": "low"}]}*/ void main() {}', "'a'"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, capsys, text: str, why: str) -> None:
    (tmp_path / "x.fs").write_text(text)
    assert check_files([tmp_path / "x.fs"]) == 1
    said = capsys.readouterr().out
    assert pytest.importorskip("re").search(why, said), said


def test_where_nothing_can_be_drawn_files_are_not_checked_and_that_is_said(monkeypatch, capsys) -> None:
    def refuse() -> None:
        raise DisplayError("no OpenGL 3.3 context")

    monkeypatch.setattr("installation.rendering.check.open_headless", refuse)
    assert check_files([HERE / "multi_pass_modern.fs"]) == 1
    assert capsys.readouterr().out == "cannot check: no OpenGL 3.3 context\n"


def test_an_error_in_a_vertex_shader_names_that_file(tmp_path: Path, capsys) -> None:
    (tmp_path / "x.fs").write_text('/*{"INPUTS": []}*/ void main() { gl_FragColor = vec4(1.0); }')
    (tmp_path / "x.vs").write_text("void main() {\n  isf_vertShaderInit();\n  oops();\n}")
    assert check_files([tmp_path / "x.fs"]) == 1
    assert "x.vs:3:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("expression", "px"),
    [
        ("$WIDTH/2", 32),
        ("floor($HEIGHT*$x)", 18),
        ("min($WIDTH, 7)", 7),
        ("-5", 1),
        ("$WIDTH^2", 4096),
        (12, 12),
        ("1e9", 8192),
    ],
)
def test_sizes_are_arithmetic(expression: object, px: int) -> None:
    assert compile_size(expression)({"WIDTH": 64, "HEIGHT": 36, "x": 0.5}) == px


@pytest.mark.parametrize(
    "expression", ["().__class__", "open('x')", "[1]", "1 if 1 else 2", "lambda: 1", "'a'", "$a b"]
)
def test_sizes_are_nothing_but_arithmetic(expression: str) -> None:
    with pytest.raises(ExpressionError):
        compile_size(expression)


@pytest.mark.parametrize("expression", ["1/0", "$unknown", "9^9^9^9^9", "sqrt(0-1)"])
def test_a_size_without_a_value_says_so_or_stays_small(expression: str) -> None:
    with pytest.raises(ExpressionError):
        compile_size(expression)({"WIDTH": 64})
