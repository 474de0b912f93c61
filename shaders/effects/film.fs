/*{
  "ISFVSN": "2",
  "DESCRIPTION": "A last print on film, in one pass: contrast, toned shadows and lights, grain, edges that sink into the dark",
  "CREDIT": "installation",
  "CATEGORIES": ["Colour", "Film"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.8, "IDENTITY": 0.0, "LABEL": "how much of it is laid over"},
    {"NAME": "contrast", "TYPE": "float", "MIN": 0.5, "MAX": 2.0, "DEFAULT": 1.22, "LABEL": "contrast around the middle"},
    {"NAME": "clarity", "TYPE": "float", "MIN": 0.0, "MAX": 3.0, "DEFAULT": 1.2, "LABEL": "how much the forms stand out from each other"},
    {"NAME": "saturation", "TYPE": "float", "MIN": 0.0, "MAX": 2.0, "DEFAULT": 1.2, "LABEL": "saturation"},
    {"NAME": "grain", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.16, "LABEL": "how strong the grain is"},
    {"NAME": "edge", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.55, "LABEL": "how dark the edges of the frame get"},
    {"NAME": "shadow", "TYPE": "color", "DEFAULT": [0.05, 0.0, 0.1, 1.0], "LABEL": "what the shadows lean towards"},
    {"NAME": "light", "TYPE": "color", "DEFAULT": [1.0, 0.94, 0.86, 1.0], "LABEL": "what the lights lean towards"}
  ]
}*/

float chance(vec2 cell) {
    vec2 p = fract(cell * vec2(0.7548777, 0.5698403)) + vec2(1.37, 2.71);
    p = fract(p.yx * p.x * 61.803 + p * 17.32);
    return fract((p.x + 1.17) * (p.y + 2.39) * 271.83);
}

void main() {
    vec4 picture = IMG_THIS_PIXEL(inputImage);
    vec2 d = vec2(0.008, 0.014);  // a hundredth of the frame: form, not noise
    vec3 around = IMG_NORM_PIXEL(inputImage, isf_FragNormCoord + d).rgb + IMG_NORM_PIXEL(inputImage, isf_FragNormCoord - d).rgb
                + IMG_NORM_PIXEL(inputImage, isf_FragNormCoord + vec2(d.x, -d.y)).rgb
                + IMG_NORM_PIXEL(inputImage, isf_FragNormCoord + vec2(-d.x, d.y)).rgb;
    vec3 c = picture.rgb + (picture.rgb - around * 0.25) * clarity;
    c = mix(vec3(0.4), c, contrast);
    float tone = dot(c, vec3(0.2126, 0.7152, 0.0722));
    c = mix(vec3(tone), c, saturation);
    c = max(c, shadow.rgb * (1.0 - tone)) * mix(vec3(1.0), light.rgb, tone);
    // A grain is a 288th of the height: in small frames it is as faint as the mean of many, in large ones rough at its border.
    float unit = RENDERSIZE.y / 288.0;
    vec2 rough = vec2(chance(gl_FragCoord.xy), chance(gl_FragCoord.yx + 0.5)) - 0.5;
    vec2 cell = floor(gl_FragCoord.xy / unit + rough * clamp(unit - 1.0, 0.0, 1.0));
    cell += vec2(mod(float(FRAMEINDEX) * 37.0, 911.0), mod(float(FRAMEINDEX) * 71.0, 977.0));
    c += (chance(cell) - 0.5) * min(unit, 1.0) * grain * (0.35 + tone) * (1.2 - tone);
    vec2 from = isf_FragNormCoord * 2.0 - 1.0;
    from *= from;
    c *= 1.0 - edge * smoothstep(0.35, 1.6, from.x + from.y);
    gl_FragColor = vec4(mix(picture.rgb, clamp(c, 0.0, 1.0), amount), picture.a);
}
