// Draws lanes: a row for each object, cells over time, marks on top.

import { titleOf } from "./state.js";

/** @typedef {import("./wire.js").LaneCells} LaneCells */
/** @typedef {import("./wire.js").ObjectState} ObjectState */

export const ROW = 22;
export const RULER = 20;
/** Where time begins: names of objects stand before it. */
export const GUTTER = 148;

/** How high a stretch of each state is drawn, and how opaque: more is surer. */
const LOOKS = new Map([
  [1, 0.38],
  [2, 0.7],
  [3, 1],
]);
const ABSENT = 4;
/** Least risk that is shown, in percent: what a review would list. */
export const LEAST_RISK = 30;

/**
 * @typedef {object} Axis
 * @property {number} first
 * @property {number} end
 * @property {number} width  CSS pixels of the whole canvas
 */

/** @param {Axis} axis  @param {number} frame  the left side of the frame */
export const xOf = ({ first, end, width }, frame) =>
  GUTTER + ((frame - first) / (end - first)) * (width - GUTTER - 8);

/** The frame at a place.  @param {Axis} axis  @param {number} x */
export const frameAt = ({ first, end, width }, x) =>
  first + ((x - GUTTER) / (width - GUTTER - 8)) * (end - first);

/** Colours of the theme.  @param {Element} element */
export function themeOf(element) {
  const style = getComputedStyle(element);
  const value = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  return {
    ink: value("--ink"),
    dim: value("--dim"),
    line: value("--line"),
    lane: value("--lane"),
    accent: value("--accent"),
    risk: value("--risk"),
    raised: value("--raised"),
    font: style.fontFamily,
  };
}

/** @typedef {ReturnType<typeof themeOf>} Theme */

/** @param {CanvasRenderingContext2D} context  @param {Axis} axis  @param {Theme} theme
 * @param {number} height */
export function paintRuler(context, axis, theme, height) {
  const step = tickStep((axis.end - axis.first) / ((axis.width - GUTTER) / 80));
  context.font = `11px ${theme.font}`;
  context.textBaseline = "middle";
  for (let frame = Math.ceil(axis.first / step) * step; frame < axis.end; frame += step) {
    const x = Math.round(xOf(axis, frame)) + 0.5;
    context.fillStyle = theme.line;
    context.fillRect(x, RULER - 4, 1, height);
    context.fillStyle = theme.dim;
    context.fillText(String(frame), x + 4, RULER / 2);
  }
}

/** One, two or five times a power of ten.  @param {number} least */
function tickStep(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return [1, 2, 5, 10].map((n) => n * power).find((step) => step >= least) ?? 1;
}

/** @param {CanvasRenderingContext2D} context  @param {Axis} axis  @param {Theme} theme
 * @param {number} y  @param {ObjectState} object  @param {boolean} selected */
export function paintName(context, axis, theme, y, object, selected) {
  if (selected) {
    context.fillStyle = theme.raised;
    context.fillRect(0, y, axis.width, ROW);
    context.fillStyle = theme.accent;
    context.fillRect(0, y + 3, 2, ROW - 6);
  }
  context.fillStyle = object.colour;
  context.beginPath();
  context.arc(16, y + ROW / 2, 4, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = selected ? theme.ink : theme.dim;
  context.font = `12px ${theme.font}`;
  context.textBaseline = "middle";
  context.fillText(shortened(context, titleOf(object), GUTTER - 44), 28, y + ROW / 2);
  context.fillStyle = theme.lane;
  context.fillRect(GUTTER, y + 6, axis.width - GUTTER - 8, ROW - 12);
}

/** @param {CanvasRenderingContext2D} context  @param {string} text  @param {number} width */
function shortened(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let length = text.length;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > width)
    length--;
  return `${text.slice(0, length)}…`;
}

/**
 * @typedef {object} Row
 * @property {CanvasRenderingContext2D} context
 * @property {Axis} axis  of the window
 * @property {Theme} theme
 * @property {number} y
 * @property {string} colour
 * @property {(cell: number) => number} cellX  where a cell begins
 */

/** @param {Row} row  @param {LaneCells} lane */
export function paintLane(row, lane) {
  const { context, theme, y, cellX } = row;
  context.save();
  context.beginPath();
  context.rect(GUTTER, y, row.axis.width - GUTTER - 8, ROW);
  context.clip();
  stretches(
    lane.states.length,
    (cell) => stateKey(lane, cell),
    (first, end, state) => {
      paintState(row, state, cellX(first), cellX(end));
    },
  );
  stretches(
    lane.risk.length,
    (cell) => riskKey(lane, cell),
    (first, end, risk) => {
      if (!risk) return;
      context.globalAlpha = 0.35 + 0.065 * risk;
      context.fillStyle = theme.risk;
      context.fillRect(cellX(first), y + ROW - 5, Math.max(2, cellX(end) - cellX(first)), 3);
    },
  );
  context.globalAlpha = 1;
  for (const [first, end] of lane.stale) paintStale(row, first, end);
  context.restore();
  // Beyond the clip: those of the first frame and the last stand half outside of the lane.
  for (const frame of lane.anchors) paintAnchor(row, frame, true);
  for (const frame of lane.pending) paintAnchor(row, frame, false);
}

/** A cell's state, 0 where the object is not seen.
 * @param {LaneCells} lane  @param {number} cell */
const stateKey = ({ states, visible }, cell) =>
  visible[cell] || states[cell] === ABSENT ? (states[cell] ?? 0) : 0;

/** Risk in tenths above what is not worth showing.
 * @param {LaneCells} lane  @param {number} cell */
const riskKey = ({ risk }, cell) => {
  const value = risk[cell] ?? -1;
  return value < LEAST_RISK ? 0 : Math.round(value / 10);
};

/** Neighbouring cells of one key.
 * @param {number} count  @param {(cell: number) => number} keyOf
 * @param {(first: number, end: number, key: number) => void} each */
function stretches(count, keyOf, each) {
  for (let first = 0; first < count;) {
    const key = keyOf(first);
    let end = first + 1;
    while (end < count && keyOf(end) === key) end++;
    each(first, end, key);
    first = end;
  }
}

/** @param {Row} row  @param {number} state  @param {number} left  @param {number} right */
function paintState({ context, theme, y, colour }, state, left, right) {
  if (state === ABSENT) {
    context.strokeStyle = theme.dim;
    context.lineWidth = 1;
    context.strokeRect(left + 0.5, y + 8.5, Math.max(1, right - left - 1), ROW - 17);
    return;
  }
  const alpha = LOOKS.get(state);
  if (!alpha) return;
  context.globalAlpha = alpha;
  context.fillStyle = colour;
  context.fillRect(left, y + 6, Math.max(1, right - left), ROW - 12);
  context.globalAlpha = 1;
  if (state === 3) {
    context.fillStyle = theme.ink;
    context.fillRect(left, y + 4, Math.max(1, right - left), 1.5);
  }
}

/** What will be tracked again: hatched.
 * @param {Row} row  @param {number} first  @param {number} end */
function paintStale({ context, axis, theme, y }, first, end) {
  const [left, right] = [
    Math.max(GUTTER, xOf(axis, first)),
    Math.min(axis.width, xOf(axis, end)),
  ];
  if (right <= left) return;
  context.save();
  context.beginPath();
  context.rect(left, y + 5, right - left, ROW - 10);
  context.clip();
  context.strokeStyle = theme.ink;
  context.globalAlpha = 0.55;
  context.lineWidth = 1.25;
  context.beginPath();
  for (let x = left - ROW; x < right; x += 6) {
    context.moveTo(x, y + ROW);
    context.lineTo(x + ROW, y);
  }
  context.stroke();
  context.restore();
}

/** A diamond: full where the object was prompted, hollow where the prompt waits.
 * @param {Row} row  @param {number} frame  @param {boolean} stored */
function paintAnchor({ context, axis, theme, y }, frame, stored) {
  const x = (xOf(axis, frame) + xOf(axis, frame + 1)) / 2;
  if (x < GUTTER || x > axis.width - 8) return;
  const middle = y + ROW / 2;
  context.beginPath();
  context.moveTo(x, middle - 5);
  context.lineTo(x + 5, middle);
  context.lineTo(x, middle + 5);
  context.lineTo(x - 5, middle);
  context.closePath();
  context.fillStyle = stored ? theme.ink : theme.raised;
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = stored ? theme.raised : theme.ink;
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context  @param {Axis} axis  @param {Theme} theme
 * @param {number} frame  @param {number} height */
export function paintPlayhead(context, axis, theme, frame, height) {
  const [left, right] = [xOf(axis, frame), xOf(axis, frame + 1)];
  if (right < GUTTER || left > axis.width) return;
  context.fillStyle = theme.accent;
  context.globalAlpha = 0.22;
  context.fillRect(left, RULER, Math.max(1, right - left), height);
  context.globalAlpha = 1;
  const x = (left + right) / 2;
  context.fillRect(x - 0.75, 4, 1.5, height);
  context.beginPath();
  context.roundRect(x - 5, 3, 10, 9, 2);
  context.fill();
}

/** @param {CanvasRenderingContext2D} context  @param {Axis} axis  @param {Theme} theme
 * @param {{first: number, end: number}} span  @param {number} height */
export function paintSpan(context, axis, theme, { first, end }, height) {
  const [left, right] = [Math.max(GUTTER, xOf(axis, first)), xOf(axis, end)];
  if (right <= left) return;
  context.fillStyle = theme.accent;
  context.globalAlpha = 0.12;
  context.fillRect(left, 0, right - left, height);
  context.globalAlpha = 1;
  context.fillRect(left, 0, 1.5, height);
  context.fillRect(right - 1.5, 0, 1.5, height);
}
