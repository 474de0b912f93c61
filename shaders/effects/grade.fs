/*{
  "ISFVSN": "2",
  "DESCRIPTION": "Colour grading: lift, gamma and gain, and a palette of three colours to tint towards",
  "CREDIT": "installation",
  "CATEGORIES": ["Colour"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.6, "IDENTITY": 0.0, "LABEL": "how much of the grade is laid over"},
    {"NAME": "lift", "TYPE": "float", "MIN": -0.3, "MAX": 0.3, "DEFAULT": -0.02, "LABEL": "shadows"},
    {"NAME": "gamma", "TYPE": "float", "MIN": 0.0, "MAX": 2.0, "DEFAULT": 1.0, "LABEL": "middle tones"},
    {"NAME": "gain", "TYPE": "float", "MIN": 0.3, "MAX": 2.0, "DEFAULT": 1.08, "LABEL": "lights"},
    {"NAME": "contrast", "TYPE": "float", "MIN": 0.5, "MAX": 2.0, "DEFAULT": 1.14, "LABEL": "contrast around the middle"},
    {"NAME": "saturation", "TYPE": "float", "MIN": 0.0, "MAX": 2.0, "DEFAULT": 1.12, "LABEL": "saturation"},
    {"NAME": "palette", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.3, "LABEL": "how far the colours go towards the palette"},
    {"NAME": "shadow", "TYPE": "color", "DEFAULT": [0.09, 0.03, 0.14, 1.0], "LABEL": "palette: shadows"},
    {"NAME": "middle", "TYPE": "color", "DEFAULT": [0.78, 0.22, 0.38, 1.0], "LABEL": "palette: middle tones"},
    {"NAME": "light", "TYPE": "color", "DEFAULT": [1.0, 0.9, 0.78, 1.0], "LABEL": "palette: lights"}
  ]
}*/

void main() {
    vec4 picture = IMG_THIS_PIXEL(inputImage);
    vec3 c = max(picture.rgb * gain + lift * (1.0 - picture.rgb), 0.0);
    // Between the square and the root of the tone: what a power would do, at a tenth of its cost.
    c = gamma > 1.0 ? mix(c, sqrt(c), gamma - 1.0) : mix(c * c, c, gamma);
    c = mix(vec3(0.42), c, contrast);
    float tone = clamp(dot(c, vec3(0.2126, 0.7152, 0.0722)), 0.0, 1.0);
    c = mix(vec3(tone), c, saturation);
    vec3 toned = tone < 0.45 ? mix(shadow.rgb, middle.rgb, tone / 0.45) : mix(middle.rgb, light.rgb, (tone - 0.45) / 0.55);
    c = mix(c, toned, palette);
    gl_FragColor = vec4(mix(picture.rgb, clamp(c, 0.0, 1.0), amount), picture.a);
}
