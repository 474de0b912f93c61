/*{"ISFVSN": "2", "DESCRIPTION": "long, bool, event, point2D, color, float",
  "INPUTS": [
    {"NAME": "choice", "TYPE": "long", "VALUES": [0, 10, 20], "LABELS": ["a", "b", "c"], "DEFAULT": 10},
    {"NAME": "on", "TYPE": "bool", "DEFAULT": true},
    {"NAME": "bang", "TYPE": "event"},
    {"NAME": "spot", "TYPE": "point2D", "MIN": [0, 0], "MAX": [1, 1], "DEFAULT": [0.25, 0.75]},
    {"NAME": "pixels", "TYPE": "point2D"},
    {"NAME": "ink", "TYPE": "color", "DEFAULT": [0.2, 0.4, 0.6, 1.0]},
    {"NAME": "level", "TYPE": "float", "DEFAULT": 3.0, "MIN": 0.0, "MAX": 1.0}
  ]}*/
void main() {
    if (bang) { gl_FragColor = vec4(1.0); return; }
    int column = int(gl_FragCoord.x);
    vec4 c = vec4(0.0, 0.0, 0.0, 1.0);
    if (column == 0) c.r = float(choice) / 20.0;
    if (column == 1) c.r = on ? 1.0 : 0.0;
    if (column == 2) c.rg = spot;
    if (column == 3) c.rg = pixels / RENDERSIZE;
    if (column == 4) c = ink;
    if (column == 5) c.r = level / 10.0;
    gl_FragColor = c;
}
