/*{
  "ISFVSN": "2", "DESCRIPTION": "Persistent and float targets in PASSES, sizes as expressions",
  "INPUTS": [{"NAME": "inputImage", "TYPE": "image"},
             {"NAME": "blurAmount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.5}],
  "PASSES": [{"TARGET": "half_size", "WIDTH": "$WIDTH/2", "HEIGHT": "floor($HEIGHT*$blurAmount)"},
             {"TARGET": "sum", "PERSISTENT": true, "FLOAT": true},
             {}]
}*/
void main() {
    if (PASSINDEX == 0) gl_FragColor = vec4(RENDERSIZE / 255.0, 0.0, 1.0);
    else if (PASSINDEX == 1) gl_FragColor = IMG_THIS_PIXEL(sum) + vec4(0.001);
    else gl_FragColor = vec4(IMG_NORM_PIXEL(half_size, isf_FragNormCoord).rg, IMG_THIS_PIXEL(sum).r * 100.0, 1.0);
}
