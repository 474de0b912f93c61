#version 330
// The last pass: working size to projector size, through the corner pins where there are any, then the master.
// Row 0 of the output is its top. Catmull-Rom in five bilinear taps (corners weigh least and are left out).
in vec2 place;
uniform sampler2D picture;
uniform float master;
uniform mat3 to_picture;   // projector (0..1, y down) to picture (0..1, y down), homogeneous
out vec4 colour;

vec3 look_up(vec2 at) {
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
    return clamp(sum / weight, 0.0, 1.0);
}

void main() {
    vec2 at = place;
    float light = master;
#ifdef WARPED
    vec3 h = to_picture * vec3(at, 1.0);
    at = h.xy / h.z;
    vec2 edge = clamp(min(at, 1.0 - at) / max(fwidth(at), 1e-6) + 0.5, 0.0, 1.0);
    light *= edge.x * edge.y * step(0.0, h.z);
#endif
    colour = vec4(look_up(vec2(at.x, 1.0 - at.y)) * light, 1.0);
}
