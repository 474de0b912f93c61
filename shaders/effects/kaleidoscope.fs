/*{
  "ISFVSN": "2",
  "DESCRIPTION": "The picture folds into a flower of mirrors that slowly turns",
  "CREDIT": "installation",
  "CATEGORIES": ["Geometry"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.8, "IDENTITY": 0.0, "LABEL": "how far the picture is folded"},
    {"NAME": "petals", "TYPE": "long", "VALUES": [3, 4, 5, 6, 8, 12], "LABELS": ["3", "4", "5", "6", "8", "12"], "DEFAULT": 6, "LABEL": "how many mirrors"},
    {"NAME": "turn", "TYPE": "float", "MIN": -1.0, "MAX": 1.0, "DEFAULT": 0.12, "LABEL": "turning speed"},
    {"NAME": "zoom", "TYPE": "float", "MIN": 0.4, "MAX": 2.5, "DEFAULT": 0.9, "LABEL": "how much of the picture lies in a mirror"},
    {"NAME": "centre", "TYPE": "point2D", "MIN": [0.0, 0.0], "MAX": [1.0, 1.0], "DEFAULT": [0.5, 0.5], "LABEL": "where the mirrors meet"}
  ]
}*/

void main() {
    vec2 aspect = vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0);
    vec2 from = (isf_FragNormCoord - centre) * aspect;
    float sector = 6.2831853 / float(petals);
    float angle = atan(from.y, from.x) + TIME * turn * 0.5;
    float folded = abs(mod(angle, sector) - sector * 0.5) + 1.5707963 - sector * 0.25;
    vec2 there = length(from) * vec2(cos(folded), sin(folded)) / zoom;
    vec2 at = mix(isf_FragNormCoord, there / aspect + 0.5, amount);
    at = 1.0 - abs(1.0 - mod(at, 2.0));   // beyond its edge the picture goes on mirrored
    gl_FragColor = IMG_NORM_PIXEL(inputImage, at);
}
