// The map's state and where visitors lingered in; clicks that lead the show, and paths that are kept, out.
import { follow } from "./follow.js";

const byId = (id) => document.getElementById(id);
const canvas = byId("map"), pen = canvas.getContext("2d"), atlas = new Image();
const view = { x: 0.5, y: 0.5, zoom: 1 }; // the middle of the window on the map, and how many windows wide the map is
let map = null, heat = [], here = null, path = [], held = null, sending = null, next = null;
const DRAG_PX = 6, STOP_PX = 40, MOST_STOPS = 64;

const scale = () => Math.min(canvas.width, canvas.height) * 0.92 * view.zoom;
const onScreen = ([x, y]) => [(x - view.x) * scale() + canvas.width / 2, (y - view.y) * scale() + canvas.height / 2];
const onMap = (px, py) => [(px - canvas.width / 2) / scale() + view.x, (py - canvas.height / 2) / scale() + view.y];
const within = ([x, y]) => [Math.min(1, Math.max(0, x)), Math.min(1, Math.max(0, y))];
const at = (event) => [event.offsetX * devicePixelRatio, event.offsetY * devicePixelRatio];

let drawing = false;
function draw() {
  if (drawing || !map) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    const size = Math.max(10, Math.min(map.px * 2, (scale() / map.side) * 0.94));
    map.places.forEach((place, seed) => {
      const [x, y] = onScreen(place), [column, row] = map.cells[seed];
      if (x < -size || y < -size || x > canvas.width + size || y > canvas.height + size) return;
      pen.drawImage(atlas, column * map.px, row * map.px, map.px, map.px, x - size / 2, y - size / 2, size, size);
    });
    if (byId("heat").checked) drawHeat();
    drawPath();
    if (here) ring(onScreen(here), 11);
  });
}

function drawHeat() {
  const most = Math.max(...heat.flat(), 1e-9), cell = scale() / (heat.length || 1);
  heat.forEach((row, j) => row.forEach((seconds, i) => {
    if (!seconds) return;
    const [x, y] = onScreen([(i + 0.5) / heat.length, (j + 0.5) / heat.length]);
    pen.fillStyle = `rgba(255, 190, 90, ${0.12 + 0.5 * Math.sqrt(seconds / most)})`;
    pen.beginPath();
    pen.arc(x, y, cell * 0.7, 0, 2 * Math.PI);
    pen.fill();
  }));
}

function drawPath() {
  if (path.length < 2) return;
  pen.strokeStyle = "#fff";
  pen.lineWidth = 2;
  pen.beginPath();
  path.forEach((stop) => pen.lineTo(...onScreen(stop)));
  pen.closePath();
  pen.stroke();
}

function ring([x, y], radius) {
  pen.strokeStyle = "#fff";
  pen.lineWidth = 2;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.stroke();
}

async function post(where, said) {
  try {
    const answer = await fetch(where, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(said) });
    const text = await answer.text();
    tell(answer.ok ? "" : text);
    return answer.ok ? JSON.parse(text) : null;
  } catch {
    tell("this page's server cannot be reached");
    return null;
  }
}

function tell(text) {
  byId("trouble").textContent = text;
  byId("trouble").hidden = !text;
}

/** One at a time, and of those that wait only the newest. */
async function go(place) {
  here = within(place);
  draw();
  next = here;
  if (sending) return;
  while (next) {
    const to = next;
    next = null;
    sending = post("go", { to });
    const told = await sending;
    if (told) byId("where").textContent = `seed ${told.seed}`;
  }
  sending = null;
}

canvas.onpointerdown = (event) => {
  canvas.setPointerCapture(event.pointerId);
  held = { from: at(event), moves: event.shiftKey, dragged: false };
};
canvas.onpointermove = (event) => {
  if (!held) return;
  const [x, y] = at(event), [fromX, fromY] = held.from;
  if (held.moves) {
    view.x -= (x - fromX) / scale();
    view.y -= (y - fromY) / scale();
    held.from = [x, y];
    return draw();
  }
  if (!held.dragged && Math.hypot(x - fromX, y - fromY) < DRAG_PX * devicePixelRatio) return;
  if (!held.dragged) path = [within(onMap(fromX, fromY))];
  held.dragged = true;
  const last = onScreen(path.at(-1));
  if (path.length < MOST_STOPS && Math.hypot(x - last[0], y - last[1]) > STOP_PX * devicePixelRatio) path.push(within(onMap(x, y)));
  go(onMap(x, y));
};
canvas.onpointerup = (event) => {
  if (held && !held.moves && !held.dragged) go(onMap(...at(event)));
  held = null;
  byId("path").hidden = path.length < 2;
};
canvas.onwheel = (event) => {
  event.preventDefault();
  const before = onMap(...at(event));
  view.zoom = Math.min(40, Math.max(0.5, view.zoom * Math.exp(-event.deltaY / 400)));
  const after = onMap(...at(event));
  view.x += before[0] - after[0];
  view.y += before[1] - after[1];
  draw();
};

byId("path").onsubmit = async (event) => {
  event.preventDefault();
  const told = await post("path", { name: byId("title").value, stops: path, seconds: Number(byId("seconds").value) });
  if (!told) return;
  byId("lines").textContent = told.lines;
  byId("lines").hidden = false;
};
byId("drop").onclick = () => {
  path = [];
  byId("path").hidden = byId("lines").hidden = true;
  draw();
};
byId("release").onclick = () => post("release", {});
byId("heat").onchange = draw;

function resize() {
  canvas.width = innerWidth * devicePixelRatio;
  canvas.height = innerHeight * devicePixelRatio;
  draw();
}

async function begin() {
  map = await (await fetch("state")).json();
  byId("name").textContent = map.name;
  atlas.src = "atlas";
  await atlas.decode();
  addEventListener("resize", resize);
  resize();
  follow("follow", (news) => {
    if (news.lingered) heat = news.lingered;
    if (news.trouble !== undefined) tell(news.trouble);
    draw();
  }, tell);
  document.documentElement.dataset.ready = "yes";
}

begin();
