/*{
  "ISFVSN": "2",
  "DESCRIPTION": "Time flows out of one line of the picture: the farther from it, the longer ago",
  "CREDIT": "installation",
  "CATEGORIES": ["Feedback", "Glitch"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.7, "IDENTITY": 0.0, "LABEL": "how much of the frame is given to time; 0 is the live picture"},
    {"NAME": "place", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.5, "LABEL": "where the line lies"},
    {"NAME": "speed", "TYPE": "float", "MIN": 0.02, "MAX": 1.0, "DEFAULT": 0.16, "LABEL": "frame widths a second at which time flows away"},
    {"NAME": "upright", "TYPE": "bool", "DEFAULT": true, "LABEL": "an upright line; otherwise a level one"},
    {"NAME": "waves", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.3, "LABEL": "how far the line bends"}
  ],
  "PASSES": [
    {"TARGET": "line", "WIDTH": 256, "HEIGHT": 1, "FLOAT": true},
    {"TARGET": "flow", "PERSISTENT": true}
  ]
}*/

void main() {
    if (PASSINDEX == 0) {
        // The line's bend, once for each place along it, as 0..1 around a half.
        float along = isf_FragNormCoord.x;
        float bend = 0.09 * sin(along * 5.0 + TIME * 0.31) + 0.05 * sin(along * 11.0 - TIME * 0.23);
        gl_FragColor = vec4(bend * waves * 3.0 + 0.5);
        return;
    }
    vec2 at = isf_FragNormCoord;
    float along = upright ? at.y : at.x, across = (upright ? at.x : at.y) - place;
    float size = upright ? RENDERSIZE.x : RENDERSIZE.y;
    float wide = (1.0 - amount) * (1.0 - amount) * 0.5;
    across -= (IMG_NORM_PIXEL(line, vec2(along, 0.5)).r - 0.5) / 3.0;
    // Whole pixels only, more and fewer by turns: a fraction would blur the past a little more with every frame.
    float turn = fract(float(FRAMEINDEX % 610) * 0.6180340);
    float steps = floor(speed * min(TIMEDELTA, 0.1) * size + turn) / size;
    bool fresh = abs(across) <= wide + steps || FRAMEINDEX == 0;
    vec2 past = isf_FragNormCoord - sign(across) * (upright ? vec2(steps, 0.0) : vec2(0.0, steps));
    vec4 live = IMG_THIS_PIXEL(inputImage), old = IMG_NORM_PIXEL(flow, past);
    gl_FragColor = fresh ? live : old;
}
