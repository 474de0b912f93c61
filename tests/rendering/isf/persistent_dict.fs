/*{
  "DESCRIPTION": "ISF 1: PERSISTENT_BUFFERS as a dict with sizes",
  "PERSISTENT_BUFFERS": {"tiny": {"WIDTH": 1, "HEIGHT": "1", "FLOAT": true}},
  "PASSES": [{"TARGET": "tiny"}, {}],
  "INPUTS": []
}*/
void main() {
    if (PASSINDEX == 0) gl_FragColor = IMG_PIXEL(tiny, vec2(0.5)) + vec4(0.1);
    else gl_FragColor = vec4(IMG_NORM_PIXEL(tiny, vec2(0.5)).r, RENDERSIZE.x > 1.0 ? 1.0 : 0.0, 0.0, 1.0);
}
