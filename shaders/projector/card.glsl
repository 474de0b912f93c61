#version 330
// The test card: pixel grid, centre and corner circles, edges that must be seen whole, grey and colour ramps.
in vec2 place;
uniform vec2 size;      // projector, pixels
uniform float time_s;
uniform float master;
out vec4 colour;

float line(float distance_px, float width_px) { return 1.0 - smoothstep(width_px - 0.5, width_px + 0.5, distance_px); }

vec3 hue(float h) { return clamp(abs(fract(h + vec3(0.0, 2.0, 1.0) / 3.0) * 6.0 - 3.0) - 1.0, 0.0, 1.0); }

void main() {
    vec2 p = place * size;   // y up, pixels
    vec2 c = p - size * 0.5;
    float unit = size.y / 18.0;
    vec2 cell = abs(fract(c / unit + 0.5) - 0.5) * unit;          // distance to the nearest grid line's middle
    vec2 to_line = unit * 0.5 - abs(fract(c / unit) - 0.5) * unit;
    vec3 rgb = vec3(0.055, 0.05, 0.06);
    float checker = mod(floor(c.x / unit) + floor(c.y / unit), 2.0);
    rgb += checker * 0.018;
    rgb = mix(rgb, vec3(0.30, 0.27, 0.30), line(min(to_line.x, to_line.y), 0.6));
    float radius = length(c);
    // Ramps: sixteen greys, and below them the full hue circle, inside the large circle.
    float across = c.x / (unit * 12.0) + 0.5;
    if (across > 0.0 && across < 1.0) {
        if (c.y > unit * 1.5 && c.y < unit * 3.5) rgb = vec3(floor(across * 16.0) / 15.0);
        if (c.y < -unit * 1.5 && c.y > -unit * 2.5) rgb = hue(across) * 0.85;
        if (c.y < -unit * 2.5 && c.y > -unit * 3.5) rgb = vec3(across);
    }
    vec3 ink = vec3(0.93, 0.90, 0.86);
    vec3 rose = vec3(0.93, 0.25, 0.42);
    rgb = mix(rgb, ink, line(abs(radius - unit * 8.0), 1.0));
    rgb = mix(rgb, ink, line(abs(radius - unit * 0.5), 1.0));
    rgb = mix(rgb, ink, line(min(abs(c.x), abs(c.y)), 0.7) * step(radius, unit * 1.4));
    vec2 corner = abs(c) - (size * 0.5 - unit * 2.0);              // a circle in every corner
    rgb = mix(rgb, ink, line(abs(length(corner) - unit * 1.5), 1.0));
    rgb = mix(rgb, ink, line(min(abs(corner.x), abs(corner.y)), 0.7) * step(length(corner), unit * 1.5));
    vec2 border = min(p, size - p);                                // the outermost pixels, rose: all four must show
    rgb = mix(rgb, rose, step(min(border.x, border.y), 2.0));
    vec2 arrow = vec2(c.x, c.y - unit * 6.0);                      // up is up
    rgb = mix(rgb, rose, step(abs(arrow.x), (unit - arrow.y) * 0.6) * step(0.0, arrow.y) * step(arrow.y, unit));
    float hand = atan(c.x, c.y) / 6.2831853 - fract(time_s / 4.0); // a hand that turns: the picture lives
    rgb = mix(rgb, rose, line(abs(radius - unit * 8.0), 3.0) * smoothstep(0.90, 1.0, fract(hand)));
    colour = vec4(rgb * master, 1.0);
}
