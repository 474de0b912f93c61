/*{
  "ISFVSN": "2",
  "DESCRIPTION": "The drawing inside the picture: its edges as fine lines of light over a darkened ground",
  "CREDIT": "installation",
  "CATEGORIES": ["Stylize"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.75, "IDENTITY": 0.0, "LABEL": "how much of the drawing is laid over"},
    {"NAME": "width", "TYPE": "float", "MIN": 0.5, "MAX": 3.0, "DEFAULT": 1.0, "LABEL": "width of the lines, in 288ths of the picture's height"},
    {"NAME": "sharpness", "TYPE": "float", "MIN": 1.0, "MAX": 12.0, "DEFAULT": 4.0, "LABEL": "how faint an edge may be and still be drawn"},
    {"NAME": "ground", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.85, "LABEL": "how dark the picture gets below the lines"},
    {"NAME": "ink", "TYPE": "color", "DEFAULT": [1.0, 0.86, 0.8, 1.0], "LABEL": "colour of the lines"}
  ]
}*/

void main() {
    vec4 picture = IMG_THIS_PIXEL(inputImage);
    vec2 d = width * 0.75 / 288.0 * vec2(RENDERSIZE.y / RENDERSIZE.x, 1.0);
    vec3 one = IMG_NORM_PIXEL(inputImage, isf_FragNormCoord + d).rgb - IMG_NORM_PIXEL(inputImage, isf_FragNormCoord - d).rgb;
    vec3 two = picture.rgb - IMG_NORM_PIXEL(inputImage, isf_FragNormCoord + vec2(d.x, -d.y)).rgb;
    float edge = sqrt(dot(one, one) + 3.0 * dot(two, two)) * sharpness;
    float line = clamp(edge * 0.55 - 0.3, 0.0, 1.0);
    vec3 hue = ink.rgb * (0.4 + 0.6 * picture.rgb / max(max(picture.r, picture.g), max(picture.b, 0.05)));
    vec3 below = picture.rgb * mix(1.0, picture.g * 0.5, ground);
    vec3 drawn = mix(below, hue, line);
    gl_FragColor = vec4(mix(picture.rgb, drawn, amount), picture.a);
}
