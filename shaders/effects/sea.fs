/*{
  "ISFVSN": "2",
  "DESCRIPTION": "A sea under moon or sun, on which sound is written: it rolls in from the horizon as light in the waves",
  "CREDIT": "installation",
  "CATEGORIES": ["Generator", "Audio"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "heard", "TYPE": "audioFFT", "MAX": 128},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 1.0, "IDENTITY": 0.0, "LABEL": "how much of it covers the picture"},
    {"NAME": "low", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.0, "LABEL": "low tones now: they come in along the middle"},
    {"NAME": "mid", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.0, "LABEL": "middle tones now: on either side of it"},
    {"NAME": "high", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.0, "LABEL": "high tones now: far out"},
    {"NAME": "ear", "TYPE": "float", "MIN": 0.0, "MAX": 2.0, "DEFAULT": 1.0, "LABEL": "how strongly the spectrum itself is written"},
    {"NAME": "shine", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.6, "LABEL": "how brightly the water glows where sound is"},
    {"NAME": "wind", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.35, "LABEL": "how rough the water is by itself"},
    {"NAME": "sky", "TYPE": "float", "MIN": 0.0, "MAX": 3.0, "DEFAULT": 0.0, "LABEL": "0 a clear night, 1 dawn, 2 silver haze, 3 a red evening; between two, both"},
    {"NAME": "lamp", "TYPE": "point2D", "MIN": [0.0, 0.0], "MAX": [1.0, 1.0], "DEFAULT": [0.5, 0.45], "LABEL": "where moon or sun stands above the horizon"},
    {"NAME": "halo", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.35, "LABEL": "how far its light spreads in the air"},
    {"NAME": "horizon", "TYPE": "float", "MIN": 0.2, "MAX": 0.8, "DEFAULT": 0.56, "LABEL": "how high the horizon lies"}
  ],
  "PASSES": [
    {"TARGET": "wake", "WIDTH": 96, "HEIGHT": 128, "FLOAT": true, "PERSISTENT": true},
    {}
  ]
}*/

// All that moves comes back after 3598 s, when the shader's clock is set back, so that nobody sees it happen.

const float ROWS = 128.0, ROWS_A_S = 128.0 / 7.0;    // of the wake: a ring, written row by row
const float TURN = 6.2831853 / 3598.0;

struct Air { vec3 zenith, haze, deep, light, spark; };

const Air AIRS[5] = Air[](
    Air(vec3(0.010, 0.018, 0.045), vec3(0.075, 0.120, 0.175), vec3(0.004, 0.014, 0.024), vec3(1.00, 0.95, 0.84), vec3(0.08, 0.62, 0.66)),
    Air(vec3(0.150, 0.205, 0.330), vec3(0.890, 0.560, 0.430), vec3(0.030, 0.060, 0.090), vec3(1.00, 0.86, 0.62), vec3(0.98, 0.55, 0.40)),
    Air(vec3(0.420, 0.440, 0.450), vec3(0.730, 0.735, 0.720), vec3(0.075, 0.085, 0.090), vec3(1.00, 1.00, 0.97), vec3(0.66, 0.72, 0.70)),
    Air(vec3(0.070, 0.020, 0.060), vec3(0.620, 0.130, 0.085), vec3(0.025, 0.006, 0.018), vec3(1.00, 0.55, 0.28), vec3(0.98, 0.62, 0.22)),
    Air(vec3(0.070, 0.020, 0.060), vec3(0.620, 0.130, 0.085), vec3(0.025, 0.006, 0.018), vec3(1.00, 0.55, 0.28), vec3(0.98, 0.62, 0.22)));

float chance(vec2 cell) {   // in whole numbers, which every machine reckons alike
    ivec2 i = ivec2(floor(cell));
    uint h = uint(i.x) * 1597334677u ^ uint(i.y) * 3812015801u;
    h = (h ^ h >> 15) * 2246822519u;
    h = (h ^ h >> 13) * 3266489917u;
    return float(h >> 8) / 16777216.0;
}

float noise(vec2 p) {
    vec2 i = floor(p), f = fract(p);
    f = f * f * (3.0 - 2.0 * f);
    return mix(mix(chance(i), chance(i + vec2(1.0, 0.0)), f.x),
               mix(chance(i + vec2(0.0, 1.0)), chance(i + vec2(1.0, 1.0)), f.x), f.y);
}

Air air_of(float which) {
    int i = int(min(which, 3.0));
    float t = which - float(i);
    Air a = AIRS[i], b = AIRS[i + 1];
    return Air(mix(a.zenith, b.zenith, t), mix(a.haze, b.haze, t), mix(a.deep, b.deep, t), mix(a.light, b.light, t), mix(a.spark, b.spark, t));
}

vec4 written() {   // rows that are new since the last frame hold what is heard now; the others stay
    float head = floor(TIME * ROWS_A_S), before = floor((TIME - TIMEDELTA) * ROWS_A_S), row = floor(gl_FragCoord.y);
    vec4 old = IMG_THIS_PIXEL(wake);
    if (FRAMEINDEX > 0 && mod(head - row, ROWS) >= head - before) return old;
    float f = abs(isf_FragNormCoord.x * 2.0 - 1.0);
    float tone = IMG_NORM_PIXEL(heard, vec2(0.01 + 0.6 * f * f, 0.5)).r;
    float told = low * exp(-f * f * 22.0) + mid * exp(-(f - 0.42) * (f - 0.42) * 30.0) + high * exp(-(f - 0.82) * (f - 0.82) * 36.0);
    float now = max(ear * smoothstep(0.25, 0.85, tone), told) * (FRAMEINDEX == 0 ? 0.0 : 1.0);
    return vec4(now);
}

vec3 sky_at(vec2 at, vec2 stands, Air air, float wide) {   // at: above the horizon, in heights of the picture
    vec3 c = mix(air.haze, air.zenith, 1.0 - exp(-max(at.y, 0.0) * 4.2));
    float far = length(at - stands);
    c += air.light * halo * (0.30 * exp(-far * 3.2) + 0.45 * exp(-far * 11.0));
    return c + air.light * smoothstep(0.0525 + wide, 0.0495 - wide, far) * (0.92 - 0.35 * min(wide * 9.0, 1.0));
}

vec3 above(vec2 at, vec2 stands, Air air) {
    vec3 c = sky_at(at, stands, air, 0.0);
    float dark = 1.0 - dot(air.haze, vec3(0.4));
    vec2 sown = at + vec2(3.0, 1.0) + 0.3 * vec2(sin(at.y * 5.0), sin(at.x * 4.0)), cell = floor(sown * 31.0);
    float luck = chance(cell), size = fract(luck * 77.0);
    vec2 off = fract(sown * 31.0) - 0.5 - (vec2(fract(luck * 131.0), fract(luck * 311.0)) - 0.5) * 0.8;
    float star = exp(-dot(off, off) * mix(420.0, 190.0, size * size)) * mix(0.15, 1.0, size * size * size);
    float twinkle = 0.8 + 0.2 * sin(TIME * TURN * floor(500.0 + 700.0 * size) + luck * 90.0);
    c += star * step(0.72, luck) * smoothstep(0.0, 0.3, at.y) * max(dark - 0.6, 0.0) * 2.0 * twinkle;
    vec2 drift = 5.0 * vec2(cos(TIME * TURN), sin(TIME * TURN));
    vec2 p = vec2(at.x * 1.5, at.y * 7.0) + drift;
    float cloud = noise(p) * 0.5 + noise(p * 2.3 + 4.0) * 0.32 + noise(p * 5.1) * 0.18;
    cloud = smoothstep(0.48, 0.85, cloud) * exp(-at.y * 2.2);
    vec3 lit = mix(air.haze, air.light, 0.35 * exp(-length(at - stands) * 3.5));
    c = mix(c, lit * 0.62, cloud * 0.75);
    vec2 disc = (at - stands) * 19.0;   // the moon's seas
    float seas = smoothstep(0.40, 0.72, noise(disc * 2.2 + 40.0) * 0.65 + noise(disc * 5.0 + 9.0) * 0.35) * smoothstep(1.02, 0.9, length(disc));
    return c * (1.0 - 0.24 * seas * dark);
}

vec3 below(vec2 at, vec2 stands, Air air, vec2 wall) {   // at.y: how far below the horizon
    float down = at.y, z = 0.22 / (down + 0.006), age = 6.6 * pow(down / horizon, 0.55);
    float row = (TIME - age) * ROWS_A_S;
    vec2 w = vec2(wall.x, fract(row / ROWS));
    float spread = 1.0 + 0.7 * age;   // waves flatten as they run, and the first of a tone is no wall
    float here = IMG_NORM_PIXEL(wake, w).r, beside = IMG_NORM_PIXEL(wake, w + vec2(0.012, 0.0)).r;
    float later = IMG_NORM_PIXEL(wake, vec2(w.x, fract((row + spread) / ROWS))).r;
    float sooner = IMG_NORM_PIXEL(wake, vec2(w.x, fract((row - spread) / ROWS))).r, slant = beside - here;
    here = 0.4 * here + 0.3 * (later + sooner);
    here *= smoothstep(6.4, 3.6, age);
    vec2 p = vec2(at.x * z * 4.5, z * 4.5), slope = vec2(0.0);
    float rough = (0.25 + wind) * (0.55 + 0.9 * here), high = 0.0, weight = 1.0, even = 1.0, k = 0.9;
    for (int i = 0; i < 9; i++) {   // crests that lean on the longer ones
        float angle = float(i) * 2.399 + 1.2, phase = TIME * TURN * floor(620.0 * sqrt(k));
        vec2 to = vec2(sin(angle) * 0.9, abs(cos(angle)) + 0.35);
        float fine = k * z * 0.033, seen = 1.0 / (1.0 + fine * fine * (1.0 + fine * fine)), x = dot(p, to) * k + phase;
        float half_up = 0.5 + 0.5 * sin(x), crest = half_up * half_up, rise = half_up * cos(x);
        slope += to * rise * seen * weight * k * 0.27;
        p += to * rise * weight * 0.20;
        high += (crest - 0.375) * seen * even;
        weight *= 0.70; k *= 1.48; even *= 0.93;
    }
    slope = slope * rough + vec2(slant, (later - sooner) * 0.4) * 0.9;
    vec3 n = normalize(vec3(-slope.x, 1.6, -slope.y)), view = normalize(vec3(at.x, -down, 1.1));
    vec3 r = reflect(view, n);
    r.y = abs(r.y);
    float facing = clamp(1.0 - dot(-view, n), 0.0, 1.0), mirror = 0.07 + 0.93 * facing * facing * facing;
    vec3 c = mix(air.deep, sky_at(r.xy / max(r.z, 0.05) * 1.1, stands, air, 0.02 + 0.06 * rough), mirror);
    float thread = smoothstep(0.1, 1.9, high + 1.1 * here - 0.35);   // it glows along the crests, as plankton does
    c += air.spark * shine * here * (0.05 + 2.2 * thread * thread) * (1.0 - 0.6 * air.haze.r);
    c += (air.spark * 0.5 + 0.5) * shine * smoothstep(1.5, 2.6, high + 1.4 * here) * here * 1.2;
    return mix(c, air.haze, exp(-down * 42.0) * 0.85);
}

void main() {
    if (PASSINDEX == 0) { gl_FragColor = written(); return; }
    vec4 picture = IMG_THIS_PIXEL(inputImage);
    vec2 wall = isf_FragNormCoord, at = vec2((wall.x - 0.5) * RENDERSIZE.x / RENDERSIZE.y, wall.y - horizon);
    vec2 stands = vec2((lamp.x - 0.5) * RENDERSIZE.x / RENDERSIZE.y, lamp.y * (1.0 - horizon) * 1.15);
    Air air = air_of(sky);
    vec3 c = at.y > 0.0 ? above(at, stands, air) : below(vec2(at.x, -at.y), stands, air, wall);
    gl_FragColor = vec4(mix(picture.rgb, clamp(c, 0.0, 1.0), amount), picture.a);
}
