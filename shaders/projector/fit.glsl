#version 330
// The generator's picture laid into the working frame: whole with its mirror image beside it, or filling the frame.
// Catmull-Rom in nine bilinear taps; the corners weigh least and are left out (five taps), the sum is renormalised.
in vec2 place;
uniform sampler2D picture;
uniform vec2 scale;   // size of the frame in pictures
out vec4 colour;
void main() {
    vec2 at = (place - 0.5) * scale + 0.5;
    vec2 size = vec2(textureSize(picture, 0));
    vec2 p = at * size;
    vec2 centre = floor(p - 0.5) + 0.5;
    vec2 f = p - centre;
    vec2 w0 = f * (-0.5 + f * (1.0 - 0.5 * f));
    vec2 w1 = 1.0 + f * f * (-2.5 + 1.5 * f);
    vec2 w2 = f * (0.5 + f * (2.0 - 1.5 * f));
    vec2 w3 = f * f * (-0.5 + 0.5 * f);
    vec2 w12 = w1 + w2;
    vec2 t0 = (centre - 1.0) / size, t12 = (centre + w2 / w12) / size, t3 = (centre + 2.0) / size;
    vec3 sum = texture(picture, t12).rgb * (w12.x * w12.y);
    sum += texture(picture, vec2(t12.x, t0.y)).rgb * (w12.x * w0.y);
    sum += texture(picture, vec2(t0.x, t12.y)).rgb * (w0.x * w12.y);
    sum += texture(picture, vec2(t3.x, t12.y)).rgb * (w3.x * w12.y);
    sum += texture(picture, vec2(t12.x, t3.y)).rgb * (w12.x * w3.y);
    float weight = w12.x * w12.y + w12.x * (w0.y + w3.y) + w12.y * (w0.x + w3.x);
    colour = vec4(clamp(sum / weight, 0.0, 1.0), 1.0);
}
