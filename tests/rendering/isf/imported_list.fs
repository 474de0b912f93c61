/*{"ISFVSN": "2", "IMPORTED": [{"NAME": "paper", "PATH": "paper.png"}], "INPUTS": []}*/
void main() { gl_FragColor = vec4(IMG_PIXEL(paper, vec2(0.5, 0.5)).rgb, IMG_SIZE(paper).x / 4.0); }
