// Knobs by name, range and kind in; a slider, a switch or a key for each out, that shows who holds it and what it is now.
import { byId, make, press, slide } from "./say.js";

const rows = new Map(); // name -> what is drawn of it
const groups = [];
let learning = "";

const TITLES = { generator: "Generator", bend: "Bends", effect: "Effects", screen: "Screen" };
const groupOf = (name) => name.split(".").slice(0, name.startsWith("effect.") || name.startsWith("bend.") ? 2 : 1).join(".");
const titleOf = (group) => {
  const [first, second] = group.split(".");
  return second ? `${TITLES[first]} · ${second}` : TITLES[first] ?? first;
};

export function showKnobs(knobs) {
  const found = Map.groupBy ? Map.groupBy(knobs, ([name]) => groupOf(name)) : group(knobs);
  for (const [name, members] of found) {
    const count = make("b"), inside = make("div", {}, ...members.map(draw));
    const part = make("details", { className: "group", open: true }, make("summary", {}, titleOf(name), count), inside);
    groups.push({ part, count, members: members.map(([knob]) => knob) });
    byId("knobs").append(part);
  }
  byId("find").oninput = () => {
    const word = byId("find").value.toLowerCase();
    for (const [name, row] of rows) row.item.hidden = !`${name} ${row.about}`.toLowerCase().includes(word);
    for (const { part, members } of groups) part.hidden = members.every((name) => rows.get(name).item.hidden);
  };
}

function group(knobs) {
  const found = new Map();
  for (const knob of knobs) found.set(groupOf(knob[0]), [...(found.get(groupOf(knob[0])) ?? []), knob]);
  return found;
}

function draw([name, low, high, normal, about, kind], number) {
  const id = `knob ${name}`, value = make("output", { htmlFor: id });
  const holder = make("span", { className: "holder" });
  const release = make("button", { type: "button", className: "release", textContent: "Release", hidden: true, onclick: () => press("release", { name }) });
  const learn = make("button", { type: "button", className: "learn", textContent: "Learn", onclick: () => press("learn", { name: learning === name ? "" : name }) });
  learn.setAttribute("aria-label", `learn: the next fader that moves turns ${name}`);
  learn.setAttribute("aria-pressed", "false");
  release.setAttribute("aria-label", `release ${name}`);
  const row = { name, low, high, kind, about, value, holder, release, learn, touched: 0 };
  row.control = { bool: drawSwitch, event: drawKey }[kind]?.(row, id) ?? drawSlider(row, id);
  const title = make("label", { htmlFor: id, textContent: name.split(".").slice(groupOf(name).split(".").length).join(" ") || name });
  row.item = make("div", { className: "knob" }, title, value, make("div", { className: "row" }, row.control, release, learn));
  row.item.dataset.knob = name;
  if (!["bool", "event"].includes(kind)) row.item.append(make("div", { className: "ends" }, make("span", { textContent: low }), holder, make("span", { textContent: high })));
  else row.item.append(holder);
  if (about) row.item.append(make("p", { className: "about", textContent: about }));
  rows.set(name, row);
  return row.item;
}

function drawSlider(row, id) {
  const slider = make("input", { id, type: "range", min: row.low, max: row.high, step: row.kind === "int" ? 1 : "any" });
  slider.oninput = () => {
    row.touched = performance.now();
    slide("knob", row.name, Number(slider.value));
    paint(row, Number(slider.value));
  };
  return slider;
}

function drawSwitch(row, id) {
  const key = make("button", { id, type: "button", className: "switch", textContent: "off" });
  key.onclick = () => slide("knob", row.name, key.getAttribute("aria-pressed") === "true" ? row.low : row.high);
  return key;
}

function drawKey(row, id) {
  return make("button", { id, type: "button", textContent: "Press", onclick: () => press("knob", { name: row.name, value: 1 }) });
}

function paint(row, value) {
  if (row.kind === "event") return;
  if (row.kind === "bool") {
    const on = value > row.low;
    row.control.setAttribute("aria-pressed", on);
    row.control.textContent = row.value.textContent = on ? "on" : "off";
    return;
  }
  row.value.textContent = row.kind === "int" ? value.toFixed(0) : value.toFixed(row.high - row.low > 20 ? 1 : 2);
  row.control.style.setProperty("--part", `${(100 * (value - row.low)) / (row.high - row.low || 1)}%`);
}

/** What somebody is turning here stays under the finger; everything else follows the show. */
export function followKnobs(set) {
  learning = set.learning;
  [...rows.values()].forEach((row, number) => {
    const value = set.values[number], by = set.held[row.name];
    row.item.classList.toggle("held", by !== undefined);
    row.item.classList.toggle("learning", learning === row.name);
    row.learn.setAttribute("aria-pressed", learning === row.name);
    row.learn.textContent = learning === row.name ? "Move a fader…" : "Learn";
    row.holder.textContent = by === undefined ? "" : `held by ${by || "somebody"}`;
    row.release.hidden = by === undefined;
    if (performance.now() - row.touched < 400) return;
    if (row.control.type === "range") row.control.value = value;
    paint(row, value);
  });
  for (const { count, members } of groups) count.textContent = members.filter((name) => name in set.held).length || "";
  const held = Object.keys(set.held).length;
  byId("held-count").textContent = held ? `${held} held` : "nothing held";
  byId("learn-line").textContent = set.learnt.map(([protocol, source, knob]) => `${protocol} ${source} → ${knob}`).join(" · ");
  byId("save").disabled = byId("discard").disabled = !held && !set.learnt.length;
}
