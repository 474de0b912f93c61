/*{"ISFVSN": "2", "DESCRIPTION": "audio and audioFFT",
  "INPUTS": [{"NAME": "wave", "TYPE": "audio"}, {"NAME": "fft", "TYPE": "audioFFT", "MAX": 16}]}*/
void main() {
    gl_FragColor = vec4(IMG_NORM_PIXEL(wave, vec2(isf_FragNormCoord.x, 0.0)).r,
                        IMG_NORM_PIXEL(fft, vec2(isf_FragNormCoord.x, 0.0)).g, IMG_SIZE(fft).x / 255.0, 1.0);
}
