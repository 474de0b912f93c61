#version 330
// The finished output (row 0 on top) into a window (row 0 at the bottom).
in vec2 place;
uniform sampler2D picture;
out vec4 colour;
void main() { colour = vec4(texture(picture, vec2(place.x, 1.0 - place.y)).rgb, 1.0); }
