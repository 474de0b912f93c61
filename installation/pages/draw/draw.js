// Fingers, pens and the mouse in, strokes to the show out; back come the sheet as it stands, and what the show makes of it.
import { follow } from "./follow.js";

const byId = (id) => document.getElementById(id);
const paper = byId("paper"), wall = byId("wall"), INK = "#191714", SHEET = "#f7f4ec";
const EVERY_MS = 1000 / 30, LINGER_MS = 900; // what was said just now is drawn here until the sheet that comes back has it
const mine = Math.random().toString(36).slice(2, 10);
let tool = "pen", speak = () => false, sheet = null, count = 0, fresh = [], atOnce = 64;
const strokes = new Map(); // by finger: { name, waiting: [[x, y], ...], last }

const width = () => (tool === "eraser" ? 3 : 1) * Number(byId("width").value) * 0.0022;
const within = (v) => Math.min(1, Math.max(0, v));
const place = (event) => {
  const box = paper.getBoundingClientRect();
  return [within((event.clientX - box.left) / box.width), within((event.clientY - box.top) / box.height)].map((v) => Math.round(v * 1e4) / 1e4);
};

let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    const pen = paper.getContext("2d"), { width: w, height: h } = paper;
    pen.fillStyle = SHEET;
    pen.fillRect(0, 0, w, h);
    if (sheet) {
      pen.globalCompositeOperation = "multiply";
      pen.drawImage(sheet, 0, 0, w, h);
      pen.globalCompositeOperation = "source-over";
    }
    const now = performance.now();
    fresh = fresh.filter((line) => now - line.at < LINGER_MS);
    pen.lineCap = pen.lineJoin = "round";
    for (const { from, to, wide, erase } of fresh) {
      pen.strokeStyle = erase ? SHEET : INK;
      pen.lineWidth = Math.max(1, wide * Math.max(w, h));
      pen.beginPath();
      pen.moveTo(from[0] * w, from[1] * h);
      pen.lineTo(to[0] * w + 0.01, to[1] * h);
      pen.stroke();
    }
    if (fresh.length) setTimeout(draw, LINGER_MS / 3);
  });
}

paper.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  paper.setPointerCapture(event.pointerId);
  strokes.set(event.pointerId, { name: `${mine}-${count++}`, waiting: [], last: place(event), wide: width(), erase: tool === "eraser" });
  add(event.pointerId, place(event));
  say();
});
paper.addEventListener("pointermove", (event) => {
  if (!strokes.has(event.pointerId)) return;
  const all = event.getCoalescedEvents?.() ?? [];
  for (const one of all.length ? all : [event]) add(event.pointerId, place(one));
});
for (const end of ["pointerup", "pointercancel"]) {
  paper.addEventListener(end, (event) => {
    say();
    strokes.delete(event.pointerId);
  });
}

function add(finger, to) {
  const stroke = strokes.get(finger);
  stroke.waiting.push(to);
  fresh.push({ from: stroke.last, to, wide: stroke.wide, erase: stroke.erase, at: performance.now() });
  stroke.last = to;
  draw();
}

/** What was drawn since the last time, as much of it as one message may hold. */
function say() {
  for (const stroke of strokes.values()) {
    while (stroke.waiting.length) {
      const points = stroke.waiting.splice(0, atOnce);
      if (!speak({ stroke: stroke.name, points, width: stroke.wide, erase: stroke.erase })) return;
    }
  }
}
setInterval(say, EVERY_MS);

function act(what) {
  fresh = [];
  speak({ [what]: true });
  draw();
}
byId("undo").onclick = () => act("undo");
byId("clear").onclick = () => act("clear");
for (const name of ["pen", "eraser"]) {
  byId(name).onclick = () => {
    tool = name;
    for (const other of ["pen", "eraser"]) byId(other).setAttribute("aria-pressed", String(other === name));
  };
}
addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z") act("undo");
  else if (event.key === "e") byId("eraser").click();
  else if (event.key === "p") byId("pen").click();
});

const decoded = (text, type) => createImageBitmap(new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], { type }));

async function hear(news) {
  if (news.paper?.png) {
    sheet = await decoded(news.paper.png, "image/png");
    paper.dataset.strokes = news.paper.strokes;
    byId("undo").disabled = byId("clear").disabled = !news.paper.strokes;
    draw();
  }
  if (news.picture) {
    const picture = await decoded(news.picture, "image/jpeg");
    [wall.width, wall.height] = [picture.width, picture.height];
    wall.style.setProperty("--shape", picture.width / picture.height);
    wall.getContext("2d").drawImage(picture, 0, 0);
    wall.dataset.pictures = Number(wall.dataset.pictures ?? 0) + 1;
  } else if (news.picture === "") {
    byId("answer").textContent = "the wall is not shown here: its show also paints from the camera ([panel] camera)";
  }
}

function link(why) {
  byId("trouble").textContent = why;
  byId("trouble").hidden = !why;
}

const told = await (await fetch("state")).json();
[paper.width, paper.height] = told.size.map((side) => side * 2);
atOnce = told.at_once;
paper.style.setProperty("--shape", told.size[0] / told.size[1]);
draw();
speak = follow("follow", hear, link);
document.documentElement.dataset.ready = "yes";
