// The family in, two parents and how far their children mutate chosen; children, their descent and kept vectors out.
const byId = (id) => document.getElementById(id);
const all = []; // by number
const parents = [0, 1];
let shown = null; // who is on the wall

function figure(one) {
  const made = document.createElement("figure"), image = document.createElement("img"), caption = document.createElement("figcaption");
  image.src = `picture/${one.number}`;
  image.alt = caption.textContent = one.name || `no. ${one.number}`;
  image.loading = "lazy";
  made.tabIndex = 0;
  made.dataset.number = one.number;
  const wall = document.createElement("button");
  wall.textContent = "on the wall";
  wall.onclick = (event) => (event.stopPropagation(), lead(one.number));
  made.append(image, caption, wall);
  made.toggleAttribute("data-wall", one.number === shown);
  made.onclick = (event) => choose(one.number, event.shiftKey ? 1 : 0);
  made.onkeydown = (event) => {
    if (event.key === "Enter") choose(one.number, event.shiftKey ? 1 : 0);
    if (event.key === "k") keep(one.number);
    if (event.key === "w") lead(one.number);
  };
  made.onmouseenter = made.onfocus = () => {
    byId("lineage").textContent = lineage(one.number);
    if (document.activeElement !== byId("mutation")) made.focus({ preventScroll: true });
  };
  return made;
}

/** Where somebody comes from, generation by generation. */
function lineage(number, depth = 0) {
  const one = all[number], name = one.name || `no. ${number}`;
  if (!one.parents.length || depth > 4) return name;
  const zones = Object.entries(one.zones).map(([zone, from]) => `${zone} ${from}`).join(", ");
  const from = one.parents.map((parent) => lineage(parent, depth + 1)).join(" × ");
  return depth ? `(${from})` : `${name}: ${from}\n${zones}, mutation ${one.mutation}`;
}

function choose(number, which) {
  parents[which] = number;
  draw();
}

function draw() {
  byId("parents").replaceChildren(...parents.map((number) => figure(all[number])));
  for (const made of byId("family").children) {
    made.toggleAttribute("data-parent", parents.includes(Number(made.dataset.number)));
  }
}

async function post(where, said) {
  try {
    const answer = await fetch(where, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(said) });
    const text = await answer.text();
    byId("trouble").textContent = answer.ok ? "" : text;
    byId("trouble").hidden = answer.ok;
    return answer.ok ? JSON.parse(text) : null;
  } catch {
    byId("trouble").textContent = "this page's server cannot be reached";
    byId("trouble").hidden = false;
    return null;
  }
}

async function keep(number) {
  const name = prompt("its name", `child-${number}`);
  const told = name && (await post("keep", { number, name }));
  if (told) byId("lineage").textContent = `kept as ${told.file}\n${told.lines}`;
}

/** Lead the show that runs to somebody. */
async function lead(number) {
  if (await post("lead", { number })) mark(number);
}

async function release() {
  if (await post("release", {})) mark(null);
}

function mark(number) {
  shown = number;
  for (const made of document.querySelectorAll("figure")) made.toggleAttribute("data-wall", Number(made.dataset.number) === shown);
  byId("release").hidden = shown === null;
}

function welcome(born) {
  for (const one of born) {
    all[one.number] = one;
    byId("family").prepend(figure(one));
  }
  draw();
}

byId("release").onclick = release;
byId("mutation").oninput = () => (byId("much").textContent = byId("mutation").value);
byId("breed").onsubmit = async (event) => {
  event.preventDefault();
  const told = await post("children", { first: parents[0], second: parents[1], mutation: Number(byId("mutation").value) });
  if (told) welcome(told.born);
};

const state = await (await fetch("state")).json();
byId("name").textContent = state.model;
for (const one of state.all) all[one.number] = one;
welcome(state.all);
document.documentElement.dataset.ready = "yes";
