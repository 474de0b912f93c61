// The wall's fit in; a plan with points to drag out, and what fingers do there as wishes about the wall.
import { showLight, wireLight } from "./light.js";
import { drawPlan } from "./plan.js";
import { byId, make, newest, wish } from "./say.js";

const NEAR_PX = 40, STILL_MS = 700;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const worded = (name) => (name ? name[0].toUpperCase() + name.slice(1) : "The show");
let wall = null;
let output = 0, layer = -1, point = 0, stroke = 0; // layer: the mask whose points are moved, -1 the mesh
let mine = null; // the point that is moved here, until the wall says the same: {of, at, until}
let awaited = 0; // masks that there are when the one that was asked for is there
let grip = null;

const here = () => wall.outputs[output];
const told = (which) => (which < 0 ? here().points : here().masks[which].points);
const begin = () => { stroke = Math.floor(Math.random() * 2 ** 31); };

/** The chosen point, as the wall wants to be told of it. */
function chosen() {
  const [columns, rows] = gridOf(layer);
  return { output, mask: layer, columns, rows, point };
}

const gridOf = (which) => (which < 0 ? [here().columns, here().rows] : [told(which).length, 1]);

export function showWall(news) {
  wall = news;
  if (output >= wall.outputs.length) [output, layer, point] = [0, -1, 0];
  const { masks, columns, rows, smooth } = here(), on = wall.on;
  if (layer >= masks.length) [layer, point] = [-1, 0];
  if (awaited && masks.length >= awaited) [layer, point, awaited] = [masks.length - 1, 0, 0];
  point = Math.min(point, told(layer).length - 1);
  byId("wall-off").hidden = on;
  for (const part of document.querySelectorAll("[data-wall=on]")) part.hidden = !on;
  showKeys("wall-outputs", wall.outputs.map(({ name }) => name), output, (_, number) => choose(number, -1, 0));
  byId("wall-outputs").hidden = wall.outputs.length < 2;
  showKeys("wall-patterns", ["", ...wall.patterns], ["", ...wall.patterns].indexOf(wall.pattern), (name) => wish("begin", { pattern: name }), worded);
  showKeys("wall-layers", ["Mesh", ...masks.map((_, number) => `Mask ${number + 1}`), "+ Mask"], layer + 1, (_, number) => (number > here().masks.length ? askForMask() : choose(output, number - 1, 0)));
  byId("mesh-part").hidden = !on || layer >= 0;
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
  showLight(wall, output, layer);
  draw();
}

/** One more mask, whose points are here as soon as it is there. */
function askForMask() {
  awaited = here().masks.length + 1;
  wish("mask", { output });
}

function showKeys(id, names, pressed, press, word = (name) => name) {
  const list = byId(id);
  if (list.dataset.of !== names.join("\n")) {
    list.dataset.of = names.join("\n");
    list.replaceChildren(...names.map((name, number) => make("button", { type: "button", textContent: word(name), onclick: () => press(name, number) })));
  }
  [...list.children].forEach((key, number) => key.setAttribute("aria-pressed", number === pressed));
}

/** A layer's points: as the wall says, but for the one that is under a finger here. */
function points(which = layer) {
  const there = told(which);
  if (!mine || mine.of.output !== output || mine.of.mask !== which) return there;
  const { columns, rows, point: moved } = mine.of, grid = gridOf(which);
  if (grid[0] !== columns || grid[1] !== rows) return there;
  const same = Math.hypot(there[moved][0] - mine.at[0], there[moved][1] - mine.at[1]) < 1e-5;
  if (!grip && (same || performance.now() > mine.until)) {
    mine = null;
    return there;
  }
  return there.map((one, number) => (number === moved ? mine.at : one));
}

function draw() {
  byId("plan").classList.toggle("on", wall.on);
  const masks = here().masks.map((mask, number) => ({ ...mask, points: points(number) }));
  drawPlan({ ...here(), points: points(-1), masks }, layer, point, (number) => point !== number && choose(output, layer, number));
}

// ---- fingers and keys

function choose(number, which, one) {
  [output, layer, point, mine, awaited] = [number, which, one, null, 0];
  begin();
  if (wall.on) wish("choose", chosen());
  showWall(wall);
}

function moveTo(at) {
  mine = { of: chosen(), at, until: performance.now() + STILL_MS };
  newest(`wall ${output} ${layer} ${point} ${stroke}`, { wall: "move", ...chosen(), x: at[0], y: at[1], stroke });
  draw();
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
  choose(output, layer, near);
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
  setTimeout(() => draw(), STILL_MS + 50); // where the wall did not follow, the point goes back to where it is
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
  wireLight(chosen);
  addEventListener("resize", () => wall && draw());
}
