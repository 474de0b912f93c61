// Wishes in, words to the show out: sliders at most thirty times a second, the newest of each; what failed is said.
import { follow } from "./follow.js";

const EVERY_MS = 1000 / 30;
const waiting = new Map();
let speak = () => false;
let timer = 0;

export const byId = (id) => document.getElementById(id);

/** A press: at once. */
export const press = (verb, more = {}) => {
  if (!speak({ verb, ...more })) tell("not connected: that did not reach the show", "trouble");
};

/** A wish about the wall: at once, behind what was dragged before. */
export const wish = (act, more = {}) => {
  flush();
  if (!speak({ wall: act, ...more })) tell("not connected: that did not reach the show", "trouble");
};

/** A value: now if none went just before, else soon, and then only the newest. */
export const slide = (verb, name, value) => newest(`${verb} ${name}`, name ? { verb, name, value } : { verb, value });

export function newest(key, said) {
  waiting.set(key, said);
  if (!timer) flush();
}

function flush() {
  clearTimeout(timer);
  timer = 0;
  if (!waiting.size) return;
  for (const said of waiting.values()) speak(said);
  waiting.clear();
  timer = setTimeout(flush, EVERY_MS);
}

export function listen(news, link) {
  speak = follow("follow", news, link);
}

/** Ask for what takes a while; what it says is shown. */
export async function ask(where, said = {}) {
  try {
    const answer = await fetch(where, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(said) });
    const text = await answer.text();
    tell(answer.ok ? JSON.parse(text).said : text, answer.ok ? "told" : "trouble");
    return answer.ok;
  } catch {
    tell("the panel's server cannot be reached", "trouble");
    return false;
  }
}

const timers = {};
export function tell(text, where = "told", stays = false) {
  clearTimeout(timers[where]);
  byId(where).textContent = text;
  byId(where).hidden = !text;
  if (text && !stays) timers[where] = setTimeout(() => tell("", where), 5000);
}

export function make(kind, properties = {}, ...inside) {
  const made = Object.assign(document.createElement(kind), properties);
  made.append(...inside);
  return made;
}
