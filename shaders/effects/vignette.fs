/*{
  "ISFVSN": "2",
  "DESCRIPTION": "The edges of the frame sink into the dark of the room",
  "CREDIT": "installation",
  "CATEGORIES": ["Light"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.6, "IDENTITY": 0.0, "LABEL": "how dark the edges get"},
    {"NAME": "size", "TYPE": "float", "MIN": 0.2, "MAX": 1.5, "DEFAULT": 0.85, "LABEL": "how much of the frame stays light"},
    {"NAME": "softness", "TYPE": "float", "MIN": 0.05, "MAX": 1.5, "DEFAULT": 0.7, "LABEL": "how soft the border is"}
  ]
}*/

void main() {
    vec4 picture = IMG_THIS_PIXEL(inputImage);
    vec2 from = (isf_FragNormCoord - 0.5) * 2.0;
    float far = sqrt(dot(from * from, from * from)) * 0.84;
    float light = 1.0 - amount * smoothstep(size - softness * 0.5, size + softness * 0.5, far);
    gl_FragColor = vec4(picture.rgb * light, picture.a);
}
