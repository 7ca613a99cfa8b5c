// Tracks drawn over their picture. What is drawn, how opaque and in which colour comes with the frame,
// by the rules of files; here it is left out where a layer is off, and labels are placed.

import { placeLabels } from "./labels.js";
import { drawPlaces } from "./places.js";

const FAINT = 0.3; // of the tracks beside a chosen one
const RIM = "rgb(24 24 24 / 50%)"; // around boxes
const UNSEEN = 0.55; // of a trail where its track was hidden
const CONE = [0.55, 0.13]; // opacity at the feet and at the horizon
const ORDER = { tentative: 0, predicted: 1, observed: 2 };
const THINNEST = 1.6; // CSS pixels of a line
const NARROW = 480; // CSS pixels
const FULL = 2; // kind of a label that says all that the layers ask for

/** Draws the picture and what the layers ask for; view: {frame, bitmap}; chosen: id of the track
 * that stands out, or null. */
export function drawFrame(canvas, { frame, bitmap }, layers, hidden, chosen) {
  const pen = canvas.getContext("2d");
  const scale = canvas.width / frame.size[0];
  const unit = Math.max(1, canvas.width / 640); // line width that fits the picture
  const { overlay } = frame;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  pen.lineJoin = pen.lineCap = "round";
  const taken = layers.zones ? drawPlaces(pen, frame.counts, scale, unit, canvas) : [];
  const tracks = frame.tracks.filter((track) => isDrawn(track, layers, hidden));
  const known = new Map(frame.tracks.map((track) => [track.id, track]));
  const wanted = ({ id }) => (chosen === null || chosen === id)
    && (!known.has(id) || isListed(known.get(id), layers, hidden));
  const thinnest = THINNEST * (canvas.isConnected ? Math.min(devicePixelRatio, 2) : 1);
  const line = Math.max(thinnest, overlay.line * scale);
  if (layers.trails) for (const trail of overlay.trails.filter(wanted)) drawTrail(pen, trail, scale, line);
  if (layers.forecast) {
    for (const cone of overlay.cones.filter(wanted)) drawCone(pen, cone, known.get(cone.id), scale, line);
  }
  const last = (track) => Number(track.id === chosen);
  tracks.sort((a, b) => last(a) - last(b) || ORDER[a.state] - ORDER[b.state] || a.box[3] - b.box[3]);
  const opacity = (track) => track.opacity * (chosen === null || chosen === track.id ? 1 : FAINT);
  if (layers.boxes) {
    for (const track of tracks) {
      pen.globalAlpha = opacity(track);
      drawBox(pen, track, scale, Math.max(thinnest, track.line * scale) * (track.id === chosen ? 2 : 1));
    }
  }
  drawLabels(pen, tracks.filter((track) => track.kind).reverse(), layers, opacity, scale, overlay.plate, taken);
  pen.globalAlpha = 1;
}

/** Whether a track is wanted: by its class, and while it is hidden or tentative by these layers. */
export function isListed(track, layers, hidden) {
  if (hidden.has(track.class)) return false;
  return { predicted: layers.lost, tentative: layers.tentative }[track.state] ?? true;
}

const isDrawn = (track, layers, hidden) => track.opacity > 0 && isListed(track, layers, hidden);

/** The smallest drawn track at a point (x, y) of the frame, undefined where there is none. */
export function trackAt({ frame }, layers, hidden, x, y) {
  const area = ({ box: [left, top, right, bottom] }) => (right - left) * (bottom - top);
  return frame.tracks
    .filter((track) => isDrawn(track, layers, hidden))
    .filter(({ box: [left, top, right, bottom] }) => left <= x && x <= right && top <= y && y <= bottom)
    .sort((a, b) => area(a) - area(b))[0];
}

function drawBox(pen, track, scale, line) {
  const [left, top, right, bottom] = track.box.map((side) => side * scale);
  const lines = track.state === "tentative" ? [[track.colours[0], 1]]
    : [[RIM, line + 1.5], [track.colours[0], line]];
  pen.setLineDash(track.state === "predicted" ? [5 * line, 5 * line] : []);
  for (const [colour, width] of lines) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.strokeRect(left, top, right - left, bottom - top);
  }
  pen.setLineDash([]);
}

/** tracks: those that have a label, the nearest first; plate: height of a label in a file; taken:
 * places that stay free. On a small screen, where text takes more of the picture, labels are the id alone. */
function drawLabels(pen, tracks, layers, opacity, scale, plate, taken) {
  const { canvas } = pen;
  const smallest = canvas.isConnected ? 14 * Math.min(devicePixelRatio, 2) : 14;
  const high = Math.max(smallest, plate * scale);
  const narrow = canvas.isConnected && canvas.clientWidth < NARROW;
  pen.font = `600 ${0.68 * high}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  const labels = tracks.map((track) => {
    const text = textOf(track, layers, narrow);
    return { track, text, wide: pen.measureText(text).width + high / 2, box: track.box.map((side) => side * scale) };
  }).filter(({ text }) => text);
  const places = placeLabels(labels, high, [canvas.width, canvas.height], taken);
  for (const [number, { track, text, wide }] of [...labels.entries()].reverse()) {
    const [x, y] = places[number];
    pen.globalAlpha = opacity(track);
    pen.fillStyle = track.colours[1];
    pen.beginPath();
    pen.roundRect(x, y, wide, high, high * 0.18);
    pen.fill();
    pen.fillStyle = track.colours[2];
    pen.fillText(text, x + high / 4, y + high / 2);
  }
}

function textOf({ id, kind, name, score }, layers, narrow) {
  const parts = [layers.ids && String(id)];
  if (kind === FULL && !narrow) parts.push(layers.labels && name, layers.scores && score?.toFixed(2));
  return parts.filter(Boolean).join(" ");
}

function drawTrail(pen, { points, colour, opacity }, scale, line) {
  pen.strokeStyle = colour;
  for (let point = 1; point < points.length; point++) {
    const [[x0, y0], [x1, y1, fresh, seen]] = [points[point - 1], points[point]];
    pen.globalAlpha = opacity * Math.max(0.04, 0.92 * fresh) * (seen ? 1 : UNSEEN);
    pen.lineWidth = seen ? (line + 1) * (0.4 + 0.6 * fresh) : 1;
    pen.beginPath();
    pen.moveTo(x0 * scale, y0 * scale);
    pen.lineTo(x1 * scale, y1 * scale);
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

/** A cone from the feet that fades towards the horizon, and the path in its middle. */
function drawCone(pen, { path, sides }, { colours: [colour], opacity }, scale, line) {
  const [near, far] = [path[0], path.at(-1)].map((point) => point.map((each) => each * scale));
  const fading = pen.createLinearGradient(...near, ...far);
  CONE.forEach((share, end) => fading.addColorStop(end, `${colour}${hex(share * opacity)}`));
  const trace = (points) => {
    pen.beginPath();
    for (const [x, y] of points) pen.lineTo(x * scale, y * scale);
  };
  trace([...sides[0], ...[...sides[1]].reverse()]);
  pen.fillStyle = fading;
  pen.fill();
  trace(path);
  pen.globalAlpha = 0.8 * opacity;
  pen.strokeStyle = colour;
  pen.lineWidth = line;
  pen.stroke();
  pen.globalAlpha = 1;
}

const hex = (share) => Math.round(255 * share).toString(16).padStart(2, "0");
