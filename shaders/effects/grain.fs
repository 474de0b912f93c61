/*{
  "ISFVSN": "2",
  "DESCRIPTION": "Film grain that lives in the shadows and middle tones, new with every frame",
  "CREDIT": "installation",
  "CATEGORIES": ["Film", "Glitch"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.18, "IDENTITY": 0.0, "LABEL": "how strong the grain is"},
    {"NAME": "size", "TYPE": "float", "MIN": 1.0, "MAX": 6.0, "DEFAULT": 1.5, "LABEL": "grain size, in 288ths of the picture's height"},
    {"NAME": "tint", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.25, "LABEL": "how much the grain's colours differ"}
  ]
}*/

float chance(vec2 cell) {
    vec2 p = fract(cell * vec2(0.7548777, 0.5698403)) + vec2(1.37, 2.71);
    p = fract(p.yx * p.x * 61.803 + p * 17.32);
    return fract((p.x + 1.17) * (p.y + 2.39) * 271.83);
}

void main() {
    vec4 picture = IMG_THIS_PIXEL(inputImage);
    // Grain finer than a pixel is as faint as the mean of many; in frames larger than the show's it is rough at its border.
    float unit = RENDERSIZE.y / 288.0;
    vec2 rough = vec2(chance(gl_FragCoord.xy), chance(gl_FragCoord.yx + 0.5)) - 0.5;
    vec2 cell = floor(gl_FragCoord.xy / (size * unit) + rough * clamp(unit - 1.0, 0.0, 1.0));
    cell += vec2(mod(float(FRAMEINDEX) * 37.0, 911.0), mod(float(FRAMEINDEX) * 71.0, 977.0));
    float h = chance(cell), k = fract(h * 57.31 + 0.37), l = fract(k * 31.7 + 0.11);
    vec3 speck = mix(vec3(h + k - 1.0) * 0.8, vec3(h, k, l) - 0.5, tint);
    float light = dot(picture.rgb, vec3(0.299, 0.587, 0.114));
    float room = (1.0 - light) * (0.3 + light) * 1.7;
    gl_FragColor = vec4(picture.rgb + speck * min(size * unit, 1.0) * amount * room * 0.5, picture.a);
}
