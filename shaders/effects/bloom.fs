/*{
  "ISFVSN": "2",
  "DESCRIPTION": "Bright parts glow over their surroundings",
  "CREDIT": "installation",
  "CATEGORIES": ["Film", "Light"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.45, "IDENTITY": 0.0, "LABEL": "how strong the glow is"},
    {"NAME": "threshold", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.5, "LABEL": "how bright a part must be to glow"},
    {"NAME": "radius", "TYPE": "float", "MIN": 0.5, "MAX": 4.0, "DEFAULT": 2.0, "LABEL": "how far the glow reaches"},
    {"NAME": "tint", "TYPE": "color", "DEFAULT": [1.0, 0.82, 0.78, 1.0], "LABEL": "colour of the glow"}
  ],
  "PASSES": [
    {"TARGET": "glow", "WIDTH": "ceil(48.0*$WIDTH/$HEIGHT)", "HEIGHT": "48"},
    {"TARGET": "glow", "WIDTH": "ceil(48.0*$WIDTH/$HEIGHT)", "HEIGHT": "48"},
    {"TARGET": "glow", "WIDTH": "ceil(48.0*$WIDTH/$HEIGHT)", "HEIGHT": "48"},
    {"TARGET": "glow", "WIDTH": "ceil(48.0*$WIDTH/$HEIGHT)", "HEIGHT": "48"},
    {"TARGET": "glow", "WIDTH": "ceil(48.0*$WIDTH/$HEIGHT)", "HEIGHT": "48"},
    {}
  ]
}*/

// Nine weights of a Gaussian in five looks: two pixels at a time, where bilinear filtering mixes them.
vec3 blur(vec2 d) {
    vec2 at = isf_FragNormCoord;
    vec3 sum = IMG_NORM_PIXEL(glow, at).rgb * 0.227;
    sum += (IMG_NORM_PIXEL(glow, at + d * 1.385).rgb + IMG_NORM_PIXEL(glow, at - d * 1.385).rgb) * 0.316;
    return sum + (IMG_NORM_PIXEL(glow, at + d * 3.231).rgb + IMG_NORM_PIXEL(glow, at - d * 3.231).rgb) * 0.0705;
}

void main() {
    if (PASSINDEX == 0) {
        vec3 c = IMG_THIS_PIXEL(inputImage).rgb;
        float light = max(c.r, max(c.g, c.b));
        gl_FragColor = vec4(c * smoothstep(threshold, threshold + 0.4, light), 1.0);
    } else if (PASSINDEX == 1 || PASSINDEX == 3) {
        gl_FragColor = vec4(blur(vec2(radius * (PASSINDEX == 1 ? 1.0 : 2.2), 0.0) / RENDERSIZE), 1.0);
    } else if (PASSINDEX == 2 || PASSINDEX == 4) {
        gl_FragColor = vec4(blur(vec2(0.0, radius * (PASSINDEX == 2 ? 1.0 : 2.2)) / RENDERSIZE), 1.0);
    } else {
        vec4 picture = IMG_THIS_PIXEL(inputImage);
        vec3 light = IMG_NORM_PIXEL(glow, isf_FragNormCoord).rgb * tint.rgb * amount * 1.3;
        gl_FragColor = vec4(picture.rgb + light * (1.0 - picture.rgb * 0.85), picture.a);
    }
}
