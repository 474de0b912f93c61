#version 330
// The generator's numbers (-1..1, row 0 on top, planar or interleaved) as a picture (0..1, row 0 at the bottom).
in vec2 place;
uniform sampler2D numbers;
uniform ivec2 size;
uniform bool planar;
out vec4 colour;
void main() {
    ivec2 p = ivec2(gl_FragCoord.x, size.y - 1 - int(gl_FragCoord.y));
    ivec2 first = planar ? p : ivec2(p.x * 3, p.y);
    ivec2 next = planar ? ivec2(0, size.y) : ivec2(1, 0);
    vec3 rgb = vec3(texelFetch(numbers, first, 0).r,
                    texelFetch(numbers, first + next, 0).r,
                    texelFetch(numbers, first + next * 2, 0).r);
    // A NaN that came through fails both comparisons of clamp in some drivers; black is the safe answer.
    rgb = mix(clamp(rgb * 0.5 + 0.5, 0.0, 1.0), vec3(0.0), vec3(isnan(rgb)));
    colour = vec4(rgb, 1.0);
}
