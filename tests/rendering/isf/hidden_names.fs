/*{"DESCRIPTION": "the hidden uniforms of ISF 1 hosts", "INPUTS": [{"NAME": "inputImage", "TYPE": "image"}]}*/
#ifdef GL_ES
precision mediump float;
#endif
#extension GL_OES_standard_derivatives : enable
void main() {
    vec2 at = _inputImage_flip ? vec2(0.0) : vv_FragNormCoord * _inputImage_imgRect.zw + _inputImage_imgRect.xy;
    gl_FragColor = vec4(texture2D(inputImage, at).rgb, 1.0);
    gl_FragColor.b = _inputImage_imgSize.x / 255.0 + fwidth(DATE.x) * 0.0;
}
