// The wall's state and its news in, keys and clicks in; the sheet, the large view and the choices that go to the disk out.
import { follow } from "./follow.js";
import { drawSheet, columnsOf, make, spoken } from "./sheet.js";
import { Viewer } from "./viewer.js";

const byId = (id) => document.getElementById(id);
const FILTERS = { all: () => true, "to judge": (t) => !t.choice, kept: (t) => t.choice === "keep", rejected: (t) => t.choice === "reject" };
const WORDS = { keep: "kept", reject: "rejected", "": "not judged" };
const CELLS = [220, 340, 520];
const WORK = 2; // pieces of a running job that are named
const wall = { version: 0, takes: [], work: [], notice: "", about: {}, taste: {}, sort: "overall", turned: false, filter: "all", here: null, marked: [], undo: [], cell: 1 };
const viewer = new Viewer(byId("viewer"), byId("sheet"));
const trouble = { link: "", server: "", write: "" }; // what the artist should know, by where it comes from
let putAway = ""; // a notice that was read
const pending = []; // choices on their way to the disk, in the order they were made
let queue = Promise.resolve();

// ---- what is shown, in which order
const valueOf = (take, sort) => (sort === "name" ? null : take.figures[sort] ?? take[sort] ?? null);

function shown() {
  const takes = wall.takes.filter(FILTERS[wall.filter]);
  if (wall.sort !== "name") {
    const last = -Infinity; // what has no such figure hangs at the end
    takes.sort((a, b) => (valueOf(b, wall.sort) ?? last) - (valueOf(a, wall.sort) ?? last));
  }
  return wall.turned ? takes.reverse() : takes;
}

const find = (key) => wall.takes.find((take) => take.key === key);

/** settle: what is looked at after everything hangs in its place; by default the take that the keys speak of. */
function draw(settle = lookAtHere) {
  const takes = shown();
  if (!takes.some((take) => take.key === wall.here)) wall.here = takes[0]?.key ?? null;
  drawSheet(byId("sheet"), takes, { here: wall.here, marked: wall.marked, valueOf: (take) => valueOf(take, wall.sort), settle: () => viewer.open || settle() });
  drawHead();
  drawWork();
  drawTrouble();
  byId("empty").hidden = takes.length > 0;
  byId("empty").textContent = wall.filter === "to judge" ? "every take is judged" : `no take is ${wall.filter}`;
  viewer.draw(find, wall);
}

function lookAtHere() {
  const item = itemOf(wall.here);
  item?.focus({ preventScroll: true });
  item?.scrollIntoView({ block: "nearest" });
}

const itemOf = (key) => byId("sheet").querySelector(`[data-key="${key}"]`);

/** What comes by itself moves nothing away from under the artist's eyes and hands: same focus, same place on the screen. */
function drawAround() {
  const [key, held] = [wall.here, byId("sheet").contains(document.activeElement)];
  const [from, before] = [scrollY, itemOf(key)?.offsetTop]; // where it hangs, though it may still be gliding there
  const seen = before < from + innerHeight && before + itemOf(key).offsetHeight > from;
  draw(() => {
    const item = itemOf(key);
    if (held) (item ?? itemOf(wall.here))?.focus({ preventScroll: true });
    scrollTo({ top: seen && item ? from + item.offsetTop - before : from, behavior: "instant" });
  });
}

function drawHead() {
  document.title = `Select · ${wall.job}`;
  byId("job").textContent = wall.job;
  const count = (choice) => wall.takes.filter((take) => take.choice === choice).length;
  const parts = [[wall.takes.length, "takes"], [count("keep"), "kept"], [count("reject"), "rejected"], [count(""), "to judge"]];
  byId("counts").replaceChildren(...parts.flatMap(([number, word], i) => {
    const bold = document.createElement("b");
    bold.textContent = number;
    return [i ? "  ·  " : "", bold, ` ${word}`];
  }));
  const judged = count("keep") + count("reject");
  const { fewest, learnt, earlier } = wall.taste;
  const from = earlier ? `${judged} choices here, ${earlier} earlier` : `${judged} choices`;
  byId("taste").textContent = learnt ? `your taste, learnt from ${from}` : `taste is learnt from ${fewest} choices on, of both kinds`;
  const names = ["overall", "taste", ...Object.keys(wall.about).filter((n) => wall.takes.some((t) => n in t.figures)), "name"];
  const menu = byId("sort");
  if (menu.options.length !== names.length) menu.replaceChildren(...names.map((name) => new Option(name, name, name === wall.sort, name === wall.sort)));
  if (menu.dataset.shown !== wall.sort) menu.value = menu.dataset.shown = wall.sort; // left alone while someone chooses from it
  menu.title = wall.about[wall.sort] ?? "";
  byId("turn").textContent = wall.turned ? "↑" : "↓";
  for (const button of byId("filter").children) button.setAttribute("aria-checked", button.textContent === wall.filter);
}

/** How far a running job is: the pieces that are made now, the furthest first. */
function drawWork() {
  const list = byId("work");
  list.replaceChildren(...wall.work.slice(0, WORK).map(({ stage, name, fraction }) => {
    const item = make("li");
    const bar = make("i");
    bar.style.width = `${fraction * 100}%`;
    item.append(`${spoken(stage)} `, make("span", "", { textContent: spoken(name) }), ` ${Math.round(fraction * 100)} %`, bar);
    return item;
  }));
  if (wall.work.length > WORK) list.append(make("li", "", { textContent: `and ${wall.work.length - WORK} more` }));
  list.hidden = !wall.work.length;
}

function drawTrouble() {
  const notice = wall.notice === putAway ? "" : wall.notice;
  const said = [trouble.link, trouble.server, trouble.write, notice].filter(Boolean);
  byId("trouble").hidden = !said.length;
  if (byId("trouble").innerText !== said.join("\n")) byId("trouble").replaceChildren(...said.map((textContent) => make("span", "", { textContent })));
  document.documentElement.dataset.link = trouble.link ? "down" : "up";
}

// ---- what comes from the job's folder
/** The newest state; answers and news come over two ways, so an older one may arrive after a newer one. */
function adopt(state) {
  if (state.version <= wall.version) return false;
  Object.assign(wall, state);
  for (const later of pending) if (find(later.key)) find(later.key).choice = later.choice;
  return true;
}

function hear(news) {
  if ("trouble" in news) trouble.server = news.trouble;
  if (news.work) wall.work = news.work;
  if (news.wall && adopt(news.wall)) return drawAround();
  drawWork();
  drawTrouble();
}

function connected(why) {
  trouble.link = why;
  if (!why) {
    trouble.write = "";
    wall.version = 0; // it may be another server, which counts anew and tells everything first
  }
  drawTrouble();
}

// ---- what the artist does
async function ask(path, body) {
  const options = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, options);
  if (!answer.ok) throw new Error((await answer.text()).trim());
  adopt(await answer.json());
  trouble.write = "";
}

function complain(error) {
  const gone = error instanceof TypeError;
  trouble.write = gone ? "the page's server does not answer; what was chosen before is on the disk" : `not written: ${error.message}`;
  drawTrouble();
}

/** Shown at once, so that nobody waits for the disk; taken back, with a word, when it could not be written. */
function write(key, choice) {
  const before = find(key).choice;
  const one = { key, choice };
  pending.push(one);
  find(key).choice = choice;
  byId("status").textContent = `${spoken(find(key).name)}: ${WORDS[choice]}`;
  queue = queue.then(() => ask("choice", one)).then(() => pending.shift(), (error) => {
    pending.shift();
    if (find(key)) find(key).choice = before;
    complain(error);
  }).then(() => draw());
}

function judge(choice) {
  const key = viewer.active ?? wall.here;
  const take = find(key);
  if (!take) return;
  const takes = shown();
  const at = takes.findIndex((t) => t.key === key);
  wall.undo.push({ key, before: take.choice });
  if (!viewer.open) wall.here = (takes[at + 1] ?? takes[at]).key;
  write(key, take.choice === choice ? "" : choice);
  draw();
}

function undo() {
  const last = wall.undo.pop();
  if (!last || !find(last.key)) return;
  wall.here = last.key;
  write(last.key, last.before);
  draw();
}

function move(by) {
  const takes = shown();
  const at = takes.findIndex((take) => take.key === wall.here);
  moveTo(takes, Math.min(Math.max(at + by, 0), takes.length - 1));
}

function moveRow(by) {
  const [takes, columns] = [shown(), columnsOf(byId("sheet"))];
  const at = takes.findIndex((take) => take.key === wall.here);
  const row = Math.floor(at / columns) + by;
  if (row < 0 || row > Math.floor((takes.length - 1) / columns)) return;
  moveTo(takes, Math.min(at + by * columns, takes.length - 1));
}

function moveTo(takes, at) {
  wall.here = takes[at]?.key ?? null;
  draw();
}

function mark(key = wall.here) {
  wall.marked = wall.marked.includes(key) ? wall.marked.filter((k) => k !== key) : [...wall.marked, key].slice(-2);
  draw();
}

function compare() {
  const takes = shown();
  const at = takes.findIndex((take) => take.key === wall.here);
  const other = takes[at + 1] ?? takes[at - 1];
  const pair = wall.marked.length === 2 ? wall.marked : [wall.marked.find((k) => k !== wall.here) ?? wall.here, wall.marked.some((k) => k !== wall.here) ? wall.here : other?.key];
  if (pair[1]) viewer.compare(pair);
  draw();
}

function enlarge() {
  if (wall.here) viewer.enlarge();
  draw();
}

function cycle(list, value, by = 1) {
  return list[(list.indexOf(value) + by + list.length) % list.length];
}

function sortBy(name, turned = false) {
  Object.assign(wall, { sort: name, turned });
  draw();
}

function resize(by) {
  wall.cell = Math.min(Math.max(wall.cell + by, 0), CELLS.length - 1);
  document.documentElement.style.setProperty("--cell", `${CELLS[wall.cell]}px`);
  document.documentElement.dataset.cell = wall.cell;
  lookAtHere();
}

// ---- keys
const sortNames = () => [...byId("sort").options].map((option) => option.value);
const KEYS = {
  ArrowLeft: () => move(-1), ArrowRight: () => move(1), ArrowUp: () => moveRow(-1), ArrowDown: () => moveRow(1),
  Home: () => move(-1e9), End: () => move(1e9),
  k: () => judge("keep"), r: () => judge("reject"), u: undo, Backspace: undo, " ": () => mark(), c: compare, Enter: enlarge,
  s: () => sortBy(cycle(sortNames(), wall.sort)), S: () => sortBy(wall.sort, !wall.turned),
  f: () => { wall.filter = cycle(Object.keys(FILTERS), wall.filter); draw(); },
  "+": () => resize(1), "=": () => resize(1), "-": () => resize(-1),
};
const LARGE = {
  ArrowLeft: () => viewer.pair ? viewer.turnTo(0) : move(-1), ArrowRight: () => viewer.pair ? viewer.turnTo(1) : move(1),
  ArrowUp: () => {}, ArrowDown: () => {}, " ": () => {}, s: () => {}, S: () => {}, f: () => {}, Home: () => {}, End: () => {},
  Enter: () => viewer.close(), c: () => viewer.pair ? viewer.close() : compare(),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("select, button") && ["Enter", " ", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"].includes(event.key);
  if (event.ctrlKey || event.metaKey || event.altKey || typing) return;
  const act = (viewer.open && LARGE[event.key]) || KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
  if (viewer.open) draw();
});

// ---- the mouse can do the same
byId("sheet").addEventListener("click", (event) => {
  const key = event.target.closest(".take")?.dataset.key;
  if (!key) return;
  wall.here = key;
  if (event.shiftKey || event.ctrlKey || event.metaKey) mark(key);
  else draw();
});
byId("sheet").addEventListener("dblclick", enlarge);
byId("trouble").addEventListener("click", () => {
  putAway = wall.notice;
  trouble.write = "";
  drawTrouble();
});
byId("sort").addEventListener("change", (event) => sortBy(event.target.value));
byId("turn").addEventListener("click", () => sortBy(wall.sort, !wall.turned));
byId("viewer").addEventListener("close", () => {
  if (viewer.pair) wall.marked = [];
  draw();
});
byId("filter").replaceChildren(...Object.keys(FILTERS).map((name) => {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
  button.setAttribute("role", "radio");
  button.addEventListener("click", () => { wall.filter = name; draw(); });
  return button;
}));
const HELP = [["← → ↑ ↓", "move", null], ["k", "keep"], ["r", "reject"], ["u", "undo"], ["space", "mark", " "], ["c", "compare"], ["enter", "large", "Enter"], ["s", "sort"], ["f", "show"], ["+ −", "size", null]];
byId("help").replaceChildren(...HELP.map(([key, word, press = key]) => {
  const item = Object.assign(document.createElement(press ? "button" : "span"), press ? { type: "button" } : {});
  if (!press) item.className = "keys-only";
  item.append(Object.assign(document.createElement("kbd"), { textContent: key }), word);
  if (press) item.addEventListener("click", () => KEYS[press]());
  return item;
}));

ask("takes").then(() => {
  draw();
  document.documentElement.dataset.ready = "yes";
}).catch(complain).then(() => follow("follow", hear, connected));
