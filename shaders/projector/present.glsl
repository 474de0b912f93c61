#version 330
// The last pass: the picture to the projector's size, laid into its mesh where there is one, its sides blended into
// those of other projectors, masked, then the master. Row 0 of the output is its top.
// Catmull-Rom in five bilinear taps (corners weigh least and are left out).
in vec2 place;             // of the picture, 0..1, y down
uniform sampler2D picture;
uniform float master;
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

#ifdef SHADED
uniform vec4 source;       // the piece of the picture that this projector shows: x, y, width, height
uniform vec4 widths;       // of the overlaps left, right, top, bottom: parts of that piece
uniform vec3 gammas[4];    // how light follows values, for each of them
uniform vec3 tint;         // what each channel's values are dimmed to
uniform vec3 black;        // how bright the projector's own black is
uniform sampler2D mask;    // of the frame

vec3 ramp(float distance, float width, vec3 gamma) {
    return width > 0.0 ? pow(vec3(smoothstep(0.0, width, distance)), 1.0 / gamma) : vec3(1.0);
}

vec3 shade(vec3 rgb) {
    vec2 part = clamp((place - source.xy) / source.zw, 0.0, 1.0);
    rgb *= ramp(part.x, widths.x, gammas[0]) * ramp(1.0 - part.x, widths.y, gammas[1]);
    rgb *= ramp(part.y, widths.z, gammas[2]) * ramp(1.0 - part.y, widths.w, gammas[3]);
    vec2 alone = step(widths.xz, part) * step(widths.yw, 1.0 - part);  // 1 where no other one overlaps
    vec2 most = 1.0 + step(1e-6, widths.xz + widths.yw);
    float missing = most.x * most.y / ((2.0 - alone.x) * (2.0 - alone.y)) - 1.0;  // blacks of other projectors
    vec3 lift = black * pow(max(missing, 0.0), 1.0 / 2.2);
    return (rgb * tint * (1.0 - lift) + lift) * texelFetch(mask, ivec2(gl_FragCoord.xy), 0).r;
}
#endif

#ifdef WARPED
in vec2 within;            // the mesh, 0..1; its ring beyond that is there for the soft edge

float covered() {
    vec2 edge = clamp(min(within, 1.0 - within) / max(fwidth(within), 1e-6) + 0.5, 0.0, 1.0);
    return edge.x * edge.y;
}
#endif

void main() {
#ifdef PLACES
    colour = vec4(place, covered(), 1.0);
#else
    vec3 rgb = look_up(vec2(place.x, 1.0 - place.y));
#ifdef SHADED
    rgb = shade(rgb);
#endif
    float light = master;
#ifdef WARPED
    light *= covered();
#endif
    colour = vec4(rgb * light, 1.0);
#endif
}
