// Tracks drawn over their picture. What is predicted never looks like what was seen.

import { colourOf, gapOf, inkOn } from "./format.js";
import { drawPlaces } from "./places.js";

const TRAIL = 60; // points
const FAINT = 0.3; // of the tracks beside a chosen one
const GREY = "#a5a5a5";
const DARK = "rgb(14 18 24 / 85%)";

/** Where the tracks of one source stood: bottom centres of their boxes. */
export class Trails {
  constructor() {
    this.lines = new Map();
  }

  add(frame) {
    const live = new Set();
    for (const track of frame.tracks) {
      live.add(track.id);
      const [left, , right, bottom] = track.box;
      const line = this.lines.get(track.id) ?? [];
      line.push([(left + right) / 2, bottom, track.state !== "predicted"]);
      if (line.length > TRAIL) line.shift();
      this.lines.set(track.id, line);
    }
    for (const id of this.lines.keys()) if (!live.has(id)) this.lines.delete(id);
  }
}

/** Draws the picture and what the layers ask for; view: {frame, bitmap, trails}; chosen: id of the
 * track that stands out, or null. */
export function drawFrame(canvas, view, layers, hidden, chosen) {
  const { frame, bitmap, trails } = view;
  const pen = canvas.getContext("2d");
  const scale = canvas.width / frame.size[0];
  const unit = Math.max(1, canvas.width / 640); // line width that fits the picture
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  pen.lineJoin = pen.lineCap = "round";
  const shown = frame.tracks.filter((track) => isShown(track, layers, hidden));
  const ids = new Set(shown.map((track) => track.id).filter((id) => chosen === null || chosen === id));
  const ink = (id) => (chosen === null || chosen === id ? 1 : FAINT);
  if (layers.zones) drawPlaces(pen, frame.counts, scale, unit, canvas);
  if (layers.forecast && frame.forecast) drawCones(pen, frame, ids, scale, unit);
  if (layers.trails) {
    for (const track of shown.filter(({ id, state }) => state !== "tentative" && ids.has(id))) {
      drawTrail(pen, trails.lines.get(track.id) ?? [], colourOf(track.id), scale, unit);
    }
  }
  const order = { tentative: 0, predicted: 1, observed: 2 };
  const last = (track) => Number(track.id === chosen);
  shown.sort((a, b) => last(a) - last(b) || order[a.state] - order[b.state] || a.box[3] - b.box[3]);
  for (const [layer, drawn] of [["boxes", drawBox], ["labels", drawLabel]]) {
    if (!layers[layer]) continue;
    for (const track of shown) {
      pen.globalAlpha = ink(track.id);
      drawn(pen, track, scale, track.id === chosen && layer === "boxes" ? 1.6 * unit : unit, canvas);
    }
  }
  pen.globalAlpha = 1;
}

/** The smallest shown track at a point (x, y) of the frame, undefined where there is none. */
export function trackAt({ frame }, layers, hidden, x, y) {
  const area = ({ box: [left, top, right, bottom] }) => (right - left) * (bottom - top);
  return frame.tracks
    .filter((track) => isShown(track, layers, hidden))
    .filter(({ box: [left, top, right, bottom] }) => left <= x && x <= right && top <= y && y <= bottom)
    .sort((a, b) => area(a) - area(b))[0];
}

export function isShown(track, layers, hidden) {
  if (track.box.includes(null) || hidden.has(track.class)) return false;
  return layers[track.state] ?? true;
}

function drawBox(pen, track, scale, unit) {
  const [left, top, right, bottom] = track.box.map((side) => side * scale);
  const tentative = track.state === "tentative";
  pen.setLineDash(track.state === "predicted" ? [5 * unit, 4 * unit] : []);
  for (const [colour, width] of [
    [DARK, 3.2 * unit],
    [tentative ? GREY : colourOf(track.id), 1.7 * unit],
  ]) {
    if (tentative && colour === DARK) continue;
    pen.strokeStyle = colour;
    pen.lineWidth = tentative ? unit : width;
    pen.strokeRect(left, top, right - left, bottom - top);
  }
  pen.setLineDash([]);
}

function drawLabel(pen, track, scale, unit, canvas) {
  if (track.state === "tentative") return;
  const lost = track.state === "predicted";
  const small = canvas.isConnected && canvas.clientWidth < 480;
  const text = lost ? `${track.id} lost ${gapOf(track)}` : small ? `${track.id}` : `${track.id} ${track.class}`;
  const size = Math.max(11 * Math.min(devicePixelRatio, 2), 8.5 * unit);
  pen.font = `600 ${size}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  const wide = pen.measureText(text).width + size * 0.7;
  const high = size * 1.45;
  const x = Math.max(0, Math.min(track.box[0] * scale - unit, canvas.width - wide));
  const y = Math.max(0, track.box[1] * scale - high - unit);
  pen.fillStyle = lost ? DARK : colourOf(track.id);
  pen.beginPath();
  pen.roundRect(x, y, wide, high, size * 0.25);
  pen.fill();
  pen.fillStyle = lost ? colourOf(track.id, 72) : inkOn(track.id);
  pen.fillText(text, x + size * 0.35, y + high / 2);
}

function drawTrail(pen, line, colour, scale, unit) {
  pen.strokeStyle = colour;
  for (let point = 1; point < line.length; point++) {
    const [from, to] = [line[point - 1], line[point]];
    pen.globalAlpha = 0.25 + (0.7 * point) / line.length;
    pen.lineWidth = to[2] ? (0.8 + (1.4 * point) / line.length) * unit : 0.7 * unit;
    pen.beginPath();
    pen.moveTo(from[0] * scale, from[1] * scale);
    pen.lineTo(to[0] * scale, to[1] * scale);
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

/** The way of the centres ahead, and one standard deviation around it. */
const FORESEEN = 10; // frames, as in drawing.py

function drawCones(pen, { tracks, forecast }, ids, scale, unit) {
  const point = (box, spread) => ({
    x: ((box[0] + box[2]) / 2) * scale,
    y: ((box[1] + box[3]) / 2) * scale,
    sx: spread[0] * scale,
    sy: spread[1] * scale,
  });
  forecast.ids.forEach((id, row) => {
    if (!ids.has(id)) return;
    const { box, spread, state, gap } = tracks.find((track) => track.id === id);
    if (gap > FORESEEN) return; // its cone is as wide as the picture
    const ahead = forecast.boxes[row].map((each, step) => point(each, forecast.spread[row][step]));
    const way = [point(box, spread), ...ahead];
    pen.fillStyle = pen.strokeStyle = colourOf(id);
    pen.globalAlpha = state === "observed" ? 0.3 : 0.12;
    pen.fill(cone(way));
    pen.globalAlpha = 0.9;
    pen.lineWidth = unit;
    pen.setLineDash([2 * unit, 3 * unit]);
    pen.beginPath();
    for (const { x, y } of way) pen.lineTo(x, y);
    pen.stroke();
    pen.setLineDash([]);
    pen.globalAlpha = 1;
  });
}

/** All ellipses and what lies between them, as one shape: its parts turn the same way round. */
function cone(way) {
  const shape = new Path2D();
  way.forEach(({ x, y, sx, sy }, step) => {
    shape.moveTo(x + sx, y);
    shape.ellipse(x, y, sx, sy, 0, 0, 2 * Math.PI);
    if (step === 0) return;
    const before = way[step - 1];
    const [dx, dy] = [x - before.x, y - before.y];
    const length = Math.hypot(dx, dy);
    if (length === 0) return;
    const [nx, ny] = [-dy / length, dx / length];
    const side = (from, sign) => {
      const reach = sign * Math.hypot(nx * from.sx, ny * from.sy);
      return [from.x + nx * reach, from.y + ny * reach];
    };
    shape.moveTo(...side(before, -1));
    shape.lineTo(...side(way[step], -1));
    shape.lineTo(...side(way[step], 1));
    shape.lineTo(...side(before, 1));
    shape.closePath();
  });
  return shape;
}
