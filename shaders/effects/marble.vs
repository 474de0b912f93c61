// Where inks were dropped, once for the whole frame: x and y of each spot, what one drop and what all of its drops cover.
flat out vec4 lies[12];

const float PACE_S = 8.0;   // from one spot to the next

float chance(vec2 cell) {   // in whole numbers, which every machine reckons alike
    ivec2 i = ivec2(floor(cell));
    uint h = uint(i.x) * 1597334677u ^ uint(i.y) * 3812015801u;
    h = (h ^ h >> 15) * 2246822519u;
    h = (h ^ h >> 13) * 3266489917u;
    return float(h >> 8) / 16777216.0;
}

void main() {
    isf_vertShaderInit();
    float now = TIME / PACE_S;
    for (int i = 0; i < 12; i++) {
        // Spots by the golden ratio, so that the trough is filled evenly.
        float age = float(i) + fract(now), id = mod(floor(now) - float(i) + 1024.0, 1024.0);
        vec2 at = fract(vec2(id * 0.7548777, id * 0.5698403) + vec2(0.40, 0.55)) - 0.5;
        at = at * vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0) * 0.98;
        float wide = mix(0.055, 0.155, chance(vec2(id, 3.0))) * size * smoothstep(0.0, 2.0, 12.0 - age);
        float fallen = min(age, 1.0) * 6.0, drops = floor(fallen) + smoothstep(0.0, 0.75, fract(fallen));
        lies[i] = vec4(at, wide * wide, drops);
    }
}
