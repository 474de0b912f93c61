/*{
  "ISFVSN": "2",
  "DESCRIPTION": "Marbled paper: inks drop onto water, push each other aside, are combed and stirred; sharp at any size",
  "CREDIT": "installation",
  "CATEGORIES": ["Generator", "Stylize"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 1.0, "IDENTITY": 0.0, "LABEL": "how much of it covers the picture"},
    {"NAME": "size", "TYPE": "float", "MIN": 0.3, "MAX": 1.6, "DEFAULT": 1.0, "LABEL": "how large the drops spread"},
    {"NAME": "comb", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.25, "LABEL": "how far a comb was drawn through: arches, then feathers"},
    {"NAME": "tines", "TYPE": "float", "MIN": 2.0, "MAX": 24.0, "DEFAULT": 7.0, "LABEL": "how many tines of the comb a picture's height has"},
    {"NAME": "waves", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.25, "LABEL": "how far a rake went to and fro across it before"},
    {"NAME": "stir", "TYPE": "float", "MIN": -1.0, "MAX": 1.0, "DEFAULT": 0.0, "LABEL": "how far a stick has turned the water, against the clock above 0"},
    {"NAME": "stick", "TYPE": "point2D", "MIN": [0.0, 0.0], "MAX": [1.0, 1.0], "DEFAULT": [0.5, 0.5], "LABEL": "where the stick stands"},
    {"NAME": "inks", "TYPE": "float", "MIN": 0.0, "MAX": 3.0, "DEFAULT": 0.0, "LABEL": "0 indigo and vermilion, 1 sumi, 2 rose and moss, 3 night; between two, both"},
    {"NAME": "own", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.0, "LABEL": "how far the inks are the picture's own colours"},
    {"NAME": "tooth", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.5, "LABEL": "how rough paper and pigment are"}
  ],
  "PASSES": [
    {"TARGET": "colours", "WIDTH": 8, "HEIGHT": 13, "FLOAT": true},
    {}
  ]
}*/

// Drops and tines as maps of the plane, followed backwards: Lu, Jaffer et al. 2012. Nothing is remembered, so that a
// print of any size is the very picture of the wall.

const int SPOTS = 12;       // marble.vs says where they lie
const float PACE_S = 8.0;

flat in vec4 lies[12];

const vec3 INK[24] = vec3[](
    vec3(0.945, 0.905, 0.830), vec3(0.105, 0.165, 0.335), vec3(0.775, 0.235, 0.150), vec3(0.860, 0.640, 0.270), vec3(0.150, 0.440, 0.430), vec3(0.085, 0.080, 0.095),
    vec3(0.950, 0.930, 0.890), vec3(0.070, 0.075, 0.090), vec3(0.300, 0.320, 0.355), vec3(0.700, 0.700, 0.690), vec3(0.135, 0.235, 0.360), vec3(0.760, 0.560, 0.500),
    vec3(0.955, 0.915, 0.850), vec3(0.845, 0.520, 0.510), vec3(0.380, 0.450, 0.280), vec3(0.400, 0.105, 0.185), vec3(0.880, 0.690, 0.330), vec3(0.215, 0.265, 0.410),
    vec3(0.045, 0.055, 0.115), vec3(0.130, 0.200, 0.560), vec3(0.220, 0.610, 0.590), vec3(0.940, 0.460, 0.340), vec3(0.965, 0.900, 0.770), vec3(0.320, 0.160, 0.400));

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

vec3 ink(int which) {   // 0 is the paper's size, on which the others float
    int set = int(min(inks, 2.999));
    return mix(INK[set * 6 + which], INK[set * 6 + 6 + which], inks - float(set));
}

vec3 colour_of(int spot, int drop) {
    float id = mod(floor(TIME / PACE_S) - float(spot) + 1024.0, 1024.0);
    int from = int(chance(vec2(id, 7.0)) * 6.0), step = chance(vec2(id, 8.0)) < 0.5 ? 1 : 5;
    int which = spot == SPOTS ? drop % 6 : (from + drop * step) % 6;   // the last row: what they lie on
    vec2 place = vec2(chance(vec2(id, float(drop))), chance(vec2(float(drop), id)));
    return mix(ink(which), IMG_NORM_PIXEL(inputImage, place).rgb, own);
}

vec3 bare(vec2 p) {   // what they lie on: size, sprinkled finely
    vec2 at = p * 13.0, cell = floor(at);
    float luck = chance(cell), large = chance(cell + 31.0);
    float far = length(fract(at) - 0.5 - (vec2(luck, chance(cell.yx + 7.0)) - 0.5) * 0.5), wide = large * large * 0.34;
    float edge = clamp((wide - far) / (fwidth(at.x) + fwidth(at.y) + 1e-6) + 0.5, 0.0, 1.0) * step(0.06, wide);
    return mix(texelFetch(colours, ivec2(0, SPOTS), 0).rgb, texelFetch(colours, ivec2(1 + int(luck * 4.99), SPOTS), 0).rgb, edge);
}

vec3 ringed(int spot, vec2 ring) {   // the colour where so much of a spot's ink lies further in
    float wide2 = lies[spot].z, fallen = lies[spot].w - ring.x / wide2;   // how many drops had fallen before this ink
    float slope = 1.0 + 0.78 * cos(fallen * 2.6);
    fallen += 0.30 * sin(fallen * 2.6) + 0.5;
    float edge = clamp((fract(fallen) - 0.5) * wide2 / (ring.y * slope) + 0.5, 0.0, 1.0);
    int drop = clamp(int(fallen), 0, 7);
    vec3 before = texelFetch(colours, ivec2(max(drop - 1, 0), spot), 0).rgb;
    return mix(before, texelFetch(colours, ivec2(drop, spot), 0).rgb, edge);
}

vec2 raked(vec2 p) {   // what comb, rake and stick have moved, back to where it lay
    vec2 from = p - (stick - 0.5) * vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0);
    float angle = stir * 3.4 * exp(-dot(from, from) * 9.0), c = cos(angle), s = sin(angle);
    p += mat2(c, -s, s, c) * from - from;
    float tine = abs(fract(p.x * tines * 0.5 + 0.03 * sin(TIME * 0.11) + 0.25) - 0.5) * 2.0;   // there and back by turns
    float arch = exp(-5.0 * sqrt(tine * tine + 0.003)) - exp(-5.0 * sqrt((1.0 - tine) * (1.0 - tine) + 0.003));
    p.y -= comb * 1.6 / (2.0 + tines * 0.5) * arch;
    float to = p.y * 11.0 + 0.4 * sin(TIME * 0.07);
    p.x -= waves * 0.16 * (sin(to) + 0.22 * sin(3.0 * to));
    return p + 0.012 * vec2(sin(p.y * 9.0 + TIME * 0.19), sin(p.x * 8.0 - TIME * 0.16));   // the water is never still
}

void main() {
    if (PASSINDEX == 0) {
        gl_FragColor = vec4(colour_of(int(gl_FragCoord.y), int(gl_FragCoord.x)), 1.0);
        return;
    }
    vec4 picture = IMG_THIS_PIXEL(inputImage);
    vec2 sheet = (isf_FragNormCoord - 0.5) * vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0);
    vec2 p = raked(sheet), q = p * 6.0;
    float through = 1.0, first = 0.0, second = 0.0;   // how much is seen of the two spots that are seen most,
    vec2 ring = vec2(1.0), other_ring = vec2(1.0);    // and there: how much ink lies further in, and half a pixel of it
    int one = SPOTS, other = SPOTS;
    for (int i = 0; i < SPOTS; i++) {
        vec2 v = p - lies[i].xy;
        float far2 = dot(v, v), soft = fwidth(far2) * 1.5 + 1e-7, over = far2 - lies[i].z * lies[i].w;
        float share = through * clamp(0.5 - over / soft, 0.0, 1.0);
        if (share > first) {
            second = first; other = one; other_ring = ring;
            first = share; one = i; ring = vec2(far2, soft);
            q = v * 14.0;
        } else if (share > second) { second = share; other = i; other_ring = vec2(far2, soft); }
        through -= share;
        p = lies[i].xy + v * sqrt(max(over, 0.0) / far2);
    }
    vec3 colour = first * ringed(min(one, SPOTS - 1), ring);
    if (second > 0.002) colour += second * ringed(other, other_ring);
    colour += (1.0 - first - second) * bare(p);
    float cloud = noise(q * 1.6) - 0.5;   // pigment settles unevenly and is drawn along
    float grain = 1.5 * noise(mat2(0.8, 0.6, -0.6, 0.8) * sheet * vec2(150.0, 105.0)) - 0.75;
    colour *= 1.0 + tooth * 0.34 * cloud;
    colour += tooth * 0.055 * grain * (0.35 + colour);
    gl_FragColor = vec4(mix(picture.rgb, clamp(colour, 0.0, 1.0), amount), picture.a);
}
