// Draws the frame, the masks over it, and the prompts over these.

import { DrawnMask } from "./mask-cache.js";
import { ACCEPTED, PENDING, PRESENT } from "./masks.js";
import { drawMarks } from "./marks.js";
import { objectOf, shows } from "./state.js";

/** @typedef {import("./annotator.js").Annotator} Annotator */
/** @typedef {import("./viewport.js").Viewport} Viewport */

/** The colour of an object that is not known yet. */
const NEW_COLOUR = "#00c2ff";

/** Make the canvas as large as it shows, in the screen's own pixels.
 * @param {HTMLCanvasElement} canvas  @param {number} width  @param {number} height
 * @returns {CanvasRenderingContext2D} with CSS pixels as units, cleared */
export function prepared(canvas, width, height) {
  const ratio = devicePixelRatio;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** @param {HTMLCanvasElement} canvas  @param {Viewport} viewport
 * @param {ImageBitmap | null} image */
export function paintFrame(canvas, viewport, image) {
  const { stage, scale, left, top, frame } = viewport;
  const context = prepared(canvas, stage.width, stage.height);
  if (!image) return;
  // Pixels are shown as they are once they are large.
  context.imageSmoothingEnabled = scale < 3;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, left, top, frame.width * scale, frame.height * scale);
}

/** Draw masks, prompts and what the tool shows.
 * @param {HTMLCanvasElement} canvas  @param {Viewport} viewport
 * @param {Annotator} annotator  @param {import("./tool.js").Tool} tool
 * @returns {number} which of all masks that came is the newest one drawn */
export function paintOverlay(canvas, viewport, annotator, tool) {
  const { stage, scale, left, top, frame } = viewport;
  const context = prepared(canvas, stage.width, stage.height);
  context.translate(left, top);
  context.scale(scale, scale);
  context.save();
  context.beginPath();
  context.rect(0, 0, frame.width, frame.height);
  context.clip();
  context.imageSmoothingEnabled = scale < 1;
  const newest = paintMasks(context, annotator, tool.paints, 1 / scale);
  context.restore();
  paintPending(context, annotator, 1 / scale);
  tool.draw(context, 1 / scale);
  const { cross } = annotator.state;
  if (cross) paintCross(context, cross, 1 / scale);
  return newest;
}

/** @param {CanvasRenderingContext2D} context  @param {Annotator} annotator
 * @param {number | null | undefined} painted  an object that the tool draws itself
 * @param {number} px */
function paintMasks(context, annotator, painted, px) {
  const { state, masks, preview } = annotator;
  let newest = 0;
  for (const [id, drawn] of masks.get(state.shown)) {
    newest = Math.max(newest, drawn.order);
    if (id === painted || !shows(state, id) || !(drawn.mask.flags & PRESENT)) continue;
    const colour = objectOf(state, id)?.colour ?? NEW_COLOUR;
    paintMask(context, drawn, colour, id === state.selected, px);
  }
  const offered = alternativeOf(state);
  if (offered) paintPreview(context, offered, px);
  else if (preview.drawn?.mask.frame === state.shown) paintPreview(context, preview.drawn, px);
  return newest;
}

/** Masks of alternatives, drawn once each.
 * @type {WeakMap<import("./wire.js").Alternative, DrawnMask>} */
const ALTERNATIVES = new WeakMap();

/** The alternative that is offered.  @param {import("./state.js").State} state */
function alternativeOf({ alternatives, shown, selected }) {
  const chosen = alternatives?.choices[alternatives.index];
  if (!chosen || selected === null) return null;
  const known = ALTERNATIVES.get(chosen);
  if (known) return known;
  const { x, y, w: width, h: height, runs } = chosen.crop;
  const drawn = new DrawnMask(
    {
      seq: 0,
      frame: shown,
      object: selected,
      flags: PRESENT,
      score: chosen.score,
      x,
      y,
      width,
      height,
      runs: Uint32Array.from(runs),
    },
    0,
  );
  ALTERNATIVES.set(chosen, drawn);
  return drawn;
}

/** @param {CanvasRenderingContext2D} context  @param {DrawnMask} drawn
 * @param {string} colour  @param {boolean} selected  @param {number} px */
function paintMask(context, drawn, colour, selected, px) {
  const { mask } = drawn;
  context.globalAlpha = selected ? 0.45 : 0.32;
  context.drawImage(drawn.fill(colour), mask.x, mask.y);
  context.globalAlpha = 1;
  context.lineCap = "square";
  context.lineWidth = (selected ? 3 : 2.25) * px;
  context.strokeStyle = "rgb(0 0 0 / 0.4)";
  context.stroke(drawn.outline);
  context.lineWidth = (selected ? 2 : 1.25) * px;
  context.strokeStyle = mask.flags & ACCEPTED && !(mask.flags & PENDING) ? "#fff" : colour;
  context.stroke(drawn.outline);
}

/** @param {CanvasRenderingContext2D} context  @param {DrawnMask} drawn  @param {number} px */
function paintPreview(context, drawn, px) {
  context.lineCap = "butt";
  context.setLineDash([5 * px, 3 * px]);
  context.lineWidth = 1.5 * px;
  context.strokeStyle = "#fff";
  context.globalAlpha = 0.22;
  context.drawImage(drawn.fill("#ffffff"), drawn.mask.x, drawn.mask.y);
  context.globalAlpha = 1;
  context.stroke(drawn.outline);
  context.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} context  @param {Annotator} annotator
 * @param {number} px */
function paintPending(context, { state }, px) {
  for (const { object, frame, prompt } of state.pending) {
    if (frame !== state.shown || !prompt || !shows(state, object)) continue;
    context.globalAlpha = object === state.selected ? 1 : 0.5;
    drawMarks(context, prompt, px);
  }
  context.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} context  @param {import("./viewport.js").XY} at
 * @param {number} px */
function paintCross(context, { x, y }, px) {
  const path = new Path2D();
  for (const [dx, dy] of [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
  ]) {
    path.moveTo(x + 4 * px * (dx ?? 0), y + 4 * px * (dy ?? 0));
    path.lineTo(x + 18 * px * (dx ?? 0), y + 18 * px * (dy ?? 0));
  }
  context.lineCap = "round";
  context.lineWidth = 4 * px;
  context.strokeStyle = "rgb(0 0 0 / 0.7)";
  context.stroke(path);
  context.lineWidth = 1.5 * px;
  context.strokeStyle = "#fff";
  context.stroke(path);
}
