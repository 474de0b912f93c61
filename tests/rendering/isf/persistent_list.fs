/*{
  "DESCRIPTION": "ISF 1: PERSISTENT_BUFFERS as a list of names, old names of everything",
  "PERSISTENT_BUFFERS": ["bufferVariable"],
  "PASSES": [{"TARGET": "bufferVariable"}, {}],
  "INPUTS": [{"NAME": "inputImage", "TYPE": "image"}]
}*/
void main() {
    vec4 fresh = IMG_THIS_PIXEL(inputImage);
    vec4 stale = IMG_NORM_PIXEL(bufferVariable, vv_FragNormCoord);
    if (PASSINDEX == 0) gl_FragColor = FRAMEINDEX < 1 ? fresh : stale;
    else gl_FragColor = stale;
}
