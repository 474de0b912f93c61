varying vec2 left_coord;
void main() {
    vv_vertShaderInit();
    left_coord = vec2(vv_FragNormCoord.x * 0.5, vv_FragNormCoord.y);
}
