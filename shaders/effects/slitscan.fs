/*{
  "ISFVSN": "2",
  "DESCRIPTION": "Time flows out of one line of the picture: the farther from it, the longer ago",
  "CREDIT": "installation",
  "CATEGORIES": ["Feedback", "Glitch"],
  "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.7, "IDENTITY": 0.0, "LABEL": "how much of the frame is given to time; 0 is the live picture"},
    {"NAME": "place", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.5, "LABEL": "where the line lies"},
    {"NAME": "speed", "TYPE": "float", "MIN": 0.02, "MAX": 1.0, "DEFAULT": 0.16, "LABEL": "frames widths a second that time flows away at"},
    {"NAME": "upright", "TYPE": "bool", "DEFAULT": true, "LABEL": "an upright line; otherwise a level one"},
    {"NAME": "waves", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.3, "LABEL": "unevenness of the flow"}
  ],
  "PASSES": [
    {"TARGET": "flow", "PERSISTENT": true}
  ]
}*/

void main() {
    vec2 at = isf_FragNormCoord;
    float along = upright ? at.y : at.x, across = (upright ? at.x : at.y) - place;
    float size = upright ? RENDERSIZE.x : RENDERSIZE.y;
    float live = (1.0 - amount) * (1.0 - amount) * 0.5;
    float uneven = 1.0 + waves * 0.5 * sin(along * 9.0 + TIME * 0.4) + waves * 0.3 * sin(along * 23.0 - TIME * 0.27);
    // Whole pixels only: a fraction would blur the past a little more with every frame.
    float steps = max(1.0, floor(speed * min(TIMEDELTA, 0.1) * size * uneven + 0.5));
    float from = across - sign(across) * steps / size;
    bool fresh = abs(across) <= live + steps / size || FRAMEINDEX == 0;
    vec2 past = upright ? vec2(from + place, along) : vec2(along, from + place);
    gl_FragColor = fresh ? IMG_THIS_PIXEL(inputImage) : IMG_NORM_PIXEL(flow, past);
}
