/*{
  "ISFVSN": "2",
  "DESCRIPTION": "Blocks forget to refresh and are dragged along by what moves, as in a broken video stream",
  "CREDIT": "installation",
  "CATEGORIES": ["Feedback", "Glitch"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.75, "IDENTITY": 0.0, "LABEL": "how much of the broken stream remains"},
    {"NAME": "drag", "TYPE": "float", "MIN": 0.0, "MAX": 4.0, "DEFAULT": 1.5, "LABEL": "how far movement drags the blocks"},
    {"NAME": "block", "TYPE": "float", "MIN": 4.0, "MAX": 64.0, "DEFAULT": 16.0, "LABEL": "size of a block, in 288ths of the picture's height"},
    {"NAME": "mend", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.12, "LABEL": "how often a block is refreshed"},
    {"NAME": "residue", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.5, "LABEL": "how much of every change is still drawn"}
  ],
  "PASSES": [
    {"TARGET": "moves", "WIDTH": "ceil(288.0*$WIDTH/$HEIGHT/$block)", "HEIGHT": "ceil(288.0/$block)", "FLOAT": true, "PERSISTENT": true},
    {"TARGET": "small", "WIDTH": "ceil(72.0*$WIDTH/$HEIGHT)", "HEIGHT": "72", "PERSISTENT": true},
    {"TARGET": "stream", "PERSISTENT": true}
  ]
}*/

float chance(vec2 cell) {
    vec2 p = fract(cell * vec2(0.7548777, 0.5698403)) + vec2(1.37, 2.71);
    p = fract(p.yx * p.x * 61.803 + p * 17.32);
    return fract((p.x + 1.17) * (p.y + 2.39) * 271.83);
}

void main() {
    if (PASSINDEX == 0) {
        // One pixel a block: where the picture moved since the last frame (Lucas and Kanade over a few places).
        vec2 d = 0.35 / RENDERSIZE;
        vec2 top = vec2(0.0);
        float xx = 1e-3, yy = 1e-3, xy = 0.0;
        for (int i = 0; i < 4; i++) {
            vec2 p = isf_FragNormCoord + d * vec2(i < 2 ? -0.6 : 0.6, mod(float(i), 2.0) < 0.5 ? -0.6 : 0.6);
            vec3 grey = vec3(0.3, 0.59, 0.11);
            float here = dot(IMG_NORM_PIXEL(inputImage, p).rgb, grey);
            float gx = dot(IMG_NORM_PIXEL(inputImage, p + vec2(d.x, 0.0)).rgb, grey) - here;
            float gy = dot(IMG_NORM_PIXEL(inputImage, p + vec2(0.0, d.y)).rgb, grey) - here;
            float gt = here - dot(IMG_NORM_PIXEL(small, p).rgb, grey);
            xx += gx * gx; yy += gy * gy; xy += gx * gy;
            top -= vec2(gx, gy) * gt;
        }
        vec2 move = vec2(yy * top.x - xy * top.y, xx * top.y - xy * top.x) / (xx * yy - xy * xy + 1e-6);
        move = mix(IMG_THIS_PIXEL(moves).xy, clamp(move * d, -0.06, 0.06), FRAMEINDEX == 0 ? 0.0 : 0.4);
        // In blue, how much of the block is kept in this frame; in alpha, its luck in rounding.
        vec2 cell = floor(gl_FragCoord.xy);
        float mended = step(chance(cell + floor(TIME * 7.0) * 3.7), mend * mend * 0.5);
        float moved = clamp(length(move) * 60.0, 0.0, 1.0);
        float keep = (1.0 - mended) * (1.0 - pow(1.0 - amount, 3.0)) * mix(0.90, 0.995, moved);
        gl_FragColor = vec4(move, FRAMEINDEX == 0 ? 0.0 : keep, chance(cell + mod(float(FRAMEINDEX) * 13.0, 769.0)));
    } else if (PASSINDEX == 1) {
        gl_FragColor = IMG_THIS_PIXEL(inputImage);
    } else {
        vec4 picture = IMG_THIS_PIXEL(inputImage);
        vec2 count = IMG_SIZE(moves);
        vec4 block = IMG_NORM_PIXEL(moves, (floor(isf_FragNormCoord * count) + 0.5) / count);
        // Whole pixels, rounded by chance so that slow movement counts too: a fraction would blur the blocks.
        vec2 whole = floor(block.xy * drag * RENDERSIZE + block.w) / RENDERSIZE;
        vec4 stuck = IMG_NORM_PIXEL(stream, isf_FragNormCoord - whole);
        float moved = clamp((abs(block.x) + abs(block.y)) * 45.0, 0.0, 1.0);
        vec3 rest = (picture.rgb - stuck.rgb) * (residue * 0.22 * moved);
        gl_FragColor = vec4(mix(picture.rgb, stuck.rgb + rest, block.z), picture.a);
    }
}
