// Takes in their order in, the contact sheet out: each picture glides to its new place when the order changes.
const WORDS = { keep: "kept", reject: "rejected" };

/** 'composition-2-take1' -> 'composition 2 · take 1' */
export function spoken(name) {
  return name.replace(/-take-?(\d+)$/, " · take $1").replace(/[-_]+/g, " ");
}

/** How many pictures hang in a row. */
export function columnsOf(list) {
  return getComputedStyle(list).gridTemplateColumns.split(" ").length;
}

/** What is said of a take in a word. */
export function wordOf(take) {
  return WORDS[take.choice] ?? (take.failure ? take.failure : take.goes_on ? "goes on" : "");
}

export function drawSheet(list, takes, { here, marked, valueOf, settle }) {
  const before = new Map([...list.children].map((item) => [item.dataset.key, item]));
  const places = new Map([...before].map(([key, item]) => [key, item.getBoundingClientRect()]));
  const items = takes.map((take) => before.get(take.key) ?? hang(take));
  const moved = items.length !== list.children.length || items.some((item, i) => list.children[i] !== item);
  if (moved) {
    for (const item of items) item.getAnimations().forEach((animation) => animation.cancel());
    list.replaceChildren(...items);
  }
  takes.forEach((take, i) => describe(items[i], take, { here: take.key === here, place: marked.indexOf(take.key), value: valueOf(take) }));
  settle(); // scrolls to where things are, not to where they glide from
  if (moved && !matchMedia("(prefers-reduced-motion: reduce)").matches) items.forEach((item) => glide(item, places.get(item.dataset.key)));
}

function hang(take) {
  const item = make("li", "take", { id: `take-${take.key}` });
  item.dataset.key = take.key;
  item.setAttribute("role", "option");
  const paper = make("span", "paper");
  const picture = make("img", "", { src: `picture/${take.key}?size=small`, alt: "", width: take.width, height: take.height, loading: "lazy", decoding: "async", draggable: false });
  paper.append(picture, make("span", "mark", { hidden: true }));
  const caption = make("div", "caption");
  caption.append(make("span", "name", { textContent: spoken(take.name), title: take.made }), make("span", "word"), make("span", "value"));
  item.append(paper, caption);
  return item;
}

function describe(item, take, { here, place, value }) {
  const word = wordOf(take);
  item.dataset.choice = take.choice;
  item.classList.toggle("here", here);
  item.classList.toggle("going", take.goes_on);
  item.tabIndex = here ? 0 : -1;
  item.setAttribute("aria-selected", place >= 0);
  item.setAttribute("aria-label", [spoken(take.name), word, value === null ? "" : value.toFixed(2)].filter(Boolean).join(", "));
  item.querySelector(".mark").hidden = place < 0;
  item.querySelector(".mark").textContent = place + 1;
  item.querySelector(".word").textContent = word;
  item.querySelector(".value").textContent = value === null ? "" : value.toFixed(2);
}

function glide(item, from) {
  if (!from) return;
  const to = item.getBoundingClientRect();
  const [x, y] = [from.left - to.left, from.top - to.top];
  const near = from.bottom > -innerHeight && from.top < 2 * innerHeight;
  if ((x || y) && near) item.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], { duration: 260, easing: "cubic-bezier(.2, .7, .2, 1)" });
}

export function make(tag, className, values = {}) {
  return Object.assign(document.createElement(tag), className ? { className } : {}, values);
}
