/*{"DESCRIPTION": "ISF 1 with a vertex shader of the same name", "INPUTS": [{"NAME": "inputImage", "TYPE": "image"}]}*/
varying vec2 left_coord;
void main() { gl_FragColor = texture2D(inputImage, left_coord); }
