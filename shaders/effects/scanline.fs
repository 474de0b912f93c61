/*{
  "ISFVSN": "2",
  "DESCRIPTION": "The lines of an old tube, with a slow roll of light and a breath of colour at their edges",
  "CREDIT": "installation",
  "CATEGORIES": ["Film", "Glitch"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.5, "IDENTITY": 0.0, "LABEL": "how dark the gaps between lines are"},
    {"NAME": "lines", "TYPE": "float", "MIN": 30.0, "MAX": 360.0, "DEFAULT": 120.0, "LABEL": "lines in the height of the picture"},
    {"NAME": "roll", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.35, "LABEL": "strength of the band of light that rolls through"},
    {"NAME": "bleed", "TYPE": "float", "MIN": 0.0, "MAX": 4.0, "DEFAULT": 1.2, "LABEL": "how far colour bleeds along a line, in 288ths of the picture's height"}
  ]
}*/

void main() {
    vec2 d = vec2(bleed * amount / 288.0 * RENDERSIZE.y / RENDERSIZE.x, 0.0);
    vec4 picture = IMG_THIS_PIXEL(inputImage);
    vec3 side = vec3(IMG_NORM_PIXEL(inputImage, isf_FragNormCoord + d).r, picture.g,
                     IMG_NORM_PIXEL(inputImage, isf_FragNormCoord - d).b);
    float light = dot(picture.rgb, vec3(0.3, 0.59, 0.11));
    float wave = 0.5 + 0.5 * cos(6.2831853 * isf_FragNormCoord.y * lines);
    // Bright lines are thick, dark ones thin, as on a tube.
    float thick = 0.35 + 0.65 * light, line = mix(wave * wave, wave, thick);
    // Lines finer than two pixels would beat with them: there is their mean.
    line = mix(mix(0.375, 0.5, thick), line, smoothstep(1.6, 2.2, RENDERSIZE.y / lines));
    float dim = mix(1.0, 0.42 + 0.75 * line, amount);
    float band = fract(isf_FragNormCoord.y + TIME * 0.07);
    float lift = roll * amount * 0.22 * max(0.0, 1.0 - 9.0 * (band - 0.5) * (band - 0.5));
    gl_FragColor = vec4(side * (dim + lift), picture.a);
}
