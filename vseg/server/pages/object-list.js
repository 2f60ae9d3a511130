// The objects: one row each, and what can be done with the selected one.

import { actionButton, byId, h } from "./dom.js";
import { icon } from "./icons.js";
import { objectOf, titleOf } from "./state.js";

/** @typedef {import("./annotator.js").Annotator} Annotator */
/** @typedef {import("./wire.js").ObjectState} ObjectState */

/** @param {Annotator} annotator */
export function mountObjects(annotator) {
  const { store } = annotator;
  const actions = byId("object-actions", HTMLElement);
  for (const [action, glyph, title] of ACTIONS)
    actions.append(actionButton(action, glyph, title));
  store.on(["objects", "selected", "hidden", "locked", "solo", "pending", "stale"], () =>
    showObjects(annotator),
  );
  store.on(["selected", "objects", "lease", "connection"], () => {
    const none = !objectOf(store.state, store.state.selected);
    for (const button of actions.querySelectorAll("button")) button.disabled = none;
  });
}

/** @type {[string, string, string][]} */
const ACTIONS = [
  ["rename", "rename", "Name"],
  ["colour", "colour", "Colour"],
  ["solo", "solo", "Show alone"],
  ["absent", "absent", "Mark absent"],
  ["split", "split", "Split here"],
  ["merge", "merge", "Merge"],
  ["delete-object", "trash", "Delete object"],
];

/** @param {Annotator} annotator */
function showObjects(annotator) {
  const { objects, selected } = annotator.state;
  const list = byId("objects", HTMLElement);
  byId("objects-count", HTMLElement).textContent = objects.length
    ? String(objects.length)
    : "";
  const focused = document.activeElement?.closest("li")?.dataset["object"];
  const rows = objects.map((object) => rowOf(annotator, object));
  const fresh = h(
    "li",
    { className: "object fresh" },
    h(
      "button",
      {
        type: "button",
        className: "pick",
        "aria-pressed": selected === null,
        onclick: () => annotator.select(null),
      },
      icon("plus"),
      selected === null ? "The next prompt makes a new object" : "New object",
    ),
  );
  list.replaceChildren(...rows, fresh);
  if (focused) {
    const button = list.querySelector(`li[data-object="${CSS.escape(focused)}"] .pick`);
    if (button instanceof HTMLElement) button.focus();
  }
  list.querySelector('[aria-pressed="true"].pick')?.scrollIntoView({ block: "nearest" });
}

/** @param {Annotator} annotator  @param {ObjectState} object */
function rowOf(annotator, object) {
  const { store } = annotator;
  const { selected, hidden, locked, pending, stale } = store.state;
  const { id } = object;
  const title = titleOf(object);
  const swatch = h("span", { className: "swatch" });
  swatch.style.background = object.colour;
  const marks = pending.filter((mark) => mark.object === id).length;
  const frames = stale
    .filter((span) => span.object === id)
    .reduce((sum, span) => sum + span.end - span.first, 0);
  const waits = `prompts to propagate: ${marks}; frames that are stale: ${frames}`;
  const pick = h(
    "button",
    {
      type: "button",
      className: "pick",
      "aria-pressed": id === selected,
      onclick: () => annotator.select(id),
    },
    swatch,
    h("span", { className: "title" }, title),
    marks ? h("span", { className: "badge", title: waits }, `${marks} new`) : null,
  );
  return h(
    "li",
    { className: "object", "data-object": id },
    pick,
    toggle("Hide", hidden.has(id), "eye", "eye-off", title, () =>
      flip(annotator, "hidden", id),
    ),
    toggle("Lock", locked.has(id), "unlock", "lock", title, () =>
      flip(annotator, "locked", id),
    ),
  );
}

/** @param {string} name  @param {boolean} on
 * @param {string} offGlyph  @param {string} onGlyph
 * @param {string} title  @param {() => void} onclick */
function toggle(name, on, offGlyph, onGlyph, title, onclick) {
  return h(
    "button",
    {
      type: "button",
      className: "icon small",
      "aria-pressed": on,
      title: name,
      "aria-label": `${name} ${title}`,
      onclick,
    },
    icon(on ? onGlyph : offGlyph),
  );
}

/** Hide or show, lock or unlock.
 * @param {Annotator} annotator  @param {"hidden" | "locked"} what  @param {number} id */
export function flip({ store }, what, id) {
  const set = new Set(store.state[what]);
  if (!set.delete(id)) set.add(id);
  store.set({ [what]: set });
}
