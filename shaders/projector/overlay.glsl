#version 330
// Handles over a finished output (row 0 on top), dimmed as it is; where there are none it stays as it is.
uniform sampler2D picture;
uniform float master;
in vec2 place;
out vec4 colour;
void main() {
    vec4 over = texture(picture, place);
    if (over.a < 0.5) discard;
    colour = vec4(over.rgb * master, 1.0);
}
