// Every key of the page, in one table.  Keys are places on the keyboard
// (`KeyboardEvent.code`), so that they are the same on every layout; `?` shows the table.

/**
 * @typedef {object} KeyRow
 * @property {string} action
 * @property {string[]} keys  with Shift, Ctrl (Command on a Mac) and Alt before them
 * @property {string} title
 * @property {string} group
 * @property {boolean} [repeats]  whether holding it does it again
 */

/** @param {string} group  @param {[string, string, string, boolean?][]} rows
 * @returns {KeyRow[]} */
const group = (group, rows) =>
  rows.map(([action, keys, title, repeats = false]) => ({
    action,
    keys: keys.split(" "),
    title,
    group,
    repeats,
  }));

export const KEYS = [
  ...group("Time", [
    ["next-frame", "ArrowRight", "Next frame", true],
    ["previous-frame", "ArrowLeft", "Previous frame", true],
    ["forward-ten", "Shift+ArrowRight", "Ten frames on", true],
    ["back-ten", "Shift+ArrowLeft", "Ten frames back", true],
    ["first-frame", "Home", "First frame"],
    ["last-frame", "End", "Last frame"],
    ["next-anchor", "BracketRight", "Next anchor of the object", true],
    ["previous-anchor", "BracketLeft", "Previous anchor of the object", true],
    ["next-risk", "Period", "Next risky frame", true],
    ["previous-risk", "Comma", "Previous risky frame", true],
    ["play", "Space", "Play or pause"],
    ["mark-span", "KeyQ", "Mark a span: begin, end, clear"],
  ]),
  ...group("Tools", [
    ["tool-point", "KeyP", "Point (Alt or right: not this)"],
    ["tool-box", "KeyR", "Box"],
    ["tool-scribble", "KeyS", "Scribble (Alt: not this)"],
    ["tool-brush", "KeyB", "Brush (Alt: erase)"],
    ["tool-eraser", "KeyE", "Eraser"],
    ["tool-polygon", "KeyG", "Polygon"],
    ["tool-words", "KeyW", "Words"],
    ["tool-exemplar", "KeyX", "Exemplar"],
    ["larger", "Equal", "Larger mask of the clicks"],
    ["smaller", "Minus", "Smaller mask of the clicks"],
    ["brush-larger", "Shift+BracketRight", "Larger brush", true],
    ["brush-smaller", "Shift+BracketLeft", "Smaller brush", true],
    ["clear-prompts", "Delete", "Remove prompts on this frame"],
    ["cancel", "Escape", "Cancel what is drawn or tracked"],
  ]),
  ...group("Without a mouse", [
    ["cross-up", "KeyI", "Crosshair up (Shift: fine)", true],
    ["cross-left", "KeyJ", "Crosshair left", true],
    ["cross-down", "KeyK", "Crosshair down", true],
    ["cross-right", "KeyL", "Crosshair right", true],
    ["cross-press", "KeyU", "Press the tool at the crosshair"],
    ["cross-negative", "Alt+KeyU", "Press it as: not this"],
  ]),
  ...group("Objects", [
    ["new-object", "KeyN", "New object"],
    ...digits(),
    ["next-object", "ArrowDown", "Next object", true],
    ["previous-object", "ArrowUp", "Previous object", true],
    ["rename", "F2", "Name"],
    ["colour", "KeyC", "Colour"],
    ["hide", "KeyH", "Hide or show"],
    ["lock", "Shift+KeyH", "Lock or unlock"],
    ["solo", "KeyO", "Show this object alone"],
    ["absent", "KeyA", "Absent: marked span, or here"],
    ["split", "KeyT", "Split: another object from here"],
    ["merge", "KeyM", "Merge with another object"],
    ["delete-object", "Shift+Delete", "Delete the object"],
  ]),
  ...group("Propagate", [
    ["propagate-forward", "KeyF", "Propagate forward"],
    ["propagate-backward", "Shift+KeyF", "Propagate backward"],
    ["propagate-both", "KeyV", "Propagate both ways"],
    ["propagate-scope", "Shift+KeyV", "One object or all"],
    ["undo", "Ctrl+KeyZ", "Undo", true],
    ["redo", "Ctrl+Shift+KeyZ Ctrl+KeyY", "Redo", true],
  ]),
  ...group("Review", [
    ["review-next", "Quote", "Next risky span"],
    ["accept", "Enter", "Accept the span or what is offered"],
    ["fix", "Ctrl+Enter", "Fix: go to its worst frame"],
    ["skip", "Shift+Enter", "Skip the risky span"],
    ["statistics", "Shift+KeyS", "Statistics"],
  ]),
  ...group("View", [
    ["zoom-in", "KeyZ", "Zoom in (or the wheel)", true],
    ["zoom-out", "Shift+KeyZ", "Zoom out", true],
    ["fit", "Digit0", "Fit (Space and drag: pan)"],
    ["theme", "Shift+KeyD", "Light or dark"],
    ["export", "Ctrl+KeyE", "Export, report, import"],
    ["takeover", "Shift+KeyT", "Write here, not in the other tab"],
    ["help", "Shift+Slash F1", "This table"],
  ]),
];

/** @returns {[string, string, string][]} */
function digits() {
  return Array.from({ length: 9 }, (_, i) => [
    `object-${i + 1}`,
    `Digit${i + 1}`,
    `Object ${i + 1} of the list`,
  ]);
}

const BY_KEY = new Map(KEYS.flatMap((row) => row.keys.map((key) => [key, row])));

/** The row of what was pressed.  @param {KeyboardEvent} event */
export function rowOf(event) {
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const key = `${event.shiftKey ? "Shift+" : ""}${event.altKey ? "Alt+" : ""}${event.code}`;
  const exact = BY_KEY.get(control + key);
  // Crosshair keys take Shift as a finer step.
  const plain = control || event.altKey ? undefined : BY_KEY.get(event.code);
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

/** @param {string} action */
export function keyOf(action) {
  const row = KEYS.find((each) => each.action === action);
  return row ? keyName(/** @type {string} */ (row.keys[0])) : "";
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
