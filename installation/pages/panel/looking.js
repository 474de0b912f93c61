// What the show says of itself in; health, messages and moments out, each drawn only when it is looked at.
import { byId, make, press } from "./say.js";

const at = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });
const FIGURES = {
  fps: ["frames a second", (v) => v.toFixed(1)],
  frame_age_s: ["age of the picture", (v) => `${(v * 1000).toFixed(0)} ms`],
  rss_mb: ["memory", (v) => `${v.toFixed(0)} MB`],
  faults: ["survived", (v) => v],
  frame: ["frames", (v) => v],
  held: ["knobs held", (v) => v],
};
let protocol = "";
let heard = {};
let open = "";

export function showHealth({ status = {}, devices = {}, faults = [] }) {
  byId("figures").replaceChildren(
    ...Object.entries(FIGURES).filter(([name]) => name in status).map(([name, [title, words]]) => make("div", {}, make("dt", { textContent: title }), make("dd", { textContent: words(status[name]) }))),
  );
  byId("devices").replaceChildren(
    ...Object.entries(devices).map(([name, there]) => make("li", { className: there ? "" : "away" }, make("b", { textContent: name }), make("span", { textContent: there ? "there" : "not there: the recording plays its part" }))),
  );
  const rows = [...faults].sort((a, b) => b[2] - a[2]);
  byId("faults").replaceChildren(
    ...(rows.length ? rows.map(([kind, count, when]) => make("li", {}, make("b", { textContent: kind }), `× ${count}`, make("time", { textContent: at(when) }))) : [make("li", { textContent: "nothing went wrong" })]),
  );
}

export function showMessages(messages, advice) {
  const names = Object.keys(messages).sort();
  if (!names.includes(protocol)) protocol = names[0] ?? "";
  if (byId("protocols").children.length !== names.length) {
    const tab = (name) => make("button", { type: "button", textContent: name, role: "tab", onclick: () => { protocol = name; showMessages(heard, advice); } });
    byId("protocols").replaceChildren(...names.map(tab));
  }
  for (const tab of byId("protocols").children) tab.setAttribute("aria-selected", tab.textContent === protocol);
  heard = messages;
  const rows = messages[protocol] ?? [], newest = `${protocol} ${rows[0]?.[0]}`;
  if (byId("messages").dataset.newest === newest) return;
  byId("messages").dataset.newest = newest;
  byId("messages").replaceChildren(
    ...rows.map(([, when, sender, what, value, refused]) => {
      const item = make("li", {}, make("time", { textContent: at(when) }), make("code", { textContent: what }), make("code", { textContent: value }));
      if (sender) item.append(make("span", { className: "from", textContent: `from ${sender}` }));
      if (refused) item.append(make("span", { className: "why", textContent: `${refused}: ${(advice[refused] ?? "it changed nothing").replace("{table}", protocol.toLowerCase())}` }));
      return item;
    }),
  );
  if (!rows.length) byId("messages").replaceChildren(make("li", { className: "quiet", textContent: "nothing has come yet" }));
}

export function showMoments(names, sheet) {
  const print = (name) => sheet.print.replace("NAME.json", `${name}.json`);
  byId("moments").replaceChildren(
    ...names.map((name) => {
      const [day, time = ""] = name.split("T");
      const key = make("button", { type: "button", onclick: () => { open = open === name ? "" : name; showMoments(names, sheet); } });
      const picture = make("img", { src: `moment/${name}`, alt: `the wall on ${day}`, loading: "lazy" });
      picture.onerror = () => picture.remove(); // one of a visitor is never kept
      key.append(picture);
      key.append(make("span", { textContent: `${time.split("-").slice(0, 3).join(":")} · ${day}` }));
      if (open === name) key.append(make("code", { textContent: print(name) }));
      return make("li", { className: open === name ? "open" : "" }, key);
    }),
  );
  if (!names.length) byId("moments").replaceChildren(make("li", { className: "quiet", textContent: "none yet" }));
}

export const takeMoment = () => press("moment");
