// Where the wall's picture lies in, px of the projector's frame; the plan's lines, strips, masks and handles out, as SVG.
import { byId } from "./say.js";

const SVG = document.getElementById("plan").namespaceURI;
const MARGIN = 0.09; // of the frame's height, around it: what lies beyond waits there
const HANDLE_PX = 11;
const part = (count) => Array.from({ length: count + 1 }, (_, i) => i / count);

/** output is a projector's table, with points and masks as they are to be drawn; layer and point are chosen. */
export function drawPlan(output, layer, point, reached) {
  const plan = byId("plan"), { size: [wide, high], columns, rows, smooth } = output, margin = MARGIN * high;
  const scaled = (points) => points.map(([x, y]) => [x * wide, y * high]), at = scaled(output.points);
  plan.setAttribute("viewBox", `${-margin} ${-margin} ${wide + 2 * margin} ${high + 2 * margin}`);
  for (const [name, value] of Object.entries({ width: wide, height: high })) byId("plan-frame").setAttribute(name, value);
  const across = Array.from({ length: rows }, (_, row) => at.slice(row * columns, (row + 1) * columns));
  const down = Array.from({ length: columns }, (_, column) => across.map((row) => row[column]));
  const ring = [path(across[0], smooth), path(down.at(-1), smooth), path([...across.at(-1)].reverse(), smooth), path([...down[0]].reverse(), smooth)];
  byId("plan-picture").setAttribute("d", `${ring[0]} ${ring.slice(1).map((one) => one.replace("M", "L")).join(" ")} Z`);
  byId("plan-lines").setAttribute("d", [...across, ...down].map((line) => path(line, smooth)).join(" "));
  const flat = columns * rows === 4, through = flat ? pinned(at) : bent(at, columns, rows);
  byId("plan-fine").setAttribute("d", flat ? fine(through, high / wide) : "");
  byId("plan-blends").setAttribute("d", blends(output, through));
  drawMasks(output.masks.map((mask) => ({ ...mask, at: scaled(mask.points) })), layer, [wide, high]);
  drawHandles(layer < 0 ? at : scaled(output.masks[layer].points), layer, point, [wide, high], margin, reached);
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

/** Where places 0..1 of a mesh lie, as four corners bend them. */
function pinned([[ax, ay], [bx, by], [dx, dy], [cx, cy]]) {
  const sx = ax - bx + cx - dx, sy = ay - by + cy - dy, ux = bx - cx, uy = by - cy, vx = dx - cx, vy = dy - cy;
  const whole = ux * vy - vx * uy || 1, g = (sx * vy - vx * sy) / whole, h = (ux * sy - sx * uy) / whole;
  return (x, y) => {
    const depth = g * x + h * y + 1;
    return [((bx - ax + g * bx) * x + (dx - ax + h * dx) * y + ax) / depth, ((by - ay + g * by) * x + (dy - ay + h * dy) * y + ay) / depth];
  };
}

/** The same as more points bend them, each cell by its own four. */
function bent(at, columns, rows) {
  const mix = ([ax, ay], [bx, by], much) => [ax + (bx - ax) * much, ay + (by - ay) * much];
  return (x, y) => {
    const column = Math.min(Math.floor(x * (columns - 1)), columns - 2), row = Math.min(Math.floor(y * (rows - 1)), rows - 2);
    const first = row * columns + column, across = x * (columns - 1) - column, down = y * (rows - 1) - row;
    return mix(mix(at[first], at[first + 1], across), mix(at[first + columns], at[first + columns + 1], across), down);
  };
}

/** Lines of a square grid and a circle. */
function fine(through, aspect) {
  const lines = part(8).slice(1, -1).map((x) => [through(x, 0), through(x, 1)]).concat(part(6).slice(1, -1).map((y) => [through(0, y), through(1, y)]));
  lines.push(part(48).map((turn) => through(0.5 + 0.36 * Math.cos(2 * Math.PI * turn) * aspect, 0.5 + 0.36 * Math.sin(2 * Math.PI * turn))));
  return lines.map((line) => path(line, false)).join(" ");
}

/** The strips that other projectors lie over: at sides of the picture, wherever turn and mirrors have those. */
function blends({ blend, rotation, mirror_x: flips, mirror_y: tips }, through) {
  const turned = { 0: (x, y) => [x, y], 90: (x, y) => [1 - y, x], 180: (x, y) => [1 - x, 1 - y], 270: (x, y) => [y, 1 - x] }[rotation];
  const place = (x, y) => {
    const [u, v] = turned(x, y);
    return through(flips ? 1 - u : u, tips ? 1 - v : v);
  };
  const sides = { left: (t, far) => place(far, t), right: (t, far) => place(1 - far, t), top: (t, far) => place(t, far), bottom: (t, far) => place(t, 1 - far) };
  const strip = (at, width) => `${path([...part(16).map((t) => at(t, 0)), ...part(16).map((t) => at(1 - t, width))], false)} Z`;
  return Object.entries(sides).filter(([side]) => blend[side].width > 0).map(([side, at]) => strip(at, blend[side].width)).join(" ");
}

function draw(kind, said) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(said)) made.setAttribute(name, value);
  return made;
}

/** What is dark: inside a mask, or all but that. Its soft edge is a wide faint line. */
function drawMasks(masks, layer, [wide, high]) {
  const group = byId("plan-masks");
  while (group.children.length > 2 * masks.length) group.lastChild.remove();
  while (group.children.length < 2 * masks.length) group.append(draw("path", { class: "soft" }), draw("path", { class: "mask" }));
  masks.forEach(({ at, softness, keep }, number) => {
    const soft = group.children[2 * number], shape = group.children[2 * number + 1], ring = `${path(at, false)} Z`;
    soft.setAttribute("d", ring);
    soft.setAttribute("stroke-width", softness * high);
    shape.setAttribute("d", keep ? `M 0 0 H ${wide} V ${high} H 0 Z ${ring}` : ring);
    shape.classList.toggle("chosen", number === layer);
  });
}

function drawHandles(at, layer, point, [wide, high], margin, reached) {
  const plan = byId("plan"), scale = (wide + 2 * margin) / (plan.clientWidth || 360), group = byId("plan-points"), inset = HANDLE_PX * scale * 0.6;
  while (group.children.length > at.length) group.lastChild.remove();
  while (group.children.length < at.length) {
    const number = group.children.length, handle = draw("circle", { role: "button", tabindex: 0, "aria-label": `point ${number + 1}` });
    handle.addEventListener("focus", () => reached(number));
    group.append(handle);
  }
  group.classList.toggle("of-mask", layer >= 0);
  const size = HANDLE_PX * scale * (at.length > 81 ? 0.6 : at.length > 25 ? 0.8 : 1);
  at.forEach(([x, y], number) => {
    const handle = group.children[number], chosen = number === point;
    handle.setAttribute("cx", Math.min(Math.max(x, inset - margin), wide + margin - inset));
    handle.setAttribute("cy", Math.min(Math.max(y, inset - margin), high + margin - inset));
    handle.setAttribute("r", chosen ? size * 1.25 : size);
    handle.setAttribute("class", chosen ? "chosen" : "");
  });
}
