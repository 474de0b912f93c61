// One take or a pair of them in, the large view out: a picture with its figures, or two pictures side by side.
import { make, spoken, wordOf } from "./sheet.js";

const KEYS = { one: [["← →", "next"], ["k", "keep"], ["r", "reject"], ["u", "undo"], ["esc", "back"]], pair: [["← →", "which one"], ["k", "keep"], ["r", "reject"], ["u", "undo"], ["esc", "back"]] };

export class Viewer {
  constructor(dialog) {
    this.dialog = dialog;
    this.pair = null; // [key, key] while two are compared
    this.side = 0;
    this.here = null;
  }

  get open() { return this.dialog.open; }

  /** The take that keep and reject are said of; null when the view is closed. */
  get active() { return !this.open ? null : this.pair ? this.pair[this.side] : this.here; }

  enlarge() { this.pair = null; this.#show(); }

  compare(pair) { this.pair = pair; this.side = 0; this.#show(); }

  turnTo(side) { this.side = side; }

  close() { this.dialog.close(); }

  draw(find, wall) {
    if (!this.open) return;
    this.here = wall.here;
    const takes = (this.pair ?? [wall.here]).map(find).filter(Boolean);
    if (!takes.length) return this.close();
    const room = make("div", this.pair ? "seen pair" : "seen");
    takes.forEach((take, i) => room.append(this.#frame(take, wall, Boolean(this.pair) && i === this.side)));
    if (!this.pair) {
      const beside = make("aside");
      beside.append(this.#figures(takes[0], wall));
      if (takes[0].made) beside.append(make("p", "made", { textContent: takes[0].made }));
      room.append(beside);
    }
    const keys = make("p", "keys");
    for (const [key, word] of KEYS[this.pair ? "pair" : "one"]) {
      const item = make("span");
      item.append(make("kbd", "", { textContent: key }), word);
      keys.append(item);
    }
    room.append(keys);
    this.#keepPictures(room);
    this.dialog.replaceChildren(room);
  }

  #show() { if (!this.open) this.dialog.showModal(); }

  #frame(take, wall, active) {
    const frame = make("figure", active ? "active" : "");
    frame.dataset.key = take.key;
    frame.dataset.choice = take.choice;
    const room = make("div", "room");
    room.append(make("img", "paper", { src: `picture/${take.key}?size=large`, alt: spoken(take.name), width: take.width, height: take.height }));
    const caption = make("figcaption");
    caption.append(make("span", "name", { textContent: spoken(take.name) }), make("span", "word", { textContent: wordOf(take) }));
    if (active) frame.setAttribute("aria-current", "true");
    if (this.pair) caption.append(this.#figures(take, wall));
    frame.append(room, caption);
    return frame;
  }

  #figures(take, wall) {
    const list = make("dl", "figures");
    const rows = [["overall", take.overall], ["taste", take.taste], ...Object.entries(take.figures)];
    for (const [name, value] of rows) {
      if (value === null || value === undefined) continue;
      const bar = make("span", "bar");
      const length = make("i");
      length.style.width = `${Math.round(value * 100)}%`;
      bar.append(length);
      list.append(make("dt", "", { textContent: name, title: wall.about[name] ?? "" }), bar, make("dd", "", { textContent: value.toFixed(2) }));
    }
    return list;
  }

  /** A picture that is still shown stays the same element, so that nothing flickers when a word below it changes. */
  #keepPictures(room) {
    const before = new Map([...this.dialog.querySelectorAll("img.paper")].map((img) => [img.getAttribute("src"), img]));
    for (const img of room.querySelectorAll("img.paper")) {
      const same = before.get(img.getAttribute("src"));
      if (same) img.replaceWith(same);
    }
  }
}
