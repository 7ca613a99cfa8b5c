// Small graphs and the timeline of identities.

import { length } from "./format.js";
import { find } from "./panels.js";

export const SECONDS = 300; // of the graphs of figures, a value each
const ROW = 20; // CSS pixels of an identity
const TENTATIVE = 0;
const PREDICTED = 2;

function prepare(canvas, height) {
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const width = canvas.clientWidth;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { pen, width, height };
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Frame rate and latency of the given sources: {status, samples}. */
export function showGraphs(shown) {
  const column = (which, join) => {
    const length = Math.max(0, ...shown.map((source) => source.samples.length));
    return Array.from({ length }, (_, index) =>
      join(shown.map(({ samples }) => samples.at(index - length)?.[which] ?? 0)));
  };
  const total = (values) => values.reduce((sum, value) => sum + value, 0);
  const worst = (values) => Math.max(...values);
  const fps = total(shown.map(({ status }) => status.fps));
  const latency = worst(shown.map(({ status }) => status.latency_ms).concat(0));
  find("fps").textContent = shown.length ? fps.toFixed(1) : "–";
  find("latency").textContent = shown.length ? latency.toFixed(latency < 100 ? 1 : 0) : "–";
  drawGraph(find("fps-graph"), column(0, total), SECONDS, "fps");
  drawGraph(find("latency-graph"), column(1, worst), SECONDS, "ms");
  const sum = (key) => total(shown.map(({ status }) => status[key]));
  const back = sum("reconnects");
  find("fps-note").textContent =
    `${sum("dropped").toLocaleString("en")} dropped${back ? `, ${back} reconnects` : ""}`;
  const [, , detect, track] = shown.length === 1 ? shown[0].samples.at(-1) ?? [] : [];
  find("latency-note").textContent =
    detect === undefined ? "slowest source" : `detect ${detect.toFixed(1)}, track ${track.toFixed(1)}`;
}

/** values: one a second, newest last; drawn from the right, with the largest as its top. */
function drawGraph(canvas, values, seconds, unit) {
  const { pen, width, height } = prepare(canvas, canvas.clientHeight || 56);
  const top = Math.max(1e-6, ...values) * 1.15;
  const x = (index) => width - ((values.length - 1 - index) * width) / (seconds - 1);
  const y = (value) => height - 1 - (value / top) * (height - 4);
  pen.strokeStyle = colour("line");
  pen.lineWidth = 1;
  for (const share of [0, 0.5, 1]) {
    const level = Math.round(height - 1 - share * (height - 4)) + 0.5;
    pen.beginPath();
    pen.moveTo(0, level);
    pen.lineTo(width, level);
    pen.stroke();
  }
  if (!values.length) return;
  pen.beginPath();
  values.forEach((value, index) => pen.lineTo(x(index), y(value)));
  pen.strokeStyle = pen.fillStyle = colour("accent");
  pen.lineWidth = 1.75;
  pen.lineJoin = "round";
  pen.stroke();
  pen.lineTo(width, height);
  pen.lineTo(x(0), height);
  pen.globalAlpha = 0.14;
  pen.fill();
  pen.globalAlpha = 1;
  const newest = values.at(-1);
  canvas.setAttribute(
    "aria-label",
    `Now ${newest.toFixed(1)} ${unit}, at most ${Math.max(...values).toFixed(1)} ${unit} in the last minutes`,
  );
}

/** rows: [label, [[state, began, ended], ...], colour], times in seconds ago. */
export function drawTimeline(canvas, rows, seconds) {
  const left = 52;
  const { pen, width, height } = prepare(canvas, Math.max(3, rows.length) * ROW + 34);
  canvas.style.height = `${height}px`;
  const right = width - 14;
  const x = (ago) => right - (Math.min(ago, seconds) / seconds) * (right - left);
  pen.font = "12px system-ui, sans-serif";
  pen.textBaseline = "middle";
  drawTimes(pen, x, seconds, height);
  rows.forEach(([label, spans, ink], row) => {
    const middle = row * ROW + ROW / 2 + 4;
    pen.fillStyle = colour("muted");
    pen.textAlign = "right";
    pen.fillText(label, left - 12, middle);
    for (const [state, began, ended] of spans) {
      if (ended < seconds) drawSpan(pen, state, x(began), x(ended), middle, ink);
    }
  });
  canvas.setAttribute("aria-label", `Timeline of ${rows.length} identities`);
}

function drawSpan(pen, state, from, to, middle, ink) {
  const wide = Math.max(2, to - from);
  if (state === PREDICTED) {
    pen.strokeStyle = ink;
    pen.lineWidth = 2;
    pen.setLineDash([4, 3]);
    pen.beginPath();
    pen.moveTo(from, middle);
    pen.lineTo(from + wide, middle);
    pen.stroke();
    pen.setLineDash([]);
    return;
  }
  pen.fillStyle = state === TENTATIVE ? colour("grey") : ink;
  const high = state === TENTATIVE ? 4 : 10;
  pen.beginPath();
  pen.roundRect(from, middle - high / 2, wide, high, 2);
  pen.fill();
}

function drawTimes(pen, x, seconds, height) {
  pen.textAlign = "center";
  const step = seconds / (seconds > 60 ? 5 : 6);
  for (let ago = 0; ago <= seconds; ago += step) {
    pen.fillStyle = colour("line");
    pen.fillRect(Math.round(x(ago)), 4, 1, height - 32);
    pen.fillStyle = colour("muted");
    pen.textAlign = ago === 0 ? "right" : "center";
    pen.fillText(ago === 0 ? "now" : `−${length(ago)}`, x(ago) + (ago === 0 ? 10 : 0), height - 15);
  }
}
