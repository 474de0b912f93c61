/*{"DESCRIPTION": "IMPORTED as a dict", "IMPORTED": {"paper": {"PATH": "paper.png"}}, "INPUTS": []}*/
void main() { gl_FragColor = IMG_NORM_PIXEL(paper, vv_FragNormCoord); }
