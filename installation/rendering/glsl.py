"""The GLSL of an ISF file, of any age, in; GLSL 330 out, line for line, so that error lines are the artist's."""

from __future__ import annotations

import re
from collections.abc import Sequence

from installation.rendering import tokens

GLSL_TYPES = {"float": "float", "bool": "bool", "event": "bool", "long": "int", "color": "vec4", "point2d": "vec2"}
# The C-like freedoms of GLSL 4.2 (a const that is computed, {lists}) where the driver has them, as many authors' do.
EXTENSION = "#extension GL_ARB_shading_language_420pack : enable"
# From 4.0 on a uint may be given an int, as in the GLSL of macOS; where the driver has it, so may it here.
UNSIGNED = "#extension GL_ARB_gpu_shader5 : enable"
UNIFORMS = """uniform float TIME; uniform float TIMEDELTA; uniform vec4 DATE; uniform int FRAMEINDEX;
uniform vec2 RENDERSIZE;
#define PASSINDEX (@PASS@)
vec4 isf_NormPixel(sampler2D i, vec2 c) { return texture(i, c); }
vec4 isf_Pixel(sampler2D i, vec2 c) { return texture(i, c / vec2(textureSize(i, 0))); }
vec4 isf_NormPixel(sampler2D i, float x, float y) { return texture(i, vec2(x, y)); }
vec4 isf_Pixel(sampler2D i, float x, float y) { return isf_Pixel(i, vec2(x, y)); }
#define IMG_PIXEL isf_Pixel
#define IMG_NORM_PIXEL isf_NormPixel
#define IMG_SIZE(i) vec2(textureSize(i, 0))
#define IMG_THIS_NORM_PIXEL(i) IMG_THIS_PIXEL(i)
#define texture2DRect(i, c) texture(i, (c) / vec2(textureSize(i, 0)))
#define vv_FragNormCoord isf_FragNormCoord
"""
# Some name a third thing when they look at an image: how much blurrier, as texture2D knows it in a fragment shader.
BLURRIER = """vec4 isf_NormPixel(sampler2D i, vec2 c, float b) { return texture(i, c, b); }
vec4 isf_Pixel(sampler2D i, vec2 c, float b) { return texture(i, c / vec2(textureSize(i, 0)), b); }
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
    "IMG_PIXEL",
    "IMG_NORM_PIXEL",
    "IMG_SIZE",
    "IMG_THIS_PIXEL",
    "IMG_THIS_NORM_PIXEL",
    "isf_FragColor",
    "isf_position",
    "isf_vertShaderInit",
    "isf_Pixel",
    "isf_NormPixel",
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
    "noinline|noperspective|output|packed|partition|precise|public|sample|short|smooth|static|superp|template|this|"
    "typedef|union|unsigned|using|volatile"
)
WORDS = {  # of the language, before 330 and in it: no name of anything
    *re.findall(
        r"\w+",
        "void float int uint bool double struct if else for while do switch case default break continue return discard "
        "true false const uniform in out inout attribute varying centroid invariant layout precision lowp mediump "
        "highp main sampler1D sampler2D sampler3D samplerCube sampler2DRect",
    ),
    *(
        f"{kind}{n}"
        for kind in ("vec", "ivec", "uvec", "bvec", "dvec", "mat", "mat2x", "mat3x", "mat4x")
        for n in (2, 3, 4)
    ),
}
# What the language brings, and what older words become: an artist may call a function of their own so.
BUILT_IN = {
    *re.findall(
        r"\w+",
        "radians degrees sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh pow exp log exp2 log2 sqrt abs "
        "sign inversesqrt floor trunc round roundEven ceil fract mod modf min max clamp mix step smoothstep isnan "
        "isinf length distance dot cross normalize faceforward reflect refract matrixCompMult outerProduct transpose "
        "determinant inverse lessThan greaterThan equal notEqual any all not texture textureLod textureGrad "
        "textureProj textureSize texelFetch dFdx dFdy fwidth noise1 noise2 noise3 noise4",
    )
}
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
    source = _modernise(_set_apart(source), "in")
    values = re.findall(rf"\b(?:{NUMBERS}|sampler2D)\s+(\w+)\b(?!\s*\()", uniforms + "\n" + source)
    return {*values} & {*re.findall(r"\b(\w+)\s*\(", source)}


def plain(source: str) -> str:
    """A source without its comments, line for line, in signs that GLSL knows: words in a comment are no words."""
    # Spaces copied from web pages are no spaces to GLSL.
    source = re.sub(r"[^\S\n]|[\u200b\u2060\ufeff]", " ", tokens.blank_comments(source))
    return source.encode("ascii", "replace").decode()


def translate(template: str, source: str, uniforms: str, clashing: set[str]) -> str:
    """The words of older GLSL, `plain`, as those of 330, line for line; `clashing` names get out of the way."""
    extensions = re.findall(r"^[ \t]*#extension[^\n]*", source, re.MULTILINE)
    # In 330 derivatives and explicit lod are part of the language, so the old extensions of that name are dropped.
    wanted = [e for e in extensions if not re.search(r"standard_derivatives|shader_texture_lod|gpu_shader4", e)]
    if re.search(r"\bu(?:int|vec[234])\b", source):
        wanted.append(UNSIGNED)
    source = re.sub(r"^[ \t]*#(extension|version)[^\n]*", "", source, flags=re.MULTILINE)
    source = _modernise(_set_apart(source), "out" if template is VERTEX else "in")
    source = _begin_at_zero(_drop_declared(source, uniforms))
    return template.format(
        uniforms=UNIFORMS + (BLURRIER if template is FRAGMENT else "") + _move(uniforms, clashing),
        source=_move(source, clashing),
        extensions="\n".join([EXTENSION, *wanted]),
    )


def _set_apart(source: str) -> str:
    """An artist's own function with the name of one of the language's gets out of its way.

    330 would hide the language's, for every number of arguments; older hosts took the two for one with two forms. So
    what is called with as many arguments as the artist's own takes is the artist's, and the rest the language's.
    """
    return tokens.rename_calls(source, BUILT_IN | {*OLD_WORDS}, MOVED, rf"void|{NUMBERS}")


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

    parts = re.split(r"(\bstruct\b\s*\w*\s*\{[^{}]*\})", source)  # a struct's members take no value
    bare = re.compile(rf"((?:^|[;{{}}])[ \t]*)({NUMBERS})[ \t]+(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*;", re.MULTILINE)
    return "".join(part if part.startswith("struct") else bare.sub(begin, part) for part in parts)


def _move(text: str, clashing: set[str]) -> str:
    """Put MOVED before reserved words (but for the one in `flat in`) and before clashing names, where not called."""
    text = re.sub(rf"\b(?:{RESERVED})\b(?!\s+(?:in|out)\b)", rf"{MOVED}\g<0>", text)
    if clashing:
        text = re.sub(rf"\b(?:{'|'.join(clashing)})\b(?!\s*\()", rf"{MOVED}\g<0>", text)
    return text
