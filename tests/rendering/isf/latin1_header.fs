/*{
 "CREDIT": "by André",
 "DESCRIPTION": "a tab	here and a Latin-1 name, a comma too many",
 "INPUTS": [{"NAME": "inputImage", "TYPE": "image"},],
}*/
// café
void main() { gl_FragColor = IMG_THIS_NORM_PIXEL(inputImage); }
