/*{
  "ISFVSN": "2",
  "DESCRIPTION": "Bands of the picture slip sideways and their colours come apart",
  "CREDIT": "installation",
  "CATEGORIES": ["Glitch"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.45, "IDENTITY": 0.0, "LABEL": "how far and how many bands slip"},
    {"NAME": "bands", "TYPE": "float", "MIN": 4.0, "MAX": 90.0, "DEFAULT": 26.0, "LABEL": "how many bands there are"},
    {"NAME": "rate", "TYPE": "float", "MIN": 0.0, "MAX": 16.0, "DEFAULT": 5.0, "LABEL": "slips a second"},
    {"NAME": "split", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.5, "LABEL": "how far the colours come apart"}
  ]
}*/

float chance(vec2 cell) {
    vec2 p = fract(cell * vec2(0.7548777, 0.5698403)) + vec2(1.37, 2.71);
    p = fract(p.yx * p.x * 61.803 + p * 17.32);
    return fract((p.x + 1.17) * (p.y + 2.39) * 271.83);
}

void main() {
    float beat = floor(TIME * rate), ease = fract(TIME * rate);
    // Bands of two sizes, so that no ruler shows.
    float y = isf_FragNormCoord.y;
    float coarse = floor(y * bands * 0.28), fine = floor(y * bands);
    float wild = step(chance(vec2(coarse, beat)), 0.12 + amount * 0.5);
    float slip = (chance(vec2(fine, beat + 7.0)) - 0.5) * wild;
    slip = slip * abs(slip) * 1.5 * amount * (1.0 - ease * ease);
    float apart = split * amount * (0.012 + abs(slip) * 0.45);
    vec2 at = vec2(isf_FragNormCoord.x + slip, y);
    vec4 picture = IMG_NORM_PIXEL(inputImage, fract(at));
    picture.r = IMG_NORM_PIXEL(inputImage, fract(at + vec2(apart, 0.0))).r;
    picture.b = IMG_NORM_PIXEL(inputImage, fract(at - vec2(apart, 0.0))).b;
    gl_FragColor = picture;
}
