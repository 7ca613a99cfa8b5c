// Where the labels of a picture go: beside their boxes, off each other and off heads where there is room.

const HEAD = 0.3; // share of a box's height
const ON_LABEL = 3; // what it costs to lie on another label wholly; on a head it is 1

/** labels: {wide, box}, the most important first; high: of a label; size: [width, height] of the canvas;
 * taken: places that must stay free, as [left, top, right, bottom] -> the upper left corner of each. */
export function placeLabels(labels, high, [width, height], taken) {
  const heads = labels.map(({ box: [left, top, right, bottom] }) =>
    [left, top, right, top + HEAD * (bottom - top)]);
  const placed = [...taken];
  for (const { wide, box: [left, top, right, bottom] } of labels) {
    const options = [[left, top - high], [right - wide, top - high], [left, bottom], [left, bottom - high],
                     [right, top], [left, top - 2 * high]].map(([x, y]) => {
      const [x0, y0] = [Math.max(0, Math.min(x, width - wide)), Math.max(0, Math.min(y, height - high))];
      return [x0, y0, x0 + wide, y0 + high];
    });
    const covered = (place, others) => others.reduce((sum, other) => sum + shared(place, other), 0) / (wide * high);
    const costs = options.map((place, order) =>
      ON_LABEL * covered(place, placed) + covered(place, heads) + 0.02 * order);
    placed.push(options[costs.indexOf(Math.min(...costs))]);
  }
  return placed.slice(taken.length).map(([x, y]) => [x, y]);
}

function shared([a, b, c, d], [e, f, g, h]) {
  return Math.max(0, Math.min(c, g) - Math.max(a, e)) * Math.max(0, Math.min(d, h) - Math.max(b, f));
}
