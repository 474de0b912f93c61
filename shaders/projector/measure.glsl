#version 330
// Relative luminance (WCAG 2) and saturated red of one cell of the frame, from a hundred places in it.
in vec2 place;
uniform sampler2D picture;
uniform vec2 cells;
out vec2 light;
void main() {
    vec2 corner = floor(gl_FragCoord.xy) / cells;
    vec2 sum = vec2(0.0);
    for (int y = 0; y < 10; y++) {
        for (int x = 0; x < 10; x++) {
            vec3 c = texture(picture, corner + (vec2(x, y) + 0.5) / (cells * 10.0)).rgb;
            vec3 lin = mix(c / 12.92, pow((c + 0.055) / 1.055, vec3(2.4)), step(0.04045, c));
            float whole = lin.r + lin.g + lin.b;
            float red = lin.r >= 0.8 * whole ? max(0.0, lin.r - lin.g - lin.b) : 0.0;
            sum += vec2(dot(lin, vec3(0.2126, 0.7152, 0.0722)), red);
        }
    }
    light = sum / 100.0;
}
