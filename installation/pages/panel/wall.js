// The wall's fit in; its plan with points to drag out, and what fingers do there as wishes about the wall.
import { byId, make, newest, wish } from "./say.js";

const SVG = document.getElementById("plan").namespaceURI;
const MARGIN = 0.09; // of the frame's height, around it: what lies beyond waits there
const NEAR_PX = 40, HANDLE_PX = 11, STILL_MS = 700;
const worded = (name) => (name ? name[0].toUpperCase() + name.slice(1) : "The show");
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
let wall = null;
let output = 0, point = 0, stroke = 0;
let mine = null; // the point that is moved here, until the wall says the same: {output, columns, rows, point, at, until}
let grip = null;

const here = () => wall.outputs[output];
const begin = () => { stroke = Math.floor(Math.random() * 2 ** 31); };

export function showWall(told) {
  wall = told;
  if (output >= wall.outputs.length) [output, point] = [0, 0];
  if (point >= here().points.length) point = 0;
  const on = wall.on;
  byId("wall-off").hidden = on;
  for (const part of document.querySelectorAll("[data-wall=on]")) part.hidden = !on;
  showKeys("wall-outputs", wall.outputs.map(({ name }) => name), output, (_, number) => choose(number, 0));
  byId("wall-outputs").hidden = wall.outputs.length < 2;
  showKeys("wall-patterns", ["", ...wall.patterns], ["", ...wall.patterns].indexOf(wall.pattern), (name) => wish("begin", { pattern: name }), worded);
  const { columns, rows, smooth } = here();
  byId("mesh").textContent = `${columns} × ${rows} points`;
  byId("curves").setAttribute("aria-pressed", smooth);
  byId("curves").disabled = columns * rows === 4;
  byId("coarser").disabled = columns * rows === 4;
  byId("finer").disabled = columns === 16 && rows === 16;
  byId("undo").disabled = !wall.undo;
  byId("redo").disabled = !wall.redo;
  byId("save-wall").disabled = wall.saved;
  const said = wall.said.startsWith("not saved") ? wall.said : wall.saved ? (wall.version ? `saved, version ${wall.version}` : "as it came") : "not saved";
  byId("wall-kept").textContent = `${wall.name || "here"} · ${said}`;
  byId("wall-kept").classList.toggle("open", !wall.saved);
  drawPlan();
}

function showKeys(id, names, chosen, press, word = (name) => name) {
  const list = byId(id);
  if (list.dataset.of !== names.join("\n")) {
    list.dataset.of = names.join("\n");
    list.replaceChildren(...names.map((name, number) => make("button", { type: "button", textContent: word(name), onclick: () => press(name, number) })));
  }
  [...list.children].forEach((key, number) => key.setAttribute("aria-pressed", number === chosen));
}

// ---- the plan

function points() {
  const { points: told, columns, rows } = here();
  if (!mine || mine.output !== output || mine.columns !== columns || mine.rows !== rows) return told;
  const there = told[mine.point];
  const same = Math.hypot(there[0] - mine.at[0], there[1] - mine.at[1]) < 1e-5;
  if (!grip && (same || performance.now() > mine.until)) {
    mine = null;
    return told;
  }
  return told.map((one, number) => (number === mine.point ? mine.at : one));
}

function drawPlan() {
  const plan = byId("plan"), [wide, high] = here().size, margin = MARGIN * high, at = points().map(([x, y]) => [x * wide, y * high]);
  plan.setAttribute("viewBox", `${-margin} ${-margin} ${wide + 2 * margin} ${high + 2 * margin}`);
  plan.classList.toggle("on", wall.on);
  const frame = byId("plan-frame");
  for (const [name, value] of Object.entries({ width: wide, height: high })) frame.setAttribute(name, value);
  const { columns, rows, smooth } = here();
  const across = Array.from({ length: rows }, (_, row) => at.slice(row * columns, (row + 1) * columns));
  const down = Array.from({ length: columns }, (_, column) => across.map((row) => row[column]));
  const lines = [...across, ...down].map((line) => path(line, smooth));
  const ring = [path(across[0], smooth), path(down.at(-1), smooth), path([...across.at(-1)].reverse(), smooth), path([...down[0]].reverse(), smooth)];
  byId("plan-picture").setAttribute("d", `${ring[0]} ${ring.slice(1).map((one) => one.replace("M", "L")).join(" ")} Z`);
  byId("plan-lines").setAttribute("d", lines.join(" "));
  byId("plan-fine").setAttribute("d", columns * rows === 4 ? fine(at) : "");
  drawHandles(plan, at, [wide, high], margin);
}

/** Through its points: straight, or Catmull and Rom's curve, as the wall has it. */
function path(line, smooth) {
  const place = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  if (!smooth || line.length < 3) return `M ${line.map(place).join(" L ")}`;
  const beyond = ([ax, ay], [bx, by]) => [2 * ax - bx, 2 * ay - by];
  const all = [beyond(line[0], line[1]), ...line, beyond(line.at(-1), line.at(-2))];
  const toward = (a, b, c, way) => [b[0] + (way * (c[0] - a[0])) / 6, b[1] + (way * (c[1] - a[1])) / 6];
  const pieces = line.slice(1).map((end, i) => `C ${place(toward(all[i], all[i + 1], all[i + 2], 1))} ${place(toward(all[i + 1], all[i + 2], all[i + 3], -1))} ${place(end)}`);
  return `M ${place(line[0])} ${pieces.join(" ")}`;
}

/** Lines of a square grid and a circle, as four corners bend them. */
function fine([[ax, ay], [bx, by], [dx, dy], [cx, cy]]) {
  const sx = ax - bx + cx - dx, sy = ay - by + cy - dy, ux = bx - cx, uy = by - cy, vx = dx - cx, vy = dy - cy;
  const whole = ux * vy - vx * uy || 1, g = (sx * vy - vx * sy) / whole, h = (ux * sy - sx * uy) / whole;
  const through = (x, y) => {
    const depth = g * x + h * y + 1;
    return [((bx - ax + g * bx) * x + (dx - ax + h * dx) * y + ax) / depth, ((by - ay + g * by) * x + (dy - ay + h * dy) * y + ay) / depth];
  };
  const lines = [];
  for (let i = 1; i < 8; i += 1) lines.push([through(i / 8, 0), through(i / 8, 1)]);
  for (let i = 1; i < 6; i += 1) lines.push([through(0, i / 6), through(1, i / 6)]);
  const [wide, high] = here().size, turn = Array.from({ length: 49 }, (_, i) => (i / 24) * Math.PI);
  lines.push(turn.map((angle) => through(0.5 + (0.36 * Math.cos(angle) * high) / wide, 0.5 + 0.36 * Math.sin(angle))));
  return lines.map((line) => path(line, false)).join(" ");
}

function drawHandles(plan, at, [wide, high], margin) {
  const scale = (wide + 2 * margin) / (plan.clientWidth || 360), group = byId("plan-points"), inset = HANDLE_PX * scale * 0.6;
  while (group.children.length > at.length) group.lastChild.remove();
  while (group.children.length < at.length) {
    const number = group.children.length, handle = document.createElementNS(SVG, "circle");
    for (const [name, value] of Object.entries({ role: "button", tabindex: 0, "aria-label": `point ${number + 1}` })) handle.setAttribute(name, value);
    handle.addEventListener("focus", () => point !== number && choose(output, number));
    group.append(handle);
  }
  const size = HANDLE_PX * scale * (at.length > 81 ? 0.6 : at.length > 25 ? 0.8 : 1);
  at.forEach(([x, y], number) => {
    const handle = group.children[number], chosen = number === point;
    handle.setAttribute("cx", Math.min(Math.max(x, inset - margin), wide + margin - inset));
    handle.setAttribute("cy", Math.min(Math.max(y, inset - margin), high + margin - inset));
    handle.setAttribute("r", chosen ? size * 1.25 : size);
    handle.setAttribute("class", chosen ? "chosen" : "");
  });
}

// ---- fingers and keys

function choose(number, which) {
  [output, point, mine] = [number, which, null];
  begin();
  if (wall.on) wish("choose", { output, columns: here().columns, rows: here().rows, point });
  showWall(wall);
}

function moveTo(at) {
  const { columns, rows } = here();
  mine = { output, columns, rows, point, at, until: performance.now() + STILL_MS };
  newest(`wall ${output} ${point} ${stroke}`, { wall: "move", output, columns, rows, point, x: at[0], y: at[1], stroke });
  drawPlan();
}

function nudge([x, y], far = 1) {
  if (!wall?.on) return;
  const at = points()[point], [wide, high] = here().size;
  moveTo([at[0] + (x * far) / wide, at[1] + (y * far) / high]);
}

function placeOf(event) {
  const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(byId("plan").getScreenCTM().inverse());
  return [x / here().size[0], y / here().size[1]];
}

function take(event) {
  if (!wall?.on) return;
  const away = [...byId("plan-points").children].map((handle) => {
    const box = handle.getBoundingClientRect();
    return Math.hypot(box.x + box.width / 2 - event.clientX, box.y + box.height / 2 - event.clientY);
  });
  const near = away.indexOf(Math.min(...away));
  if (away[near] > NEAR_PX) return;
  event.preventDefault();
  choose(output, near);
  byId("plan-points").children[near].focus({ preventScroll: true });
  const [x, y] = placeOf(event), at = points()[near];
  grip = [at[0] - x, at[1] - y];
  byId("plan").setPointerCapture(event.pointerId);
}

function drag(event) {
  if (!grip) return;
  const [x, y] = placeOf(event);
  moveTo([x + grip[0], y + grip[1]]);
}

function letGo() {
  if (!grip) return;
  grip = null;
  begin();
  if (mine) mine.until = performance.now() + STILL_MS;
  setTimeout(() => drawPlan(), STILL_MS + 50); // where the wall did not follow, the point goes back to where it is
}

export function wireWall() {
  const plan = byId("plan");
  plan.onpointerdown = take;
  plan.onpointermove = drag;
  plan.onpointerup = plan.onpointercancel = letGo;
  plan.onkeydown = (event) => {
    if (!(event.key in ARROWS)) return;
    event.preventDefault();
    nudge(ARROWS[event.key], event.shiftKey ? 10 : 1);
  };
  for (const key of document.querySelectorAll("[data-nudge]")) key.onclick = () => nudge(ARROWS[key.dataset.nudge]);
  byId("fit").onclick = () => wish("begin", { pattern: "grid" });
  for (const act of ["finer", "coarser", "curves"]) byId(act).onclick = () => wish(act, { output });
  for (const act of ["undo", "redo", "end"]) byId(act).onclick = () => wish(act);
  byId("save-wall").onclick = () => wish("save");
  addEventListener("resize", () => wall && drawPlan());
}
