// The parts of the page that are text: banners, tabs, chips, the table, the downloads.

import { gapOf, length } from "./format.js";

export const find = (id) => document.getElementById(id);

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Buttons that are on or off; items: [key, text, on]. The same items keep their buttons. */
export function showChips(box, items, onToggle) {
  const known = new Map([...box.children].map((button) => [button.dataset.key, button]));
  items.forEach(([key, text, on], place) => {
    let button = known.get(String(key));
    known.delete(String(key));
    if (!button) {
      button = element("button", { type: "button" });
      button.dataset.key = key;
      button.onclick = () => onToggle(key);
    }
    if (button.textContent !== text) button.textContent = text;
    button.setAttribute("aria-pressed", on);
    if (box.children[place] !== button) box.insertBefore(button, box.children[place] ?? null);
  });
  for (const button of known.values()) button.remove();
}

/** What goes wrong; closed: seconds until the next try, null while connected; retry: tries now. */
export function problemsOf(sources, closed, retry) {
  if (closed !== null) {
    const wait = `Trying again in ${Math.max(1, Math.round(closed))} s.`;
    const text = `The connection to mambatrack is lost. What you see is not live. ${wait}`;
    return [["connection", text, "bad", "Try now", retry]];
  }
  return sources.flatMap(({ status: { source, name, state, error } }) => {
    if (state === "lost") {
      return [[`source-${source}`, `${name}: the stream is lost, reconnecting. ${error ?? ""}`, "bad", ""]];
    }
    return state !== "open" && error ? [[`source-${source}`, `${name}: ${error}`, "bad", ""]] : [];
  });
}

/** How the camera moved so far, in a line; "" where nobody tells. */
export function travelOf(camera) {
  if (!camera) return "";
  const parts = [`camera ${camera.pixels_a_frame.toFixed(1)} px a frame, certainty ${camera.certainty.toFixed(2)}`];
  if (camera.cuts) parts.push(`${camera.cuts} cut${camera.cuts === 1 ? "" : "s"}`);
  if (camera.unknown) parts.push(`not known in ${camera.unknown} of ${camera.frames} frames`);
  return parts.join(", ");
}

/** banners: [key, text, kind, action text or "", action]; one that stays is not announced again. */
export function showBanners(banners) {
  const box = find("banners");
  const wanted = new Map(banners.map((banner) => [banner[0], banner]));
  for (const shown of [...box.children]) {
    if (!wanted.has(shown.dataset.key)) shown.remove();
  }
  const known = new Map([...box.children].map((each) => [each.dataset.key, each]));
  for (const [key, text, kind, label, action] of banners) {
    const banner = known.get(key) ?? newBanner(box, key);
    banner.className = `banner ${kind}`;
    const line = banner.querySelector("p");
    if (line.textContent !== text) line.textContent = text;
    const button = banner.querySelector("button");
    button.hidden = !label;
    button.textContent = label;
    button.onclick = action;
  }
}

function newBanner(box, key) {
  const banner = element("div", {}, element("p"), element("button", { type: "button" }));
  banner.dataset.key = key;
  box.append(banner);
  return banner;
}

/** Rows that stay where they are known by their key; rows: {key, className, cells: texts, null for
 * what newRow(row) has made}. */
export function showRows(body, rows, newRow) {
  const known = new Map([...body.children].map((row) => [row.dataset.key, row]));
  rows.forEach((row, place) => {
    const shown = known.get(row.key) ?? newRow(row);
    shown.dataset.key = row.key;
    known.delete(row.key);
    if (shown.className !== row.className) shown.className = row.className;
    row.cells.forEach((text, column) => {
      const cell = shown.children[column];
      if (text !== null && cell.textContent !== String(text)) cell.textContent = text;
    });
    if (body.children[place] !== shown) body.insertBefore(shown, body.children[place] ?? null);
  });
  for (const row of known.values()) row.remove();
}

/** tracks: with their age in seconds, a key and a name; chosen: key of the track that stands out. */
export function showTable(tracks, chosen, choose) {
  const rows = tracks.map((track) => ({
    ...track,
    className: track.key === chosen ? `${track.state} chosen` : track.state,
    cells: [null, track.class, track.state, length(track.age), gapOf(track)],
  }));
  showRows(find("rows"), rows, (track) => newRow(track, choose));
  for (const row of find("rows").children) {
    row.querySelector("button").setAttribute("aria-pressed", row.dataset.key === chosen);
  }
  find("no-tracks").hidden = tracks.length > 0;
}

function newRow(track, choose) {
  const dot = element("i");
  dot.style.background = track.colours[0];
  const button = element("button", { type: "button", title: "Show this track in the picture" }, dot, track.name);
  const cells = [element("td", {}, button), ...Array.from({ length: 4 }, () => element("td"))];
  cells[3].className = cells[4].className = "number";
  const row = element("tr", {}, ...cells);
  row.onclick = () => choose(track.key);
  return row;
}

/** What can be downloaded of each source, and what its limit means. */
export function showDownloads(sources) {
  const recorded = sources.reduce((sum, source) => sum + source.recorded.frames, 0);
  const limit = sources[0]?.recorded.limit ?? 0;
  const cut = sources.some((source) => source.recorded.first > 0);
  find("recorded").textContent = recorded
    ? `${recorded.toLocaleString("en")} frames so far. At most ${Math.round(limit / 2 ** 20)} MiB of ` +
      `each source are kept; ${cut ? "the oldest frames are gone." : "then the oldest go."}`
    : "Nothing is recorded yet.";
  const list = find("downloads");
  if (list.children.length === sources.length) return;
  const link = (source, kind, text) =>
    element("a", { className: "button", href: `/api/results/${source}.${kind}`, textContent: text, download: "" });
  list.replaceChildren(
    ...sources.map((each) =>
      element("li", {}, element("span", { textContent: each.name, title: each.name }),
        link(each.source, "mot", "MOT"), link(each.source, "jsonl", "JSON Lines"), link(each.source, "csv", "CSV")),
    ),
  );
}
