// What a projector does to light in; sliders and keys for it out: masks, blends, black, colour, turn. What fingers do there
// goes to the wall as a dial's name and its newest value; a stroke is what one undo takes back.
import { byId, make, newest, wish } from "./say.js";

const SIDES = ["left", "right", "top", "bottom"], CHANNELS = { r: "red", g: "green", b: "blue" };
const STILL_MS = 700;
const stroke = () => Math.floor(Math.random() * 2 ** 31);
const number = (value) => value.toFixed(2).replace("-0.00", "0.00");
const sliders = [];
let row = null, output = 0, layer = -1, side = "left";

/** What a dial is at: its way through a projector's table, channels by their letter. */
const read = (dial) => dial.split(".").reduce((at, part) => at?.[part in CHANNELS ? Object.keys(CHANNELS).indexOf(part) : part], row);
const turn = (dial, value, of) => newest(`dial ${dial} ${of}`, { wall: "dial", output, dial, value, stroke: of });
const isOne = (value) => !Array.isArray(value) || value.every((one) => one === value[0]);

export function showLight(wall, number, which) {
  if (number !== output || which !== layer) forget();
  [row, output, layer] = [wall.outputs[number], number, which];
  showMask(wall);
  showBlend();
  for (const slider of sliders) follow(slider);
  for (const key of byId("turns").children) key.setAttribute("aria-pressed", Number(key.dataset.turn) === row.rotation);
  for (const axis of ["x", "y"]) byId(`mirror-${axis}`).setAttribute("aria-pressed", row[`mirror_${axis}`]);
  const shares = row.colour.some((one) => one < 1), lifted = row.black.some((one) => one > 0);
  byId("colour-count").textContent = shares || lifted ? "set" : "";
  byId("turn-count").textContent = row.rotation || row.mirror_x || row.mirror_y ? `${row.rotation}°${row.mirror_x || row.mirror_y ? " mirrored" : ""}` : "";
}

function showMask({ on, painted: files }) {
  const mask = row.masks[layer];
  byId("mask-part").hidden = !on || !mask;
  const names = ["", ...new Set([...files, row.mask_file].filter(Boolean))], painted = byId("painted");
  byId("painted-part").hidden = !on || names.length < 2;
  if (painted.dataset.of !== names.join("\n")) {
    painted.dataset.of = names.join("\n");
    painted.replaceChildren(...names.map((name) => make("option", { value: name, textContent: name || "none" })));
  }
  painted.value = row.mask_file;
  if (!mask) return;
  byId("corners").textContent = `${mask.points.length} points`;
  byId("fewer").disabled = mask.points.length <= 3;
  byId("keep").setAttribute("aria-pressed", mask.keep);
}

function showBlend() {
  const wide = SIDES.filter((one) => row.blend[one].width > 0);
  byId("blend-count").textContent = wide.length || "";
  for (const key of byId("sides").children) {
    key.setAttribute("aria-pressed", key.dataset.side === side);
    key.classList.toggle("is-set", wide.includes(key.dataset.side));
  }
}

/** The sliders are of something else now. */
const forget = () => sliders.forEach(({ touched }) => { touched.at = -STILL_MS; });

function chooseSide(one) {
  side = one;
  forget();
  showBlend();
  sliders.forEach(follow);
}

/** What is under a finger here stays there; everything else follows the wall. */
function follow({ dial, input, value, touched }) {
  const now = read(dial());
  if (now === undefined) return;
  if (performance.now() - touched.at < STILL_MS) return;
  const one = Array.isArray(now) ? now.reduce((sum, each) => sum + each, 0) / now.length : now;
  value.textContent = isOne(now) ? number(one) : now.map(number).join(" ");
  input.value = one;
  paint(input, one);
}

const paint = (input, value) => input.style.setProperty("--part", `${(100 * (value - input.min)) / (input.max - input.min)}%`);

/** A slider for a dial whose name may be another by then: of the chosen side, of the chosen mask. */
function slider(title, dial, low, high, about = "") {
  const id = `dial ${title} ${sliders.length}`, value = make("output", { htmlFor: id }), touched = { at: -STILL_MS };
  const input = make("input", { id, type: "range", min: low, max: high, step: "any" });
  let of = stroke();
  input.oninput = () => {
    touched.at = performance.now();
    value.textContent = number(Number(input.value));
    paint(input, Number(input.value));
    turn(dial(), Number(input.value), of);
  };
  const made = { dial, input, value, touched };
  input.onchange = () => {
    of = stroke();
    setTimeout(() => follow(made), STILL_MS + 50); // where the wall did not follow, it goes back to where it is
  };
  sliders.push(made);
  const item = make("div", { className: "knob" }, make("label", { htmlFor: id, textContent: title }), value, make("div", { className: "row" }, input));
  if (about) item.append(make("p", { className: "about", textContent: about }));
  return item;
}

const three = (dial, low, high) => Object.entries(CHANNELS).map(([letter, word]) => {
  const item = slider(word, () => `${dial()}.${letter}`, low, high);
  item.classList.add(word);
  return item;
});

const each = (...items) => make("details", { className: "each" }, make("summary", { textContent: "each colour" }), make("div", { className: "dials" }, ...items));

export function wireLight(point) {
  const edge = (what) => () => `blend.${side}.${what}`;
  byId("mask-dials").append(slider("softness", () => `masks.${layer}.softness`, 0, 0.3, "of the edge, as a part of the frame's height"));
  byId("sides").replaceChildren(...SIDES.map((one) => {
    const key = make("button", { type: "button", textContent: one[0].toUpperCase() + one.slice(1), onclick: () => chooseSide(one) });
    key.dataset.side = one;
    return key;
  }));
  byId("blend-dials").append(slider("width", edge("width"), 0, 0.5, "how far another projector lies over this side"), slider("gamma", edge("gamma"), 1, 4, "until the strip is neither brighter nor darker"));
  byId("blend-part").append(each(...three(edge("gamma"), 1, 4)));
  byId("colour-dials").append(...three(() => "colour", 0, 1));
  byId("black-dials").append(slider("black", () => "black", 0, 0.3, "lifted where no other projector lies over this one"));
  byId("colour-part").append(each(...three(() => "black", 0, 0.3)));
  byId("turns").replaceChildren(...[0, 90, 180, 270].map((degrees) => {
    const key = make("button", { type: "button", textContent: `${degrees}°`, onclick: () => turn("rotation", degrees, stroke()) });
    key.dataset.turn = degrees;
    return key;
  }));
  for (const axis of ["x", "y"]) byId(`mirror-${axis}`).onclick = () => turn(`mirror_${axis}`, row[`mirror_${axis}`] ? 0 : 1, stroke());
  byId("keep").onclick = () => turn(`masks.${layer}.keep`, row.masks[layer].keep ? 0 : 1, stroke());
  for (const [id, act] of [["more", "insert"], ["fewer", "delete"]]) byId(id).onclick = () => wish(act, point());
  byId("unmask").onclick = () => wish("unmask", { output, mask: layer });
  byId("painted").onchange = (event) => wish("paint", { output, file: event.target.value });
  byId("blend-all").onclick = () => wish("blend");
}
