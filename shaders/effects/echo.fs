/*{
  "ISFVSN": "2",
  "DESCRIPTION": "The picture leaves a trail of light that drifts outwards and cools as it fades",
  "CREDIT": "installation",
  "CATEGORIES": ["Feedback", "Glitch"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.8, "IDENTITY": 0.0, "LABEL": "how much of the trail remains"},
    {"NAME": "length_s", "TYPE": "float", "MIN": 0.05, "MAX": 6.0, "DEFAULT": 1.4, "LABEL": "time until a trail has faded to a third"},
    {"NAME": "zoom", "TYPE": "float", "MIN": -1.0, "MAX": 1.0, "DEFAULT": 0.35, "LABEL": "drift outwards, or inwards below 0"},
    {"NAME": "turn", "TYPE": "float", "MIN": -1.0, "MAX": 1.0, "DEFAULT": 0.08, "LABEL": "turning of the trail"},
    {"NAME": "cool", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.35, "LABEL": "how far the trail shifts from warm to cold"}
  ],
  "PASSES": [
    {"TARGET": "trail", "PERSISTENT": true}
  ]
}*/

void main() {
    vec4 picture = IMG_THIS_PIXEL(inputImage);
    vec2 aspect = vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0);
    vec2 from = (isf_FragNormCoord - 0.5) * aspect;
    float step_s = min(TIMEDELTA, 0.1);
    float angle = turn * step_s * 0.6;   // so small that it is its own sine
    from = (from + vec2(-from.y, from.x) * angle) * (1.0 - zoom * step_s * 0.6);
    vec3 before = IMG_NORM_PIXEL(trail, from / aspect + 0.5).rgb;
    float keep = FRAMEINDEX == 0 ? 0.0 : length_s / (length_s + step_s);
    // Eight bits never fade to nothing by multiplication alone: one step is taken off as well.
    vec3 faded = before * keep * mix(vec3(1.0), vec3(0.985, 0.992, 1.004), cool) - 0.003;
    // Light stays where it is brighter than what is there now, and veils a little where it is not.
    vec3 lit = max(picture.rgb, faded);
    vec3 veiled = mix(picture.rgb, faded, 0.8 * keep);
    gl_FragColor = vec4(mix(picture.rgb, mix(lit, veiled, 0.35), amount), picture.a);
}
