// The picture of each source: its figure, what is under the pointer, snapshots, the full screen.

import { drawFrame, trackAt } from "./overlay.js";
import { element, find } from "./panels.js";

export function newFigure(onClick) {
  const canvas = element("canvas", { onclick: onClick });
  canvas.setAttribute("role", "img");
  const figure = element("figure", {}, canvas, element("div", { className: "over", hidden: true }),
    element("figcaption", {}, element("b"), element("small"), element("span")), element("p", { hidden: true }));
  find("stage").append(figure);
  return { canvas, figure };
}

/** look: {layers, hidden}, what is drawn; chosen: id of the track that stands out, or null */
export function drawPicture({ canvas, view, figure }, { layers, hidden }, chosen) {
  if (!view.frame || figure.hidden) return;
  const [width, height] = view.frame.size;
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const wide = Math.max(320, Math.min(Math.round(canvas.clientWidth * ratio), 1920));
  const high = Math.round((wide * height) / width);
  if (canvas.width !== wide || canvas.height !== high) {
    Object.assign(canvas, { width: wide, height: high });
    canvas.style.aspectRatio = `${width} / ${height}`;
    figure.style.setProperty("--ratio", width / height);
  }
  drawFrame(canvas, view, layers, hidden, chosen);
  canvas.dataset.frame = view.frame.frame;
}

/** The track under the pointer, undefined where there is none. */
export function pointedAt({ canvas, view }, { layers, hidden }, event) {
  if (!view.frame) return undefined;
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const [wide, high] = view.frame.size;
  const x = ((event.clientX - left) / width) * wide;
  return trackAt(view, layers, hidden, x, ((event.clientY - top) / height) * high);
}

/** Downloads what is shown of each source as it is drawn, in the size in which it came. */
export function saveSnapshots(sources, { layers, hidden }) {
  for (const { view, status } of sources.filter(({ view }) => view.frame)) {
    const canvas = element("canvas", { width: view.bitmap.width, height: view.bitmap.height });
    drawFrame(canvas, view, layers, hidden, null);
    const name = `${status.file_name}-${view.frame.frame}.png`;
    canvas.toBlob((png) => {
      const link = element("a", { href: URL.createObjectURL(png), download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
  }
}

export function toggleFullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else find("stage").requestFullscreen?.();
}
