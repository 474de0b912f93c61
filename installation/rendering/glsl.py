"""The GLSL of an ISF file, of any age, in; GLSL 330 out, line for line, so that error lines are the artist's."""

from __future__ import annotations

import re
from collections.abc import Sequence

GLSL_TYPES = {"float": "float", "bool": "bool", "event": "bool", "long": "int", "color": "vec4", "point2d": "vec2"}
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
FRAGMENT = """#version 330
{extensions}
in vec2 isf_FragNormCoord; out vec4 isf_FragColor;
{uniforms}
#line 1
{source}
"""
OLD_WORDS = {
    "texture2D": "texture",
    "texture2DLod": "textureLod",
    "texture2DProj": "textureProj",
    "sampler2DRect": "sampler2D",
    "gl_FragColor": "isf_FragColor",
}


def declare(inputs: Sequence[tuple[str, str]], images: Sequence[str], body: str) -> str:
    """The uniforms of one file on one line each; the hidden _NAME_* ones only where the source asks for them."""
    lines = [f"uniform {GLSL_TYPES[kind]} {name};" for name, kind in inputs if kind in GLSL_TYPES]
    for name in dict.fromkeys(images):
        lines.append(f"uniform sampler2D {name};")
        for suffix, kind in (("imgSize", "vec2"), ("imgRect", "vec4"), ("flip", "bool")):
            if f"_{name}_{suffix}" in body:
                lines.append(f"uniform {kind} _{name}_{suffix};")
    return "\n".join(lines)


def translate(template: str, source: str, uniforms: str, direction: str) -> str:
    """The words of older GLSL as those of 330, line for line."""
    source = source.encode("ascii", "replace").decode()
    extensions = re.findall(r"^[ \t]*#extension[^\n]*", source, re.MULTILINE)
    # In 330 derivatives and explicit lod are part of the language, so the old extensions of that name are dropped.
    wanted = [e for e in extensions if not re.search(r"standard_derivatives|shader_texture_lod|gpu_shader4", e)]
    source = re.sub(r"^[ \t]*#(extension|version)[^\n]*", "", source, flags=re.MULTILINE)
    words = OLD_WORDS | {"varying": direction, "attribute": "in"}
    source = re.sub(r"\b(" + "|".join(words) + r")\b", lambda m: words[m[1]], source)
    source = re.sub(r"\bgl_FragData\s*\[\s*0\s*\]", "isf_FragColor", source)
    # An artist's own declaration of our varying would clash with the template's.
    source = re.sub(r"^[ \t]*(in|out)\s+vec2\s+(isf|vv)_FragNormCoord\s*;", "", source, flags=re.MULTILINE)
    return template.format(uniforms=UNIFORMS + uniforms, source=source, extensions="\n".join(wanted))
