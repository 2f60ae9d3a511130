// Which key does what: the table, with the keys over it that the user of this browser chose.

import { KEYS } from "./keys.js";

/** @typedef {import("./keys.js").KeyRow} KeyRow */

const STORED = "vseg-keys";

/** Chosen keys by action; none of an action whose key was given away.
 * @type {Map<string, string[]>} */
let chosen = stored();
let byKey = rowsByKey();

/** @returns {Map<string, string[]>} */
function stored() {
  try {
    const read = Object.entries(JSON.parse(localStorage.getItem(STORED) ?? "{}"));
    const known = new Set(KEYS.map(({ action }) => action));
    const isKeys = (/** @type {unknown} */ keys) =>
      Array.isArray(keys) && keys.every((key) => typeof key === "string");
    return new Map(read.filter(([action, keys]) => known.has(action) && isKeys(keys)));
  } catch {
    return new Map();
  }
}

function rowsByKey() {
  return new Map(KEYS.flatMap((row) => keysOf(row).map((key) => [key, row])));
}

/** The keys of a row as they are now.  @param {KeyRow} row */
export function keysOf(row) {
  return chosen.get(row.action) ?? row.keys;
}

/** Whether any key is another than in the table. */
export const isChosen = () => chosen.size > 0;

/** Give an action a key in place of those that it had.
 * @param {KeyRow} row  @param {string} key
 * @returns {KeyRow | null} the row that the key is taken from */
export function bind(row, key) {
  const before = byKey.get(key) ?? null;
  if (before)
    chosen.set(
      before.action,
      keysOf(before).filter((other) => other !== key),
    );
  chosen.set(row.action, [key]);
  changed();
  return before === row ? null : before;
}

/** Give every action the keys of the table again. */
export function unbindAll() {
  chosen = new Map();
  changed();
}

function changed() {
  byKey = rowsByKey();
  if (chosen.size) localStorage.setItem(STORED, JSON.stringify(Object.fromEntries(chosen)));
  else localStorage.removeItem(STORED);
  dispatchEvent(new Event("keyschange"));
}

/** What was pressed, as the table writes it.  @param {KeyboardEvent} event */
export function pressedKey(event) {
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const shift = event.shiftKey ? "Shift+" : "";
  return `${control}${shift}${event.altKey ? "Alt+" : ""}${event.code}`;
}

/** The row of what was pressed.  @param {KeyboardEvent} event */
export function rowOf(event) {
  const exact = byKey.get(pressedKey(event));
  // Crosshair keys take Shift as a finer step.
  const modified = event.ctrlKey || event.metaKey || event.altKey;
  const plain = modified ? undefined : byKey.get(event.code);
  return exact ?? (plain?.action.startsWith("cross-") ? plain : undefined);
}

const NAMES = new Map(
  Object.entries({
    ArrowRight: "→",
    ArrowLeft: "←",
    ArrowUp: "↑",
    ArrowDown: "↓",
    BracketLeft: "[",
    BracketRight: "]",
    Period: ".",
    Comma: ",",
    Equal: "=",
    Minus: "−",
    Quote: "'",
    Slash: "/",
    Escape: "Esc",
    Delete: "Del",
  }),
);

/** A key as it is written on the keyboard.  @param {string} key */
export function keyName(key) {
  if (key === "Shift+Slash") return "?";
  return key
    .split("+")
    .map((part) => NAMES.get(part) ?? part.replace(/^(Key|Digit)/, ""))
    .join(" ");
}

/** The key of an action as it is written on the keyboard; empty where it has none.
 * @param {string} action */
export function keyOf(action) {
  const row = KEYS.find((each) => each.action === action);
  const [key] = row ? keysOf(row) : [];
  return key ? keyName(key) : "";
}

/** Whether typing goes to the element, not to the page.
 * @param {EventTarget | null} target  @param {string} code */
function typesInto(target, code) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest("input:not([type=checkbox], [type=range]), textarea, select"))
    return true;
  if (target.closest("dialog")) return true;
  return (
    ["Space", "Enter"].includes(code) && target.closest("button, a, summary, input") !== null
  );
}

/** Do what keys say.  A held key is done at most once a screen refresh.
 * @param {(action: string, event: KeyboardEvent) => void} perform */
export function listenToKeys(perform) {
  /** @type {{action: string, event: KeyboardEvent} | null} */
  let held = null;
  addEventListener("keydown", (event) => {
    const row = rowOf(event);
    if (!row || event.isComposing || typesInto(event.target, event.code)) return;
    event.preventDefault();
    if (!event.repeat) return perform(row.action, event);
    if (!row.repeats) return;
    if (!held)
      requestAnimationFrame(() => {
        const last = held;
        held = null;
        if (last) perform(last.action, last.event);
      });
    held = { action: row.action, event };
  });
}
