/*{
  "ISFVSN": "2",
  "DESCRIPTION": "Oil on canvas: strokes follow the forms, edges close, the bristles catch the light",
  "CREDIT": "installation",
  "CATEGORIES": ["Stylize"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.8, "IDENTITY": 0.0, "LABEL": "how much of it is painted"},
    {"NAME": "stroke", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.5, "LABEL": "how long the strokes are"},
    {"NAME": "edge", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.7, "LABEL": "how hard the edges of the forms are"},
    {"NAME": "relief", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.35, "LABEL": "how thick the paint lies"}
  ],
  "IMPORTED": {"bristles": {"PATH": "images/bristles.png"}},
  "PASSES": [
    {"TARGET": "tensor", "WIDTH": "floor(96.0*$WIDTH/$HEIGHT)", "HEIGHT": "96", "FLOAT": true},
    {"TARGET": "flow", "WIDTH": "floor(96.0*$WIDTH/$HEIGHT)", "HEIGHT": "96", "FLOAT": true},
    {}
  ]
}*/

// Strokes along the structure tensor: Kyprianidis and Doellner 2008; edges by a shock filter: Osher and Rudin 1990.
// Lengths are in 288ths of the height, so that a print has the brushes of the show.

const float FINE = 1.3;   // bristles in a unit of length

float tone(vec3 c) { return dot(c, vec3(0.299, 0.587, 0.114)); }

float hair(vec2 at) { return IMG_NORM_PIXEL(bristles, fract(at / 256.0)).r; }   // the bristles of the brush

vec4 change(vec2 unit) {   // how light and colour change around here: the structure tensor
    vec2 e = unit * 3.4;
    vec3 x = IMG_NORM_PIXEL(inputImage, isf_FragNormCoord + vec2(e.x, 0.0)).rgb
           - IMG_NORM_PIXEL(inputImage, isf_FragNormCoord - vec2(e.x, 0.0)).rgb;
    vec3 y = IMG_NORM_PIXEL(inputImage, isf_FragNormCoord + vec2(0.0, e.y)).rgb
           - IMG_NORM_PIXEL(inputImage, isf_FragNormCoord - vec2(0.0, e.y)).rgb;
    return vec4(dot(x, x), dot(y, y), dot(x, y), 1.0);
}

vec4 around(vec2 unit) {
    vec4 sum = vec4(0.0);
    for (int i = -1; i <= 1; i++)
        for (int k = -1; k <= 1; k++) sum += IMG_NORM_PIXEL(tensor, isf_FragNormCoord + vec2(i, k) * unit * 4.0);
    return sum;   // only its direction counts
}

void main() {
    vec2 unit = vec2(RENDERSIZE.y / RENDERSIZE.x, 1.0) / 288.0, at = isf_FragNormCoord;
    if (PASSINDEX == 0) { gl_FragColor = change(unit); return; }
    if (PASSINDEX == 1) { gl_FragColor = around(unit); return; }
    vec4 picture = IMG_THIS_PIXEL(inputImage);
    vec3 j = IMG_NORM_PIXEL(flow, at).xyz;
    float d = j.x - j.y, root = sqrt(d * d + 4.0 * j.z * j.z);   // half of the angle, without an arctangent
    vec2 across = d > 0.0 ? vec2(d + root, 2.0 * j.z) : vec2(2.0 * j.z, root - d);
    across *= inversesqrt(max(dot(across, across), 1e-20));
    vec2 along = vec2(-across.y, across.x);
    vec2 cell = at / unit * FINE, step = along * mix(0.8, 3.6, stroke);
    vec3 c = picture.rgb * 2.0;
    float bristle = 0.0;
    for (int i = 0; i < 4; i++) bristle += hair(cell + along * (float(i) - 1.5) * 2.2);
    c += IMG_NORM_PIXEL(inputImage, at + step * unit).rgb + IMG_NORM_PIXEL(inputImage, at - step * unit).rgb;
    c *= 0.25;
    bristle = (bristle * 0.25 - 0.5) * relief * 2.0 * min(RENDERSIZE.y / 288.0, 1.0);   // finer than a pixel, fainter
    vec2 aside = across * unit * 2.6;
    vec3 a = IMG_NORM_PIXEL(inputImage, at + aside).rgb, b = IMG_NORM_PIXEL(inputImage, at - aside).rgb;
    float ta = tone(a), tb = tone(b), bend = ta + tb - 2.0 * tone(c);
    c = mix(c, (bend > 0.0) == (ta < tb) ? a : b, min(abs(bend) * 24.0, 1.0) * edge);
    c += bristle * (c * (1.6 - tone(c)) * 1.2 + 0.045);
    gl_FragColor = vec4(mix(picture.rgb, clamp(c, 0.0, 1.0), amount), picture.a);
}
