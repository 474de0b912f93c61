/*{
  "ISFVSN": "2",
  "DESCRIPTION": "An engraving in copper: one line, thick in the dark and thin in the light, bent by the forms, and coloured by hand",
  "CREDIT": "installation",
  "CATEGORIES": ["Stylize", "Halftone"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 1.0, "IDENTITY": 0.0, "LABEL": "how much of it covers the picture"},
    {"NAME": "lines", "TYPE": "float", "MIN": 20.0, "MAX": 110.0, "DEFAULT": 56.0, "LABEL": "how many lines a picture's height has"},
    {"NAME": "spiral", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 1.0, "LABEL": "1: a single line that winds out of a centre; below, the centre sinks, until lines are level at 0"},
    {"NAME": "centre", "TYPE": "point2D", "MIN": [0.0, 0.0], "MAX": [1.0, 1.0], "DEFAULT": [0.5, 0.5], "LABEL": "where the line begins"},
    {"NAME": "follow", "TYPE": "float", "MIN": -1.0, "MAX": 1.0, "DEFAULT": 0.35, "LABEL": "how far lines rise over what is light, or over what is dark below 0"},
    {"NAME": "weight", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.5, "LABEL": "how dark it is printed"},
    {"NAME": "hatch", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.4, "LABEL": "how far a second set of lines crosses the shadows"},
    {"NAME": "wash", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.4, "LABEL": "how far the picture's own colours are washed over the paper"},
    {"NAME": "negative", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.0, "LABEL": "1: lines are thick in the light, for a pale ink on a dark plate"},
    {"NAME": "ink", "TYPE": "color", "DEFAULT": [0.10, 0.11, 0.20, 1.0], "LABEL": "colour of the lines"},
    {"NAME": "paper", "TYPE": "color", "DEFAULT": [0.945, 0.910, 0.840, 1.0], "LABEL": "colour of the paper"}
  ],
  "PASSES": [
    {"TARGET": "soft", "WIDTH": "floor(72.0*$WIDTH/$HEIGHT)", "HEIGHT": "72", "FLOAT": true},
    {}
  ]
}*/

// Lengths are in 288ths of the height, so that a print has the lines of the show. After Mellan's Sudarium of 1649.

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

float tone(vec3 c) { return dot(c, vec3(0.299, 0.587, 0.114)); }

float inked(float s, float wide) { return floor(s) * wide + clamp(fract(s) - 0.5 + 0.5 * wide, 0.0, wide); }   // up to s

float line(float s, float dark, float pixel) {   // how much ink a pixel gets at s, where lines run half-way between whole numbers
    float wide = clamp(dark, 0.0, 1.0);
    float got = (inked(s + 0.5 * pixel, wide) - inked(s - 0.5 * pixel, wide)) / pixel;
    return got * smoothstep(0.02, 0.12, dark);   // where it is lightest the burin is lifted
}

void main() {
    vec2 unit = vec2(RENDERSIZE.y / RENDERSIZE.x, 1.0) / 288.0, here = isf_FragNormCoord;
    if (PASSINDEX == 0) {
        vec3 sum = IMG_NORM_PIXEL(inputImage, here).rgb * 2.0;
        for (int i = 0; i < 8; i++) {
            vec2 to = vec2(cos(float(i) * 0.7854), sin(float(i) * 0.7854)) * (i % 2 == 0 ? 5.0 : 9.0);
            sum += IMG_NORM_PIXEL(inputImage, here + to * unit).rgb;
        }
        gl_FragColor = vec4(sum * 0.1, 1.0);
        return;
    }
    vec4 picture = IMG_THIS_PIXEL(inputImage);
    vec3 around = IMG_NORM_PIXEL(soft, here).rgb;
    vec2 at = (here - centre) * vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0);
    float light = tone(around), form = light * (3.0 - 2.0 * light) * light;
    float sunk = 60.0 * pow(1.0 - spiral, 4.0), angle = atan(at.y + sunk, at.x) / 6.2831853;
    float hand = 0.16 * noise(here / unit * 0.09) + 0.05 * noise(here / unit * 0.31);
    float s = (length(at + vec2(0.0, sunk)) - sunk) * lines - angle - follow * form * lines * 0.11 + hand;
    float near = tone(IMG_NORM_PIXEL(inputImage, here).rgb), sharp = near + 0.9 * (near - light);
    float dark = 1.0 - pow(clamp(sharp, 0.0, 1.0), 0.80);
    dark = mix(dark, 0.96 - dark, negative);
    dark = dark * mix(0.66, 1.16, weight) + mix(-0.02, 0.07, weight);
    float pixel = lines / RENDERSIZE.y;   // of it, in lines
    float drawn = line(s, dark, pixel);
    vec2 slant = mat2(0.82, 0.57, -0.57, 0.82) * ((here - 0.5) * vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0));
    float crossed = (slant.y + 0.02 * form) * lines * 0.92 + hand;
    drawn += (1.0 - drawn) * line(crossed, (dark - 0.52) * 1.5 * hatch, pixel * 0.92);
    float fibre = noise(here / unit * vec2(0.55, 0.8)) + noise(here / unit * vec2(1.7, 1.1) + 7.0) - 1.0;
    vec3 tint = around / (max(around.r, max(around.g, around.b)) + 0.001);
    float pool = smoothstep(0.15, 0.85, noise(here / unit * 0.022 + 3.0) + 0.25 - 0.5 * abs(light - 0.5));
    tint = mix(vec3(1.0), tint, wash * (0.35 + 0.65 * pool) * smoothstep(1.0, 0.6, light));   // a brush leaves more here than there
    vec3 sheet = paper.rgb * mix(tint, vec3(1.0), negative) * (1.0 + 0.028 * fibre), lead = ink.rgb * mix(vec3(1.0), tint, negative);
    float bite = 0.90 + 0.10 * clamp(0.5 + fibre, 0.0, 1.0);      // ink takes unevenly to the fibres
    gl_FragColor = vec4(mix(picture.rgb, clamp(mix(sheet, lead, drawn * bite), 0.0, 1.0), amount), picture.a);
}
