// Lines and zones: over the picture, in their table, and what happened at them.

import { length, seconds } from "./format.js";
import { element, find, showRows } from "./panels.js";

const COLOUR = "#ffc83c"; // as in files
const PLATE = "rgb(24 24 24 / 85%)";
const ARROW = 14; // units of line width, to where "in" leads
const STAY_TITLE = "mean of those who left; of whoever has been inside longest";
const PEOPLE_TITLE = "who crossed or was inside, each counted once";
const CORRECTED_TITLE = "counted later, when the gap was filled in which it happened";

/** Draws the lines and zones of a frame; scale: canvas pixels a pixel, unit: width of a line -> the
 * places of their counts, as [left, top, right, bottom]. */
export function drawPlaces(pen, { lines, zones }, scale, unit, canvas) {
  pen.strokeStyle = COLOUR;
  pen.lineWidth = 1.6 * unit;
  for (const zone of zones) {
    outline(pen, zone.points, scale);
    pen.closePath();
    pen.fillStyle = "rgb(255 200 60 / 14%)";
    pen.fill();
    pen.stroke();
  }
  for (const line of lines) {
    outline(pen, line.points, scale);
    pen.stroke();
    drawArrow(pen, line.points, scale, unit);
  }
  const texts = [
    ...lines.map((line) => [line, `${line.name}: ${line.in} in, ${line.out} out`]),
    ...zones.map((zone) => [zone, `${zone.name}: ${zone.inside} inside, ${zone.entered} entered`]),
  ];
  return texts.map(([place, text]) => drawPlate(pen, place, text, scale, unit, canvas));
}

function outline(pen, points, scale) {
  pen.beginPath();
  for (const [x, y] of points) pen.lineTo(x * scale, y * scale);
}

/** From the middle of a line to where "in" leads: the right hand of who walks along it. */
function drawArrow(pen, [[x0, y0], [x1, y1]], scale, unit) {
  const long = Math.hypot(x1 - x0, y1 - y0);
  const [dx, dy] = [-(y1 - y0) / long, (x1 - x0) / long];
  const [x, y] = [((x0 + x1) / 2) * scale, ((y0 + y1) / 2) * scale];
  const [tip, side, back] = [ARROW * unit, 4 * unit, 9 * unit];
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(x + dx * tip, y + dy * tip);
  pen.moveTo(x + dx * back - dy * side, y + dy * back + dx * side);
  pen.lineTo(x + dx * tip, y + dy * tip);
  pen.lineTo(x + dx * back + dy * side, y + dy * back - dx * side);
  pen.stroke();
}

/** The counts at the highest corner. */
function drawPlate(pen, { points }, text, scale, unit, canvas) {
  const [x0, y0] = points.reduce((a, b) => (b[1] < a[1] ? b : a));
  const size = Math.max(11 * Math.min(devicePixelRatio, 2), 8 * unit);
  pen.font = `600 ${size}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  const [wide, high] = [pen.measureText(text).width + size * 0.8, size * 1.5];
  const x = Math.max(0, Math.min(x0 * scale, canvas.width - wide));
  const y = Math.max(0, Math.min(y0 * scale - high, canvas.height - high));
  pen.fillStyle = PLATE;
  pen.beginPath();
  pen.roundRect(x, y, wide, high, size * 0.25);
  pen.fill();
  pen.fillStyle = COLOUR;
  pen.fillText(text, x + size * 0.4, y + high / 2);
  return [x, y, x + wide, y + high];
}

export function hasPlaces({ view }) {
  const { lines, zones } = view.frame?.counts ?? { lines: [], zones: [] };
  return lines.length + zones.length > 0;
}

/** Table and events of the given sources; name(status, text): with its source where several are shown. */
export function showPlaces(sources, name) {
  const shown = sources.filter(hasPlaces);
  find("places").hidden = !shown.length;
  showRows(find("place-rows"), shown.flatMap((source) => rowsOf(source, name)), newRow);
  const events = shown.flatMap(({ status, view }) => view.frame.counts.events.map((event) => ({
    ...event, key: `${status.source}-${event.number}`, id: name(status, event.id),
    other: name(status, event.other), place: name(status, event.place),
  })));
  const body = find("events");
  const newest = events.sort((a, b) => (b.time_s ?? 0) - (a.time_s ?? 0)).slice(0, 8);
  const keys = newest.map((event) => event.key).join();
  if (body.dataset.keys === keys) return;
  body.dataset.keys = keys;
  body.replaceChildren(...newest.map(eventLine));
  find("no-events").hidden = newest.length > 0;
}

function rowsOf({ status, view }, name) {
  const { lines, zones } = view.frame.counts;
  return [
    ...lines.flatMap((line) => withClasses(status, line, name, (each) => [each.in, each.out, "–", "–"])),
    ...zones.flatMap((zone) => withClasses(status, zone, name, (each) =>
      [each.entered, each.left, each.inside, each === zone ? stay(zone) : "–"])),
  ];
}

/** A row of the place, and of each class where there are several. */
function withClasses(status, place, name, cells) {
  const classes = Object.entries(place.classes);
  const row = (kind, each, first, ...whole) => ({
    key: `${status.source}-${place.name}-${kind}`, className: first ? "" : "class",
    cells: [first, kind, ...cells(each), ...whole],
  });
  const whole = row(classes.length === 1 ? classes[0][0] : "all", place, name(status, place.name), place.people, place.corrected);
  return classes.length < 2 ? [whole] : [whole, ...classes.map(([kind, each]) => row(kind, each, "", "", ""))];
}

const stay = ({ dwell_s: mean, longest_s: longest }) =>
  [mean === null ? "" : seconds(mean), longest === null ? "" : `now ${length(longest)}`].filter(Boolean).join(", ") || "–";

function newRow(row) {
  const cells = row.cells.map((_, column) => element("td", { className: column > 1 ? "number" : "" }));
  cells[5].title = STAY_TITLE;
  cells[6].title = PEOPLE_TITLE;
  cells[7].title = CORRECTED_TITLE;
  return element("tr", {}, ...cells);
}

const WHAT = {
  crossing: ({ id, place, direction }) => `${id} crossed ${place} ${direction}`,
  enter: ({ id, place, whole }) => (whole ? `${id} entered ${place}` : `${id} began in ${place}`),
  leave: ({ id, place, whole, dwell_s: dwell }) =>
    `${id} ${whole ? "left" : "ended in"} ${place}${dwell === null ? "" : ` after ${seconds(dwell)}`}`,
  return: ({ id, other }) => `${other} is ${id}, who came back`,
  exchange: ({ id, other }) => `${id} and ${other} had been taken for each other`,
};

function eventLine(event) {
  const time = element("time", { textContent: event.time_s === null ? `frame ${event.frame}` : length(event.time_s) });
  const line = element("li", {}, time, element("span", { textContent: WHAT[event.event](event) }));
  if (event.filled || event.event === "exchange" || event.event === "return") {
    line.append(element("em", { className: "corrected", textContent: "corrected", title: CORRECTED_TITLE }));
  }
  return line;
}
