/*{
  "ISFVSN": "2",
  "DESCRIPTION": "Film grain that lives in the shadows and middle tones, new with every frame",
  "CREDIT": "installation",
  "CATEGORIES": ["Film", "Glitch"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.25, "IDENTITY": 0.0, "LABEL": "how strong the grain is"},
    {"NAME": "size", "TYPE": "float", "MIN": 1.0, "MAX": 6.0, "DEFAULT": 1.5, "LABEL": "grain size in pixels"},
    {"NAME": "tint", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.25, "LABEL": "how much the grain's colours differ"}
  ]
}*/

uint stir(uvec3 v) {
    uint h = v.x * 0x9E3779B1u ^ v.y * 0x85EBCA77u ^ v.z * 0xC2B2AE3Du;
    h = (h ^ (h >> 15)) * 0x2C1B3C6Du;
    return h ^ (h >> 13);
}

void main() {
    vec4 picture = IMG_THIS_PIXEL(inputImage);
    uint h = stir(uvec3(uvec2(gl_FragCoord.xy / size), uint(FRAMEINDEX)));
    vec3 speck = vec3(h & 255u, (h >> 8) & 255u, (h >> 16) & 255u) / 255.0 - 0.5;
    speck = mix(vec3(speck.x + speck.y) * 0.7, speck, tint);
    float light = dot(picture.rgb, vec3(0.299, 0.587, 0.114));
    float room = (1.0 - light) * (0.35 + light) * 1.6;
    gl_FragColor = vec4(picture.rgb + speck * amount * room * 0.45, picture.a);
}
