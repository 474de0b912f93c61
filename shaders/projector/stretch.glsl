#version 330
// One axis of a Catmull-Rom scaling (Keys 1981): four texels, weighed; beyond its edge the picture goes on mirrored.
in vec2 place;
uniform sampler2D picture;
uniform float span;   // how much of the picture fits into the frame along this axis: 1 = all of it
out vec4 colour;

int mirrored(int i, int n) {
    i = i - 2 * n * int(floor(float(i) / float(2 * n)));
    return i < n ? i : 2 * n - 1 - i;
}

void main() {
#ifdef ACROSS
    int n = textureSize(picture, 0).x;
    float x = ((place.x - 0.5) * span + 0.5) * float(n) - 0.5;
#else
    int n = textureSize(picture, 0).y;
    float x = ((place.y - 0.5) * span + 0.5) * float(n) - 0.5;
#endif
    float whole = floor(x), f = x - whole;
    int i = int(whole);
    vec4 w = vec4(f * (-0.5 + f * (1.0 - 0.5 * f)), 1.0 + f * f * (-2.5 + 1.5 * f),
                  f * (0.5 + f * (2.0 - 1.5 * f)), f * f * (-0.5 + 0.5 * f));
    ivec4 at = ivec4(mirrored(i - 1, n), mirrored(i, n), mirrored(i + 1, n), mirrored(i + 2, n));
#ifdef ACROSS
    int y = int(gl_FragCoord.y);
    vec3 sum = texelFetch(picture, ivec2(at.x, y), 0).rgb * w.x + texelFetch(picture, ivec2(at.y, y), 0).rgb * w.y
             + texelFetch(picture, ivec2(at.z, y), 0).rgb * w.z + texelFetch(picture, ivec2(at.w, y), 0).rgb * w.w;
#else
    int y = int(gl_FragCoord.x);
    vec3 sum = texelFetch(picture, ivec2(y, at.x), 0).rgb * w.x + texelFetch(picture, ivec2(y, at.y), 0).rgb * w.y
             + texelFetch(picture, ivec2(y, at.z), 0).rgb * w.z + texelFetch(picture, ivec2(y, at.w), 0).rgb * w.w;
#endif
    colour = vec4(sum, 1.0);
}
