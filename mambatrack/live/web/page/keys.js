// The keyboard, and the panel that tells of it.

import { element, find } from "./panels.js";

/** keys: {key: [what it does, function]}. Space and Enter are those of a button that has the focus. */
export function listenTo(keys) {
  const help = find("help");
  const named = { " ": "Space", Escape: "Esc" };
  find("keys").replaceChildren(...Object.entries(keys).flatMap(([key, [text]]) =>
    [element("dt", {}, element("kbd", { textContent: named[key] ?? key })), element("dd", { textContent: text })]));
  find("open-help").onclick = () => help.showModal();
  help.onclick = (event) => event.target === help && help.close(); // beside the panel
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || help.open) return;
    const own = [" ", "Enter"].includes(event.key) && event.target.closest?.("button, a, summary");
    const action = keys[event.key]?.[1];
    if (!action || own) return;
    event.preventDefault();
    action();
  });
}
