// What every tool of the stage has; the base does nothing.

/** @typedef {import("./viewport.js").XY} XY */

export class Tool {
  /** Whether it is pressed, moved and released; others act when pressed. */
  drags = false;
  cursor = "crosshair";
  hint = "";

  /** @param {import("./annotator.js").Annotator} annotator */
  constructor(annotator) {
    this.annotator = annotator;
  }

  get state() {
    return this.annotator.state;
  }

  /** Pressed at a corner of the frame.  @param {XY} _at  @param {boolean} _positive */
  press(_at, _positive) {}

  /** Moved while pressed.  @param {XY} _at */
  move(_at) {}

  release() {}

  /** Moved without being pressed; null: off the frame.
   * @param {XY | null} _at  @param {boolean} _positive */
  hover(_at, _positive) {}

  /** @returns {boolean} whether there was anything to cancel */
  cancel() {
    return false;
  }

  /** Finish what is being drawn.  @returns {boolean} whether there was anything */
  accept() {
    return false;
  }

  /** Do an action of the key table in its own way.  @param {string} _action
   * @returns {boolean} whether it did */
  act(_action) {
    return false;
  }

  /** Draw over the masks, in frame pixels.  @param {CanvasRenderingContext2D} _context
   * @param {number} _px  a CSS pixel in frame pixels */
  draw(_context, _px) {}

  /** The object that is being painted and whose stored mask is not to be drawn.
   * @returns {number | null | undefined} null: a new one; undefined: none */
  get paints() {
    return undefined;
  }
}

/** A corner of the frame as a point of a prompt, to a tenth of a pixel, on the frame.
 * @param {XY} at  @param {{width: number, height: number}} frame
 * @returns {[number, number]} */
export function pointAt(at, { width, height }) {
  const within = (/** @type {number} */ value, /** @type {number} */ size) =>
    Math.round(10 * Math.min(Math.max(value - 0.5, 0), size - 1)) / 10;
  return [within(at.x, width), within(at.y, height)];
}

/** The box between two corners; null where it has no area.
 * @param {XY} a  @param {XY} b  @returns {[number, number, number, number] | null} */
export function boxBetween(a, b) {
  const [x1, x2] = [Math.min(a.x, b.x), Math.max(a.x, b.x)].map(Math.round);
  const [y1, y2] = [Math.min(a.y, b.y), Math.max(a.y, b.y)].map(Math.round);
  if (x1 === undefined || x2 === undefined || y1 === undefined || y2 === undefined)
    return null;
  return x2 - x1 >= 2 && y2 - y1 >= 2 ? [x1, y1, x2, y2] : null;
}
