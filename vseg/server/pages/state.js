// What the page knows: the clip as the server tells it, and how this page shows it.

import { Store } from "./store.js";

/** @typedef {import("./wire.js").AnnotationState} AnnotationState */
/** @typedef {import("./wire.js").ObjectState} ObjectState */
/** @typedef {import("./viewport.js").XY} XY */

/** Where the browser keeps that playback is to be silent. */
const MUTED = "vseg-muted";

/** Frames [first, end); `end` is null until the second key press.
 * @typedef {{first: number, end: number | null}} MarkedSpan */

/** A zone or a line of the run's file.
 * @typedef {{kind: "zone" | "line", index: number}} ZonePlace */

/**
 * @typedef {object} State
 * @property {AnnotationState | null} clip  as it was when it opened; what changes is below
 * @property {number} revision
 * @property {ObjectState[]} objects
 * @property {import("./wire.js").PendingMark[]} pending
 * @property {import("./wire.js").Span[]} stale
 * @property {import("./wire.js").StepTitle | null} undo
 * @property {import("./wire.js").StepTitle | null} redo
 * @property {import("./wire.js").RunningPropagation | null} running
 * @property {import("./wire.js").LeaseState | null} lease
 * @property {"opening" | "open" | "lost" | "refused"} connection
 * @property {string} why  the connection was refused
 * @property {number} frame  where the user is going
 * @property {number} shown  whose image is on the stage; prompts are for this one
 * @property {1 | -1} direction
 * @property {boolean} playing
 * @property {{shown: number, dropped: number, waited: number}} played  since playback began:
 *   frames shown and left out, and milliseconds that it stood still
 * @property {boolean} muted  no sound in playback
 * @property {number | null} selected  null: the next prompt makes a new object
 * @property {string} tool
 * @property {ReadonlySet<number>} hidden
 * @property {ReadonlySet<number>} locked
 * @property {number | null} solo
 * @property {number} radius  of the brush, in frame pixels
 * @property {XY | null} cross  the crosshair of the keyboard, a corner of the frame
 * @property {{choices: import("./wire.js").Alternative[], index: number} | null} alternatives
 * @property {import("./wire.js").ZoneFile | null} zones  null: not read
 * @property {ZonePlace | null} zone  the one that is selected
 * @property {MarkedSpan | null} span
 * @property {"one" | "all"} scope  of a propagation
 * @property {{first: number, end: number}} window  frames that the lanes show
 * @property {import("./wire.js").LanesAnswer | null} lanes
 * @property {import("./wire.js").ReviewAnswer | null} review
 * @property {boolean} everywhere  whether all runs of the folder are reviewed
 */

/** @returns {Store<State>} */
export const newStore = () =>
  new Store(
    /** @type {State} */ ({
      clip: null,
      revision: 0,
      objects: [],
      pending: [],
      stale: [],
      undo: null,
      redo: null,
      running: null,
      lease: null,
      connection: "opening",
      why: "",
      frame: 0,
      shown: -1,
      direction: 1,
      playing: false,
      played: { shown: 0, dropped: 0, waited: 0 },
      muted: localStorage.getItem(MUTED) !== null,
      selected: null,
      tool: "point",
      hidden: new Set(),
      locked: new Set(),
      solo: null,
      radius: 12,
      cross: null,
      alternatives: null,
      zones: null,
      zone: null,
      span: null,
      scope: "all",
      window: { first: 0, end: 1 },
      lanes: null,
      review: null,
      everywhere: false,
    }),
  );

/** Sound on or off, from now on in this browser.  @param {Store<State>} store */
export function toggleSound(store) {
  const muted = !store.state.muted;
  if (muted) localStorage.setItem(MUTED, "");
  else localStorage.removeItem(MUTED);
  store.set({ muted });
}

/** @param {State} state  @param {number} id */
export const shows = (state, id) =>
  state.solo === null ? !state.hidden.has(id) : state.solo === id;

/** @param {State} state  @param {number | null} id */
export const objectOf = (state, id) =>
  state.objects.find((object) => object.id === id) ?? null;

/** @param {Pick<ObjectState, "id" | "label" | "name">} object */
export const titleOf = ({ id, label, name }) => name ?? label ?? `Object ${id}`;

/** The title of an object by its id.  @param {State} state  @param {number} id */
export const nameOf = (state, id) =>
  titleOf(objectOf(state, id) ?? { id, label: null, name: null });

/** @param {State} state */
export const mayWrite = ({ connection, lease }) =>
  connection === "open" && lease?.mode === "write";

/** The marked span as frames [first, end), if both ends are marked.  @param {State} state */
export function markedFrames({ span }) {
  return span && span.end !== null ? { first: span.first, end: span.end } : null;
}

/** Frames back in one step beyond which the user has jumped, and goes on in either direction:
 * forward is read ahead then, which costs least. */
const JUMP = 10;

/** The direction of travel after a step.
 * @param {number} step  @param {1 | -1} before  @returns {1 | -1} */
export function wayOf(step, before) {
  if (step === 0) return before;
  return step < 0 && step >= -JUMP ? -1 : 1;
}
