// The show in, over one socket; the panel out: what is on the wall, cues, what acts last, and the parts that others draw.
import { followKnobs, showKnobs } from "./knobs.js";
import { showHealth, showMessages, showMoments, takeMoment } from "./looking.js";
import { ask, byId, listen, make, press, slide, tell } from "./say.js";
import { showWall, wireWall } from "./wall.js";

const PARTS = ["knobs", "wall", "moments", "health", "messages"];
const now = { set: null, wall: null, health: {}, moments: [], tab: "" };
let sheet = null;
let masterTouched = 0;

function choose(tab) {
  now.tab = tab;
  document.body.dataset.tab = tab;
  for (const key of document.querySelectorAll("nav button")) key.toggleAttribute("aria-current", key.dataset.tab === tab);
  const part = tab === "show" ? "knobs" : tab;
  for (const name of PARTS) byId(`tab-${name}`).hidden = name !== part;
  draw(now);
}

/** What is looked at, and only if there is news of it. */
function draw(news) {
  if (now.tab === "wall" && news.wall?.outputs) showWall(now.wall);
  if (now.tab === "health" && news.health) showHealth(now.health);
  if (now.tab === "messages" && news.health) showMessages(now.health.messages ?? {}, sheet.advice);
  if (now.tab === "moments" && news.moments) showMoments(now.moments, sheet);
}

function showCues() {
  byId("cues").replaceChildren(
    ...sheet.cues.map(([number, name, fade]) => {
      const key = make("button", { type: "button", onclick: () => press("cue", { name: number }) });
      key.append(make("span", { className: "number", textContent: number }), make("span", { textContent: name || `cue ${number}` }), make("span", { className: "fade", textContent: `${fade} s` }));
      key.dataset.cue = number;
      return make("li", {}, key);
    }),
  );
  byId("cues-part").hidden = !sheet.cues.length;
}

function followCues({ cue, come }) {
  const at = sheet.cues.findIndex(([number]) => number === cue), next = sheet.cues[at + 1];
  byId("next").textContent = next ? `${next[0]} ${next[1]}` : "last cue";
  byId("go").disabled = !next;
  byId("back").disabled = at < 1;
  for (const key of byId("cues").querySelectorAll("button")) {
    const runs = key.dataset.cue === cue;
    key.toggleAttribute("aria-current", runs);
    key.querySelector("i")?.remove();
    if (!runs || come >= 1) continue;
    const bar = make("i");
    bar.style.width = `${100 * come}%`;
    key.append(bar);
  }
}

function followSwitches(set) {
  for (const key of document.querySelectorAll(".switch[data-verb]")) key.setAttribute("aria-pressed", set[key.dataset.verb]);
  const panic = Boolean(now.health.status?.panic);
  byId("panic").setAttribute("aria-pressed", panic);
  const signs = [[set.blackout && !panic, "blackout", "dark"], [panic, "panic: call a cue, or switch Blackout off, for light", "dark"], [set.freeze, "frozen", ""], [set.test_card, "test card", ""]];
  if (!set.may_show) signs.push([true, "what is on the wall is not shown here", ""]);
  byId("veil").replaceChildren(...signs.filter(([on]) => on).map(([, textContent, className]) => make("span", { textContent, className })));
  if (performance.now() - masterTouched < 400) return;
  byId("master").value = set.master;
  paintMaster(set.master);
}

function paintMaster(value) {
  byId("master-value").textContent = `${Math.round(100 * value)} %`;
  byId("master").style.setProperty("--part", `${100 * value}%`);
}

function hidePicture() {
  const canvas = byId("picture");
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
}

async function showPicture(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
  const canvas = byId("picture");
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  canvas.dataset.pictures = Number(canvas.dataset.pictures ?? 0) + 1;
}

function showPresets(names) {
  byId("presets").replaceChildren(
    ...names.map((name) => {
      const recall = make("button", { type: "button", textContent: name, onclick: () => ask("preset", { act: "recall", name, fade_s: Number(byId("preset-fade").value) || 0 }) });
      const drop = make("button", { type: "button", className: "drop", textContent: "×", onclick: () => ask("preset", { act: "drop", name }) });
      drop.setAttribute("aria-label", `drop the preset ${name}`);
      return make("li", {}, recall, drop);
    }),
  );
}

function hear(news) {
  if (news.picture) showPicture(news.picture);
  else if (news.picture === "") hidePicture();
  if (news.health?.status) {
    now.health = news.health;
    const { fps, frame_age_s: age, faults } = news.health.status;
    byId("pulse").textContent = `${fps.toFixed(0)} fps${faults ? ` · ${faults} survived` : ""}`;
    byId("pulse").dataset.well = age < 2 ? "yes" : "no";
  }
  if (news.wall) now.wall = news.wall;
  if (news.moments) now.moments = news.moments;
  if (news.presets) showPresets(news.presets);
  if (news.set?.values) {
    now.set = news.set;
    followKnobs(news.set);
    followCues(news.set);
    document.documentElement.dataset.set = "yes";
  }
  if (now.set && (news.set || news.health)) followSwitches(now.set);
  if (news.trouble !== undefined) tell(news.trouble, "trouble", true);
  draw(news);
}

function link(why) {
  document.documentElement.dataset.link = why ? "down" : "up";
  tell(why, "trouble", true);
  if (why) Object.assign(byId("pulse").dataset, { well: "no" });
}

function wire() {
  for (const key of document.querySelectorAll("nav button")) key.onclick = () => choose(key.dataset.tab);
  for (const key of document.querySelectorAll(".switch[data-verb]")) {
    key.onclick = () => press(key.dataset.verb, { value: key.getAttribute("aria-pressed") === "true" ? 0 : 1 });
  }
  for (const verb of ["go", "back", "panic"]) byId(verb).onclick = () => press(verb);
  byId("moment").onclick = takeMoment;
  byId("master").oninput = (event) => {
    masterTouched = performance.now();
    paintMaster(Number(event.target.value));
    slide("master", "", Number(event.target.value));
  };
  wireWall();
  byId("save").onclick = () => ask("save");
  byId("discard").onclick = () => ask("discard");
  byId("preset-form").onsubmit = async (event) => {
    event.preventDefault();
    const name = byId("preset-name").value.trim();
    if (await ask("preset", { act: "keep", name })) byId("preset-name").value = "";
  };
}

async function begin() {
  sheet = await (await fetch("state")).json();
  document.title = `Panel · ${sheet.name}`;
  byId("name").textContent = sheet.name;
  byId("name").title = sheet.about;
  byId("draw").hidden = !sheet.draws;
  showKnobs(sheet.knobs);
  showCues();
  wire();
  choose(innerWidth < 1000 ? "show" : "knobs");
  listen(hear, link);
  document.documentElement.dataset.ready = "yes";
}

begin();
