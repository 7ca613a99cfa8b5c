// The page of live tracking: what the server says goes into `sources`, and from there on screen.

import { drawTimeline, SECONDS, showGraphs } from "./charts.js";
import { Connection } from "./connection.js";
import { listenTo } from "./keys.js";
import { isListed } from "./overlay.js";
import { element, find, problemsOf, showBanners, showChips, showDownloads, showTable, travelOf } from "./panels.js";
import { drawPicture, newFigure, pointedAt, saveSnapshots, toggleFullScreen } from "./pictures.js";
import { hasPlaces, showPlaces } from "./places.js";

const LAYERS = {
  boxes: "Boxes", ids: "Ids", labels: "Names", scores: "Scores", trails: "Trails", lost: "Hidden",
  tentative: "Tentative", forecast: "Forecast", zones: "Lines and zones",
};
const SPANS = { 60: "1 min", 300: "5 min" };

const saved = JSON.parse(localStorage.getItem("mambatrack") ?? "{}");
const chosenLayers = saved.chosenLayers ?? {}; // by the watcher, against what the server says
let layers = {};
const hidden = new Set(saved.hidden ?? []);
let span = saved.span ?? 60;
let sources = []; // {status, figure, canvas, view, samples, rows, born}
let selected = null; // number of a source, null for all
let paused = false;
let held = false; // the picture stands still here, whatever is tracked
let chosen = null; // key of the track that stands out
let closed = null; // seconds until the next try, null while connected
const classes = new Set(hidden);

history.replaceState(null, "", location.pathname); // takes the token out of the address

function save() {
  localStorage.setItem("mambatrack", JSON.stringify({ chosenLayers, hidden: [...hidden], span }));
}

// ---- what the server says

const handlers = {
  hello(message) {
    sources.forEach((source) => source.figure.remove());
    sources = message.sources.map(newSource);
    const drawn = Object.fromEntries(message.layers.map((key) => [key, true]));
    layers = { tentative: true, forecast: true, ...drawn, ...chosenLayers };
    showLayers();
    showSpans();
    message.samples.forEach((samples, index) => (sources[index].samples = samples));
    if (selected !== null && selected >= sources.length) selected = null;
    if (sources.length === 1) selected = 0;
    handlers.tick({ ...message, samples: [] });
    select(selected);
  },
  tick(message) {
    paused = message.paused;
    message.sources.forEach((status, index) => (sources[index].status = status));
    message.samples.forEach((fresh, index) => {
      sources[index].samples = [...sources[index].samples, ...fresh].slice(-SECONDS);
    });
    showState();
    showGraphs(shownSources());
  },
  timeline(message) {
    const source = sources[message.source];
    source.rows = message.identities;
    for (const [id, , age] of message.identities) source.born.set(id, Date.now() - 1000 * age);
    showTimeline();
  },
  async frame(message, jpeg) {
    const source = sources[message.source];
    if (!source || (held && source.view.frame)) return;
    const order = ++source.arrived;
    const bitmap = await createImageBitmap(jpeg);
    if (!sources.includes(source) || source.drawn > order) return bitmap.close();
    source.view.bitmap?.close();
    source.drawn = order;
    Object.assign(source.view, { bitmap, frame: message });
    source.view.foreseen ||= message.overlay.cones.length > 0;
    for (const track of message.tracks) {
      classes.add(track.class);
      if (!source.born.has(track.id)) source.born.set(track.id, Date.now());
    }
    for (const id of message.ended) source.born.delete(id);
    draw(source);
    showTracksSoon();
  },
};

function newSource(status) {
  const source = { status, view: {}, samples: [], rows: [], born: new Map(),
                   arrived: 0, drawn: 0 };
  return Object.assign(source, newFigure((event) => {
    const track = pointedAt(source, { layers, hidden }, event);
    choose(track ? keyOf(source.status, track.id) : null);
  }));
}

// ---- pictures

function draw(source) {
  const id = chosen?.startsWith(keyOf(source.status, "")) ? Number(chosen.split(":")[1]) : null;
  drawPicture(source, { layers, hidden }, id);
}

function drawAll() {
  sources.forEach(draw);
  showTracks();
  showTimeline();
}

/** Lets a track stand out, and no longer where it did already; its row comes into sight. */
function choose(key) {
  chosen = key === chosen ? null : key;
  drawAll();
  const row = [...find("rows").children].find((each) => each.dataset.key === chosen);
  row?.scrollIntoView({ block: "nearest" });
}

function hold() {
  held = !held;
  showState();
}

// ---- everything else on screen

/** An identity by number, after that of its source where several are shown. */
const label = (status, id) => (shownSources().length > 1 ? `${status.source}:${id}` : String(id));
const title = ({ source, name }) => (sources.length > 1 ? `${source} ${name}` : name);
const keyOf = (status, id) => `${status.source}:${id}`;
const shownSources = () => sources.filter((_, index) => selected === null || selected === index);

/** A page in the background asks for no pictures. */
function watch() {
  connection.watch(document.hidden ? [] : selected === null ? null : [selected]);
}

function select(index) {
  selected = index;
  sources.forEach((source, place) => (source.figure.hidden = index !== null && place !== index));
  watch();
  showState();
  showGraphs(shownSources());
  drawAll();
}

function showState() {
  const states = sources.map((source) => source.status.state);
  const [text, kind] =
    closed !== null ? ["Offline", "bad"]
    : paused ? ["Paused", "warn"]
    : held ? ["Held", "warn"]
    : states.includes("lost") ? ["Stream lost", "bad"]
    : states.includes("open") ? ["Live", "good"]
    : states.every((state) => state === "ended") ? ["Ended", ""]
    : ["Connecting", "warn"];
  if (find("connection").textContent !== text) find("connection").textContent = text;
  find("connection").className = `pill ${kind}`;
  const pause = find("pause");
  pause.setAttribute("aria-pressed", paused);
  pause.querySelector("span").textContent = paused ? "Resume" : "Pause";
  pause.disabled = find("snapshot").disabled = closed !== null || !sources.length;
  showBanners(problemsOf(sources, closed, () => connection.open()));
  showTabs();
  showDownloads(sources.map((source) => source.status));
  sources.forEach(showFigure);
}

function showFigure({ figure, status, view, canvas }) {
  const over = figure.querySelector(".over");
  const text = closed !== null ? "Not live"
    : { lost: "Stream lost", ended: "Ended", connecting: "Connecting…" }[status.state]
    ?? (paused ? "Paused" : held ? "Held: Space goes on" : view.frame ? "" : "Waiting for the first frame…");
  over.hidden = !text;
  over.classList.toggle("badge", paused || held);
  if (over.firstChild?.textContent !== text) over.replaceChildren(element("span", { textContent: text }));
  const size = status.size ? `${status.size[0]} × ${status.size[1]}` : "";
  figure.querySelector("figcaption b").textContent = title(status);
  figure.querySelector("figcaption span").textContent = `${size}  ${status.fps.toFixed(1)} fps`;
  figure.querySelector("figcaption small").textContent = travelOf(status.camera);
  const note = figure.querySelector("p");
  note.hidden = !status.problem;
  if (note.textContent !== (status.problem ?? "")) note.textContent = status.problem;
  canvas.setAttribute("aria-label", `${status.name}: ${text || `${view.frame?.tracks.length ?? 0} tracks`}`);
}

function showTabs() {
  const tabs = find("tabs");
  tabs.hidden = sources.length < 2;
  const items = [["all", "All", selected === null],
    ...sources.map((source, index) => [index, title(source.status), selected === index])];
  showChips(tabs, items, (key) => select(key === "all" ? null : key));
  [...tabs.children].slice(1).forEach((tab, index) => {
    const { status } = sources[index];
    if (!tab.children.length) tab.replaceChildren(element("i"), element("span", { textContent: title(status) }));
    tab.querySelector("i").className = status.state;
  });
}

let waiting = false;
function showTracksSoon() {
  if (waiting) return;
  waiting = true;
  setTimeout(() => {
    waiting = false;
    showTracks();
  }, 250);
}

function showTracks() {
  const tracks = shownSources().flatMap(({ view, born, status }) =>
    (view.frame?.tracks ?? []).filter((track) => isListed(track, layers, hidden)).map((track) => ({
      ...track,
      key: keyOf(status, track.id),
      name: label(status, track.id),
      age: (Date.now() - born.get(track.id)) / 1000,
    })));
  showTable(tracks, chosen, choose);
  showPlaces(shownSources(), label);
  showLayers();
  const count = (state) => tracks.filter((track) => track.state === state).length;
  find("counts").textContent = `${count("observed")} seen, ${count("predicted")} predicted`;
  const names = [...classes].sort();
  find("classes").hidden = names.length < 2 && !hidden.size;
  showChips(find("classes"), names.map((name) => [name, name, !hidden.has(name)]), (name) => {
    if (!hidden.delete(name)) hidden.add(name);
    save();
    drawAll();
  });
}

function showTimeline() {
  const rows = shownSources().flatMap(({ status, rows }) => rows
    .filter(([, name, , spans]) => !hidden.has(name) && spans.some(([, , ended]) => ended < span))
    .map(([id, , , spans, colour]) => [label(status, id), spans, colour]));
  const gone = ([, spans]) => Math.max(0, Math.floor(spans.at(-1)[2] - 1)); // live ones first
  rows.sort((a, b) => gone(a) - gone(b));
  drawTimeline(find("timeline"), rows, span);
}

/** Switches of what is drawn; none for what there is nothing of. */
function showLayers() {
  const there = { zones: sources.some(hasPlaces), forecast: sources.some(({ view }) => view.foreseen) };
  const items = Object.entries(LAYERS).filter(([key]) => there[key] ?? true)
    .map(([key, text]) => [key, text, Boolean(layers[key])]);
  showChips(find("layers"), items, (key) => {
    layers[key] = chosenLayers[key] = !layers[key];
    save();
    drawAll();
  });
}

function showSpans() {
  showChips(find("spans"), Object.entries(SPANS).map(([key, text]) => [key, text, Number(key) === span]), (key) => {
    span = Number(key);
    save();
    showSpans();
    showTimeline();
  });
}

async function togglePause() {
  try {
    const answer = await fetch(paused ? "/api/resume" : "/api/pause", { method: "POST" });
    if (answer.ok) paused = (await answer.json()).paused;
  } catch {
    return; // the banner of the connection says so
  }
  showState();
}

async function onConnection(state, wait) {
  closed = state === "open" ? null : wait;
  showState();
  if (state === "closed") {
    const answer = await fetch("/api/sources").catch(() => null);
    if (answer?.status === 401) location.reload(); // the server has another token now
  }
}

find("pause").onclick = togglePause;
const takeSnapshots = () => saveSnapshots(shownSources(), { layers, hidden });
find("snapshot").onclick = takeSnapshots;
find("full-screen").hidden = !document.fullscreenEnabled;
find("full-screen").onclick = toggleFullScreen;
document.addEventListener("click", (event) => {
  if (!find("download").contains(event.target)) find("download").open = false;
});
listenTo({
  " ": ["Hold the picture here, or go on; tracking goes on in any case", hold],
  s: ["Snapshot of what is shown", takeSnapshots],
  f: ["Full screen, or back", toggleFullScreen],
  "?": ["This help", () => find("help").showModal()],
  Escape: ["Close the menu; no track stands out any more", () => {
    find("download").open = false;
    choose(null);
  }],
});
addEventListener("fullscreenchange", drawAll);
document.addEventListener("visibilitychange", watch);
addEventListener("resize", () => (showGraphs(shownSources()), drawAll()));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (showGraphs(shownSources()), drawAll()));
const connection = new Connection((message, jpeg) => handlers[message.type]?.(message, jpeg), onConnection);
