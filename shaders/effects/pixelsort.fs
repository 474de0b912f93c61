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
    {"TARGET": "lanes", "WIDTH": "ceil(288.0*$WIDTH/$HEIGHT)", "HEIGHT": 1, "FLOAT": true},
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
    if (PASSINDEX == 0) {
        // What all pixels of a lane share: does it sort now, was it just thrown back, how far it leaps, and where from.
        // Lanes and leaps are in 288ths of the height, so that large frames have the curtains of the show.
        float lane = floor(gl_FragCoord.x), across = isf_FragNormCoord.x * 640.0;
        // Neighbouring lanes sort and are thrown back nearly together: curtains, not bristles.
        float phase = 0.5 * sin(across * 0.021) + 0.3 * sin(across * 0.057 + 2.0) + 0.06 * chance(vec2(lane, 3.0));
        float now = TIME / hold_s + phase;
        float drape = 0.5 + 0.3 * sin(across * 0.034 + floor(now) * 2.4) + 0.2 * sin(across * 0.011 - floor(now) * 1.3);
        bool thrown = FRAMEINDEX == 0 || floor(now) != floor(now - TIMEDELTA / hold_s);
        // Comb sort: the distance between the two that are compared changes with every frame.
        float turn = mod(float(FRAMEINDEX), 4.0), luck = chance(vec2(mod(float(FRAMEINDEX), 997.0), lane));
        float leap = turn < 1.0 ? 1.0 + 8.0 * luck : turn < 2.0 ? 8.0 + 40.0 * luck : turn < 3.0 ? 2.0 + 3.0 * luck : 1.0;
        gl_FragColor = vec4(drape < amount * 1.25 ? 1.0 : 0.0, thrown ? 1.0 : 0.0, floor(leap), fract(luck * 61.0));
        return;
    }
    if (PASSINDEX == 2) {
        gl_FragColor = vec4(IMG_THIS_PIXEL(pile).rgb, 1.0);
        return;
    }
    vec2 axis = sideways ? vec2(1.0, 0.0) : vec2(0.0, 1.0);
    float unit = RENDERSIZE.y / 288.0, count = IMG_SIZE(lanes).x;
    vec2 place = (floor(gl_FragCoord.xy / unit) + 0.5) * unit / RENDERSIZE;
    vec4 lane = IMG_NORM_PIXEL(lanes, vec2((floor((sideways ? place.y : place.x) * count) + 0.5) / count, 0.5));
    float spot = floor(dot(gl_FragCoord.xy, axis)), leap = max(1.0, floor(lane.b * unit + 0.5));
    float odd = mod(floor((spot + floor(2.0 * leap * lane.a)) / leap), 2.0);
    float way = odd < 0.5 ? 1.0 : -1.0, edge = spot + leap * way;
    bool joins = lane.r > 0.5, fresh = lane.g > 0.5 || !joins;
    vec4 mine = look(gl_FragCoord.xy, fresh), other = look(gl_FragCoord.xy + axis * leap * way, fresh);
    bool both = joins && mine.a > 0.5 && other.a > 0.5 && edge >= 0.0 && edge < dot(RENDERSIZE, axis);
    gl_FragColor = both && (key(other.rgb) - key(mine.rgb)) * way < 0.0 ? other : mine;
}
