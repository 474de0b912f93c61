/*{
  "ISFVSN": "2",
  "DESCRIPTION": "A ring of swelling runs outwards through the picture, as a beat through a body",
  "CREDIT": "installation",
  "CATEGORIES": ["Geometry"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.5, "IDENTITY": 0.0, "LABEL": "how strong the swelling is"},
    {"NAME": "rate", "TYPE": "float", "MIN": 0.0, "MAX": 2.0, "DEFAULT": 0.35, "LABEL": "rings a second"},
    {"NAME": "rings", "TYPE": "float", "MIN": 0.5, "MAX": 4.0, "DEFAULT": 1.3, "LABEL": "how many rings there are at once"},
    {"NAME": "centre", "TYPE": "point2D", "MIN": [0.0, 0.0], "MAX": [1.0, 1.0], "DEFAULT": [0.5, 0.5], "LABEL": "where the rings begin"}
  ]
}*/

void main() {
    vec2 aspect = vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0);
    vec2 from = (isf_FragNormCoord - centre) * aspect;
    float far = length(from);
    float wave = sin(6.2831853 * (far * rings - TIME * rate));
    float swell = amount * wave * exp(-1.6 * far);
    vec2 at = isf_FragNormCoord - from / aspect * swell * 0.22;
    at = 1.0 - abs(1.0 - abs(at));   // beyond its edge the picture goes on mirrored
    vec4 picture = IMG_NORM_PIXEL(inputImage, at);
    gl_FragColor = vec4(picture.rgb * (1.0 + swell * 0.25), picture.a);
}
