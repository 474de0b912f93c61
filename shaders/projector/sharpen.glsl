#version 330
// Lifts the fine lines that bilinear scaling is about to lose: the cheap way to a clear picture without a GPU.
in vec2 place;
uniform sampler2D picture;
out vec4 colour;
void main() {
    ivec2 p = ivec2(gl_FragCoord.xy), last = textureSize(picture, 0) - 1;
    vec3 around = texelFetch(picture, ivec2(max(p.x - 1, 0), p.y), 0).rgb
                + texelFetch(picture, ivec2(min(p.x + 1, last.x), p.y), 0).rgb
                + texelFetch(picture, ivec2(p.x, max(p.y - 1, 0)), 0).rgb
                + texelFetch(picture, ivec2(p.x, min(p.y + 1, last.y)), 0).rgb;
    colour = vec4(texelFetch(picture, p, 0).rgb * 1.5 - around * 0.125, 1.0);
}
