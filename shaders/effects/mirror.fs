/*{
  "ISFVSN": "2",
  "DESCRIPTION": "The picture leans against its own reflection",
  "CREDIT": "installation",
  "CATEGORIES": ["Geometry"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 1.0, "IDENTITY": 0.0, "LABEL": "how far the reflection is laid over"},
    {"NAME": "axis", "TYPE": "long", "VALUES": [0, 1, 2], "LABELS": ["left and right", "top and bottom", "both"], "DEFAULT": 0, "LABEL": "which way"},
    {"NAME": "place", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.5, "LABEL": "where the mirror stands"}
  ]
}*/

void main() {
    vec2 folded = place - abs(isf_FragNormCoord - place);
    folded = 1.0 - abs(1.0 - mod(folded, 2.0));
    vec2 at = vec2(axis == 1 ? isf_FragNormCoord.x : folded.x, axis == 0 ? isf_FragNormCoord.y : folded.y);
    vec4 picture = IMG_THIS_PIXEL(inputImage);
    gl_FragColor = mix(picture, IMG_NORM_PIXEL(inputImage, at), amount);
}
