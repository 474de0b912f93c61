#version 330
// A share of the new picture over the one that was shown before: what the flash limiter lets through.
in vec2 place;
uniform sampler2D before;
uniform sampler2D picture;
uniform float share;
out vec4 colour;
void main() { colour = vec4(mix(texture(before, place).rgb, texture(picture, place).rgb, share), 1.0); }
