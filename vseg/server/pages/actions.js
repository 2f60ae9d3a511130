// What every action of the key table does.

import { showExport } from "./file-dialog.js";
import { showStatistics } from "./statistics-dialog.js";
import { showKeys } from "./key-dialog.js";
import { seekAnchor, seekRisk } from "./navigation.js";
import { askColour, askDelete, askMerge, askName } from "./object-dialogs.js";
import { flip } from "./object-list.js";
import { markedFrames, toggleSound } from "./state.js";
import { toggleTheme } from "./theme.js";
import { toast } from "./toasts.js";
import { resizeBrush } from "./tools.js";
import { markSpan, propagate } from "./transport.js";
import { showZoneEvents } from "./zone-dialogs.js";

/**
 * @typedef {object} Page  the parts of the page
 * @property {import("./annotator.js").Annotator} annotator
 * @property {import("./stage.js").Stage} stage
 * @property {import("./playback.js").Playback} playback
 * @property {import("./review.js").Review} review
 * @property {import("./lanes.js").Lanes} lanes
 * @property {() => import("./tool.js").Tool} tool
 */

/** @typedef {(page: Page, event: {shiftKey: boolean}) => unknown} Action */

/** @param {number} frames  @returns {Action} */
const go =
  (frames) =>
  ({ annotator, playback }) => {
    playback.stop();
    annotator.seek(annotator.state.frame + frames);
  };

/** @param {1 | -1} way  @returns {Action} */
const another =
  (way) =>
  ({ annotator }) => {
    const ids = annotator.state.objects.map(({ id }) => id);
    const at = ids.findIndex((id) => id === annotator.state.selected);
    const next = at < 0 ? (way > 0 ? 0 : ids.length - 1) : at + way;
    annotator.select(ids[Math.min(Math.max(next, 0), ids.length - 1)] ?? null);
  };

/** @param {number} dx  @param {number} dy  @returns {Action} */
const cross =
  (dx, dy) =>
  ({ stage }, { shiftKey }) =>
    stage.moveCross(dx, dy, shiftKey);

/** @param {string} tool  @returns {Action} */
const choose =
  (tool) =>
  ({ annotator, stage }) => {
    stage.cancel();
    annotator.preview.clear();
    annotator.store.set({ tool, alternatives: null });
  };

/** @param {Page} page  @param {"hidden" | "locked"} what */
function flipSelected({ annotator }, what) {
  if (annotator.state.selected !== null) flip(annotator, what, annotator.state.selected);
}

/** @param {Page} page */
function cancel({ annotator, stage }) {
  const { alternatives, running, span, solo } = annotator.state;
  if (stage.cancel()) return;
  if (alternatives) annotator.store.set({ alternatives: null });
  else if (running) void annotator.ask("cancel", {});
  else if (span) annotator.store.set({ span: null });
  else if (solo !== null) annotator.store.set({ solo: null });
}

/** Ask for the other masks of the clicks here, or go to the next one.
 * @param {Page} page  @param {1 | -1} way */
async function alternative({ annotator, stage }, way) {
  const { alternatives, selected, shown } = annotator.state;
  if (selected === null) return toast("Click on something first");
  if (alternatives) return step(annotator, way);
  const answer = await annotator.ask("alternatives", { object: selected, frame: shown });
  if (!answer?.alternatives.length) return toast("The clicks here have no other mask");
  const choices = answer.alternatives;
  const smaller = choices.filter(({ kind }) => kind === "smaller").length;
  // Between the smaller and the larger ones is the mask that is shown.
  annotator.store.set({ alternatives: { choices, index: way > 0 ? smaller - 1 : smaller } });
  step(annotator, way);
  stage.draw({ frame: false });
}

/** @param {import("./annotator.js").Annotator} annotator  @param {1 | -1} way */
function step({ store }, way) {
  const { alternatives } = store.state;
  if (!alternatives) return;
  const { choices, index } = alternatives;
  const next = Math.min(Math.max(index + way, 0), choices.length - 1);
  store.set({ alternatives: { choices, index: next } });
}

/** Take what the tool or the alternatives offer, or accept the span under review.
 * @param {Page} page */
async function accept({ annotator, stage, tool, review }) {
  const { alternatives } = annotator.state;
  const chosen = alternatives?.choices[alternatives.index];
  if (chosen) return annotator.prompt({ kind: "mask", crop: chosen.crop });
  if (tool().accept()) return stage.draw({ frame: false });
  if (!(await review.accept()))
    toast("Nothing to accept", { hint: "' gets the next risky span" });
}

/** @param {Page} page */
function markAbsent({ annotator }) {
  const { selected, shown } = annotator.state;
  if (selected === null) return toast("Select an object first");
  const frames = markedFrames(annotator.state) ?? { first: shown, end: shown + 1 };
  annotator.store.set({ span: null });
  return annotator.edit({ kind: "absent", object: selected, ...frames });
}

/** @param {Page} page */
async function split({ annotator }) {
  const { selected, shown } = annotator.state;
  if (selected === null) return toast("Select an object first");
  const answer = await annotator.edit({ kind: "split", object: selected, at: shown });
  if (answer?.object) annotator.select(answer.object);
}

/** @param {Page} page */
function clearPrompts({ annotator }) {
  const { selected, shown, pending } = annotator.state;
  const here = pending.some(({ object, frame }) => object === selected && frame === shown);
  if (selected === null || !here) return toast("No prompts that wait on this frame");
  if (annotator.may())
    return annotator.ask("remove_prompts", { object: selected, frame: shown });
}

/** @type {Record<string, Action>} */
export const ACTIONS = {
  "next-frame": go(1),
  "previous-frame": go(-1),
  "forward-ten": go(10),
  "back-ten": go(-10),
  "first-frame": go(-Infinity),
  "last-frame": go(Infinity),
  "next-anchor": ({ annotator }) => seekAnchor(annotator, 1),
  "previous-anchor": ({ annotator }) => seekAnchor(annotator, -1),
  "next-risk": ({ annotator }) => seekRisk(annotator, 1),
  "previous-risk": ({ annotator }) => seekRisk(annotator, -1),
  play: ({ playback }) => playback.toggle(),
  sound: ({ annotator }) => toggleSound(annotator.store),
  "mark-span": ({ annotator }) => markSpan(annotator),
  "tool-point": choose("point"),
  "tool-box": choose("box"),
  "tool-scribble": choose("scribble"),
  "tool-brush": choose("brush"),
  "tool-eraser": choose("eraser"),
  "tool-polygon": choose("polygon"),
  "tool-words": choose("words"),
  "tool-exemplar": choose("exemplar"),
  "tool-zone": choose("zone"),
  "tool-line": choose("line"),
  "zone-events": ({ annotator }) => showZoneEvents(annotator),
  larger: (page) => alternative(page, 1),
  smaller: (page) => alternative(page, -1),
  "brush-larger": ({ annotator }) => resizeBrush(annotator, 1),
  "brush-smaller": ({ annotator }) => resizeBrush(annotator, -1),
  "clear-prompts": clearPrompts,
  cancel,
  "cancel-propagation": ({ annotator }) => annotator.ask("cancel", {}),
  "cross-up": cross(0, -1),
  "cross-left": cross(-1, 0),
  "cross-down": cross(0, 1),
  "cross-right": cross(1, 0),
  "cross-press": ({ stage }) => stage.pressCross(true),
  "cross-negative": ({ stage }) => stage.pressCross(false),
  "new-object": ({ annotator }) => annotator.select(null),
  "next-object": another(1),
  "previous-object": another(-1),
  rename: ({ annotator }) => askName(annotator),
  colour: ({ annotator }) => askColour(annotator),
  hide: (page) => flipSelected(page, "hidden"),
  lock: (page) => flipSelected(page, "locked"),
  solo: ({ annotator: { store } }) => {
    const { solo, selected } = store.state;
    store.set({ solo: solo === selected ? null : selected });
  },
  absent: markAbsent,
  split,
  merge: ({ annotator }) => askMerge(annotator),
  "delete-object": ({ annotator }) => askDelete(annotator),
  "propagate-forward": ({ annotator }) => propagate(annotator, "forward"),
  "propagate-backward": ({ annotator }) => propagate(annotator, "backward"),
  "propagate-both": ({ annotator }) => propagate(annotator, "both"),
  "propagate-scope": ({ annotator: { store } }) =>
    store.set({ scope: store.state.scope === "one" ? "all" : "one" }),
  undo: ({ annotator }) => annotator.step("undo"),
  redo: ({ annotator }) => annotator.step("redo"),
  "review-next": ({ review }) => review.next(),
  accept,
  fix: ({ review }) => review.fix(),
  skip: ({ review }) => review.skip(),
  "review-everywhere": ({ review }) => review.toggleEverywhere(),
  statistics: ({ annotator }) => showStatistics(annotator),
  "zoom-in": ({ stage }) => stage.zoom(1),
  "zoom-out": ({ stage }) => stage.zoom(-1),
  "lanes-closer": ({ lanes }) => lanes.zoom(1),
  "lanes-farther": ({ lanes }) => lanes.zoom(-1),
  fit: ({ stage }) => stage.fit(),
  theme: toggleTheme,
  export: ({ annotator }) => showExport(annotator),
  takeover: ({ annotator }) => annotator.ask("takeover", {}),
  help: showKeys,
};
for (let i = 1; i <= 9; i++) {
  ACTIONS[`object-${i}`] = ({ annotator }) => {
    const object = annotator.state.objects[i - 1];
    if (object) annotator.select(object.id);
  };
}
