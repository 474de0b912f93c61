/*{
  "ISFVSN": "2",
  "DESCRIPTION": "The picture melts: petals of it come loose and flow downwards like wet paint",
  "CREDIT": "installation",
  "CATEGORIES": ["Feedback", "Glitch"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.5, "IDENTITY": 0.0, "LABEL": "how much of the picture has come loose"},
    {"NAME": "speed", "TYPE": "float", "MIN": 0.0, "MAX": 2.0, "DEFAULT": 0.6, "LABEL": "how fast it flows"},
    {"NAME": "scale", "TYPE": "float", "MIN": 1.0, "MAX": 12.0, "DEFAULT": 4.0, "LABEL": "how many currents there are"},
    {"NAME": "fall", "TYPE": "float", "MIN": -1.0, "MAX": 1.0, "DEFAULT": 0.5, "LABEL": "downwards; below 0 upwards"}
  ],
  "PASSES": [
    {"TARGET": "currents", "WIDTH": "ceil(18.0*$WIDTH/$HEIGHT)", "HEIGHT": "18", "FLOAT": true},
    {"TARGET": "paint", "PERSISTENT": true}
  ]
}*/

float chance(vec2 cell) {
    vec2 p = fract(cell * vec2(0.7548777, 0.5698403)) + vec2(1.37, 2.71);
    p = fract(p.yx * p.x * 61.803 + p * 17.32);
    return fract((p.x + 1.17) * (p.y + 2.39) * 271.83);
}

float noise(vec2 p) {
    vec2 i = floor(p), f = fract(p);
    f = f * f * (3.0 - 2.0 * f);
    return mix(mix(chance(i), chance(i + vec2(1.0, 0.0)), f.x),
               mix(chance(i + vec2(0.0, 1.0)), chance(i + vec2(1.0, 1.0)), f.x), f.y);
}

void main() {
    if (PASSINDEX == 0) {
        // The currents, coarse: where the paint flows to in this frame and, in blue, how much of it has come loose.
        vec2 p = isf_FragNormCoord * vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0) * scale;
        float t = TIME * 0.11;
        float a = noise(p + vec2(0.0, t)), b = noise(p + vec2(17.0 - t, 9.0));
        float loose = noise(p * 0.7 + vec2(41.0, -t * 0.6)) * 0.6 + noise(p * 1.9 + vec2(t, 3.0)) * 0.4;
        vec2 flow = vec2(a - 0.5, (b - 0.5) * 0.6 - fall * (0.25 + 0.5 * loose));
        float edge = 1.0 - amount * 1.1;
        float wet = FRAMEINDEX == 0 || amount == 0.0 ? 0.0 : smoothstep(edge - 0.06, edge + 0.10, loose) * 0.985;
        gl_FragColor = vec4(flow * speed * min(TIMEDELTA, 0.1) * 0.5, wet, 1.0);
    } else {
        vec4 picture = IMG_THIS_PIXEL(inputImage);
        vec4 current = IMG_NORM_PIXEL(currents, isf_FragNormCoord);
        vec4 wet = IMG_NORM_PIXEL(paint, isf_FragNormCoord - current.xy);
        gl_FragColor = mix(picture, wet, current.z);
    }
}
