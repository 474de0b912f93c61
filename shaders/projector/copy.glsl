#version 330
// One texture drawn over another of any size.
in vec2 place;
uniform sampler2D picture;
out vec4 colour;
void main() { colour = texture(picture, place); }
