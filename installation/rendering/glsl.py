"""The GLSL of an ISF file, of any age, in; GLSL 330 out, line for line, so that error lines are the artist's."""

from __future__ import annotations

import re
from collections.abc import Sequence

GLSL_TYPES = {"float": "float", "bool": "bool", "event": "bool", "long": "int", "color": "vec4", "point2d": "vec2"}
# The C-like freedoms of GLSL 4.2 (a const that is computed, {lists}) where the driver has them, as many authors' do.
EXTENSION = "#extension GL_ARB_shading_language_420pack : enable"
UNIFORMS = """uniform float TIME; uniform float TIMEDELTA; uniform vec4 DATE; uniform int FRAMEINDEX;
uniform vec2 RENDERSIZE;
#define PASSINDEX (@PASS@)
#define IMG_PIXEL(i, c) texture(i, (c) / vec2(textureSize(i, 0)))
#define IMG_NORM_PIXEL(i, c) texture(i, (c))
#define IMG_SIZE(i) vec2(textureSize(i, 0))
#define IMG_THIS_NORM_PIXEL(i) IMG_THIS_PIXEL(i)
#define texture2DRect(i, c) texture(i, (c) / vec2(textureSize(i, 0)))
#define vv_FragNormCoord isf_FragNormCoord
"""
# Where every image has the size of the frame, "this pixel" needs no filtering: half the cost without a GPU.
THIS_PIXEL = {
    True: "#define IMG_THIS_PIXEL(i) texelFetch(i, ivec2(gl_FragCoord.xy), 0)\n",
    False: "#define IMG_THIS_PIXEL(i) texture(i, isf_FragNormCoord)\n",
}
VERTEX = """#version 330
{extensions}
in vec2 isf_position; out vec2 isf_FragNormCoord;
{uniforms}
void isf_vertShaderInit() {{
    gl_Position = vec4(isf_position * 2.0 - 1.0, 0.0, 1.0);
    isf_FragNormCoord = isf_position;
}}
#define vv_vertShaderInit isf_vertShaderInit
#line 1
{source}
"""
NO_VERTEX = "void main() { isf_vertShaderInit(); }"
FRAGMENT = """#version 330
{extensions}
in vec2 isf_FragNormCoord; out vec4 isf_FragColor;
{uniforms}
#line 1
{source}
"""
OWN_NAMES = {
    "TIME",
    "TIMEDELTA",
    "DATE",
    "FRAMEINDEX",
    "PASSINDEX",
    "RENDERSIZE",
    "isf_FragNormCoord",
    "vv_FragNormCoord",
}
OLD_WORDS = {
    "texture2D": "texture",
    "texture2DLod": "textureLod",
    "texture2DLodEXT": "textureLod",
    "texture2DGradEXT": "textureGrad",
    "texture2DGradARB": "textureGrad",
    "texture2DProj": "textureProj",
    "sampler2DRect": "sampler2D",
    "gl_FragColor": "isf_FragColor",
    "attribute": "in",
}
# Words that 330 keeps for itself but that are good names for a knob or a variable, and were once allowed.
RESERVED = (
    "active|cast|class|common|enum|extern|external|filter|fixed|flat|half|inline|input|interface|long|namespace|"
    "noinline|noperspective|output|packed|partition|public|short|smooth|static|superp|template|this|typedef|union|"
    "unsigned|using|volatile"
)
MOVED = "isf_word_"  # what is put before such a name; a uniform is still found under the name in its header
NUMBERS = r"(?:float|int|uint|bool|[biu]?vec[234]|mat[234])"


def declare(inputs: Sequence[tuple[str, str]], images: Sequence[str], source: str) -> str:
    """The uniforms of one file on one line each; the hidden _NAME_* ones only where the source asks for them."""
    lines = [f"uniform {GLSL_TYPES[kind]} {name};" for name, kind in inputs if kind in GLSL_TYPES]
    for name in dict.fromkeys(images):
        lines.append(f"uniform sampler2D {name};")
        for suffix, kind in (("imgSize", "vec2"), ("imgRect", "vec4"), ("flip", "bool")):
            if f"_{name}_{suffix}" in source:
                lines.append(f"uniform {kind} _{name}_{suffix};")
    return "\n".join(lines)


def find_clashes(source: str, uniforms: str) -> set[str]:
    """Names of knobs, images and variables that the source also calls like a function.

    A knob called mix hides mix() in GLSL 330; the hosts that older files were written for did not mind.
    """
    source = _modernise(source, "in")
    values = re.findall(rf"\b(?:{NUMBERS}|sampler2D)\s+(\w+)\b(?!\s*\()", uniforms + "\n" + source)
    return {*values} & {*re.findall(r"\b(\w+)\s*\(", source)}


def translate(template: str, source: str, uniforms: str, clashing: set[str]) -> str:
    """The words of older GLSL as those of 330, line for line; `clashing` names get out of the way."""
    # Spaces copied from web pages are no spaces to GLSL, and other signs may only stand in comments.
    source = re.sub(r"[^\S\n]|[\u200b\u2060\ufeff]", " ", source).encode("ascii", "replace").decode()
    extensions = re.findall(r"^[ \t]*#extension[^\n]*", source, re.MULTILINE)
    # In 330 derivatives and explicit lod are part of the language, so the old extensions of that name are dropped.
    wanted = [e for e in extensions if not re.search(r"standard_derivatives|shader_texture_lod|gpu_shader4", e)]
    source = re.sub(r"^[ \t]*#(extension|version)[^\n]*", "", source, flags=re.MULTILINE)
    source = _drop_declared(_modernise(source, "out" if template is VERTEX else "in"), uniforms)
    source = _begin_at_zero(source)
    return template.format(
        uniforms=UNIFORMS + _move(uniforms, clashing),
        source=_move(source, clashing),
        extensions="\n".join([EXTENSION, *wanted]),
    )


def _modernise(source: str, direction: str) -> str:
    words = OLD_WORDS | {"varying": direction}
    source = re.sub(r"\b(" + "|".join(words) + r")\b", lambda m: words[m[1]], source)
    return re.sub(r"\bgl_FragData\s*\[\s*0\s*\]", "isf_FragColor", source)


def _drop_declared(source: str, uniforms: str) -> str:
    """Without an artist's own declarations of what the template declares: GLSL wants each name once."""
    ours = OWN_NAMES | {*re.findall(r"^uniform \w+ (\w+);", uniforms, re.MULTILINE)}

    def keep(found: re.Match[str]) -> str:
        names = [name for name in re.split(r"\s*,\s*", found[2].strip()) if name not in ours]
        return f"{found[1]}{', '.join(names)};" if names else ""

    return re.sub(r"\b((?:uniform|in|out)\s+(?:(?:low|medium|high)p\s+)?\w+\s+)(\w+(?:\s*,\s*\w+)*)\s*;", keep, source)


def _begin_at_zero(source: str) -> str:
    """Give variables that are declared without a value one: WebGL and macOS begin at 0, other drivers with noise."""

    def begin(found: re.Match[str]) -> str:
        names = re.split(r"\s*,\s*", found[3])
        return f"{found[1]}{found[2]} {', '.join(f'{name} = {found[2]}(0)' for name in names)};"

    parts = re.split(r"(\bstruct\b[^}]*\})", source)  # a struct's members take no value
    bare = re.compile(rf"((?:^|[;{{}}])[ \t]*)({NUMBERS})[ \t]+(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*;", re.MULTILINE)
    return "".join(part if part.startswith("struct") else bare.sub(begin, part) for part in parts)


def _move(text: str, clashing: set[str]) -> str:
    """Put MOVED before reserved words (but for the one in `flat in`) and before clashing names, where not called."""
    text = re.sub(rf"\b(?:{RESERVED})\b(?!\s+(?:in|out)\b)", rf"{MOVED}\g<0>", text)
    if clashing:
        text = re.sub(rf"\b(?:{'|'.join(clashing)})\b(?!\s*\()", rf"{MOVED}\g<0>", text)
    return text
