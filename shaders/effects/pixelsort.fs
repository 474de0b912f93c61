/*{
  "ISFVSN": "2",
  "DESCRIPTION": "Bright pixels rise through the dark ones of their column, are thrown back, and rise again",
  "CREDIT": "installation",
  "CATEGORIES": ["Glitch", "Feedback"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.5, "IDENTITY": 0.0, "LABEL": "how much of the picture is sorted"},
    {"NAME": "hold_s", "TYPE": "float", "MIN": 0.2, "MAX": 8.0, "DEFAULT": 2.2, "LABEL": "how long a column sorts before it is thrown back"},
    {"NAME": "threshold", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.18, "LABEL": "darkest tone that joins in"},
    {"NAME": "sideways", "TYPE": "bool", "DEFAULT": false, "LABEL": "sort rows instead of columns"}
  ],
  "PASSES": [
    {"TARGET": "pile", "PERSISTENT": true},
    {}
  ]
}*/

float chance(vec2 cell) {
    vec2 p = fract(cell * vec2(0.7548777, 0.5698403)) + vec2(1.37, 2.71);
    p = fract(p.yx * p.x * 61.803 + p * 17.32);
    return fract((p.x + 1.17) * (p.y + 2.39) * 271.83);
}

float key(vec3 c) { return dot(c, vec3(0.3, 0.59, 0.11)); }

// Alpha remembers which pixels are being sorted: 1 where the buffer counts, 0 where the live picture does.
vec4 look(vec2 place, bool thrown) {
    vec4 live = vec4(IMG_PIXEL(inputImage, place).rgb, 0.0);
    vec4 held = IMG_PIXEL(pile, place);
    float tone = key(live.rgb);
    if (tone < threshold || tone > threshold + 0.05 + amount) return live;
    return held.a > 0.5 && !thrown ? held : vec4(live.rgb, 1.0);
}

void main() {
    if (PASSINDEX == 1) {
        gl_FragColor = vec4(IMG_THIS_PIXEL(pile).rgb, 1.0);
        return;
    }
    vec2 axis = sideways ? vec2(1.0, 0.0) : vec2(0.0, 1.0);
    float lane = floor(sideways ? gl_FragCoord.y : gl_FragCoord.x), spot = floor(dot(gl_FragCoord.xy, axis));
    // Neighbouring lanes sort and are thrown back nearly together: curtains, not bristles.
    float across = lane * 640.0 / (sideways ? RENDERSIZE.y : RENDERSIZE.x);
    float phase = 0.5 * sin(across * 0.021) + 0.3 * sin(across * 0.057 + 2.0) + 0.06 * chance(vec2(lane, 3.0));
    float now = TIME / hold_s + phase;
    bool thrown = FRAMEINDEX == 0 || floor(now) != floor(now - TIMEDELTA / hold_s);
    float drape = 0.5 + 0.3 * sin(across * 0.034 + floor(now) * 2.4) + 0.2 * sin(across * 0.011 - floor(now) * 1.3);
    bool joins = drape < amount * 1.25;
    // Comb sort: the distance between the two that are compared changes with every frame.
    float turn = mod(float(FRAMEINDEX), 4.0), round = floor(float(FRAMEINDEX) / 4.0);
    float leap = turn < 1.0 ? 1.0 + 8.0 * chance(vec2(round, lane)) : turn < 2.0 ? 8.0 + 40.0 * chance(vec2(round, lane + 0.3))
               : turn < 3.0 ? 2.0 + 3.0 * chance(vec2(round, lane + 0.6)) : 1.0;
    leap = floor(leap);
    float odd = mod(floor((spot + floor(2.0 * leap * chance(vec2(mod(float(FRAMEINDEX), 997.0), lane)))) / leap), 2.0);
    float way = odd < 0.5 ? 1.0 : -1.0;
    vec4 mine = look(gl_FragCoord.xy, thrown || !joins);
    vec4 other = look(gl_FragCoord.xy + axis * leap * way, thrown || !joins);
    float edge = spot + leap * way;
    bool inside = edge >= 0.0 && edge < dot(RENDERSIZE, axis);
    bool both = mine.a > 0.5 && other.a > 0.5 && inside && joins;
    bool swap = both && (key(other.rgb) - key(mine.rgb)) * way < 0.0;
    gl_FragColor = swap ? other : mine;
}
