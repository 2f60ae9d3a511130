// Every action that has a key, in one table, with the keys that it begins with.  Keys are
// places on the keyboard (`KeyboardEvent.code`), so that they are the same on every layout;
// `?` shows the table, where each can be given another key.

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
    ["sound", "Shift+KeyM", "Sound on or off"],
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
    ["tool-zone", "KeyD", "Zone (F2: settings)"],
    ["tool-line", "KeyY", "Counting line (F2: settings)"],
    ["zone-events", "Shift+KeyY", "Events of zones and lines"],
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
    ["review-everywhere", "Shift+Quote", "This run or all of the folder"],
    ["statistics", "Shift+KeyS", "Statistics"],
  ]),
  ...group("View", [
    ["zoom-in", "KeyZ", "Zoom in (or the wheel)", true],
    ["zoom-out", "Shift+KeyZ", "Zoom out", true],
    ["lanes-closer", "Shift+Equal", "Lanes closer (or the wheel)", true],
    ["lanes-farther", "Shift+Minus", "Lanes farther", true],
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
