// Tools of places: point, box, scribble, polygon.

import { boxBetween, pointAt, Tool } from "./tool.js";
import { drawMarks } from "./marks.js";

/** @typedef {import("./viewport.js").XY} XY */

export class PointTool extends Tool {
  hint = "Click what belongs to the object; right click or Alt: what does not";

  /** @override @param {XY} at  @param {boolean} positive */
  press(at, positive) {
    const { clip } = this.state;
    if (!clip) return;
    this.#sent = { xy: [pointAt(at, clip)], positive: [positive] };
    void this.annotator
      .prompt({ kind: "points", xy: [pointAt(at, clip)], positive: [positive] })
      .finally(() => (this.#sent = null));
  }

  /** Clicks on their way: shown at once.
   * @type {{xy: [number, number][], positive: boolean[]} | null} */
  #sent = null;

  /** @override @param {XY | null} at  @param {boolean} positive */
  hover(at, positive) {
    const { clip } = this.state;
    if (at && clip) this.annotator.preview.at({ point: pointAt(at, clip), positive });
    else this.annotator.preview.clear();
  }

  /** @override @param {CanvasRenderingContext2D} context  @param {number} px */
  draw(context, px) {
    if (this.#sent) drawMarks(context, { kind: "points", ...this.#sent }, px);
  }
}

/** A tool that is pressed at one corner of a box and released at the other. */
export class BoxDrag extends Tool {
  drags = true;
  /** @type {[XY, XY] | null} */
  corners = null;

  /** @override @param {XY} at */
  press(at) {
    this.corners = [at, at];
  }

  /** @override @param {XY} at */
  move(at) {
    if (this.corners) this.corners = [this.corners[0], at];
  }

  /** @override */
  release() {
    const box = this.corners && boxBetween(...this.corners);
    this.corners = null;
    if (box) this.take(box);
  }

  /** @param {[number, number, number, number]} _box */
  take(_box) {}

  /** @override */
  cancel() {
    const was = this.corners !== null;
    this.corners = null;
    return was;
  }

  /** @override @param {CanvasRenderingContext2D} context  @param {number} px */
  draw(context, px) {
    const box = this.corners && boxBetween(...this.corners);
    if (box) drawMarks(context, { kind: "box", xyxy: box }, px);
  }
}

export class BoxTool extends BoxDrag {
  hint = "Drag a box around the object";

  /** @override @param {[number, number, number, number]} box */
  take(box) {
    void this.annotator.prompt({ kind: "box", xyxy: box });
  }
}

export class ScribbleTool extends Tool {
  drags = true;
  hint = "Draw a line inside the object; with Alt or the right button: beside it";
  /** @type {[number, number][]} */
  #line = [];
  #positive = true;

  /** @override @param {XY} at  @param {boolean} positive */
  press(at, positive) {
    this.#positive = positive;
    this.#line = [];
    this.move(at);
  }

  /** @override @param {XY} at */
  move(at) {
    const { clip } = this.state;
    if (!clip || this.#line.length >= MOST_POINTS) return;
    const [x, y] = pointAt(at, clip);
    const last = this.#line.at(-1);
    if (!last || Math.hypot(x - last[0], y - last[1]) >= 1) this.#line.push([x, y]);
  }

  /** @override */
  release() {
    const xy = this.#line;
    this.#line = [];
    if (xy.length) {
      void this.annotator.prompt({ kind: "scribble", xy, positive: this.#positive });
    }
  }

  /** @override */
  cancel() {
    const was = this.#line.length > 0;
    this.#line = [];
    return was;
  }

  /** @override @param {CanvasRenderingContext2D} context  @param {number} px */
  draw(context, px) {
    if (!this.#line.length) return;
    drawMarks(context, { kind: "scribble", xy: this.#line, positive: this.#positive }, px);
  }
}

/** Pairs that a prompt may hold. */
const MOST_POINTS = 4096;
/** CSS pixels around the first corner in which a click closes the polygon. */
export const CLOSES = 8;

export class PolygonTool extends Tool {
  hint = "Click the corners; Enter or a click on the first one closes it";
  /** @type {[number, number][]} */
  #ring = [];
  /** @type {XY | null} */
  #next = null;
  #px = 1;

  /** @override @param {XY} at */
  press(at) {
    const [first] = this.#ring;
    const closes = first && Math.hypot(at.x - first[0], at.y - first[1]) < CLOSES * this.#px;
    if (closes && this.#ring.length >= 3) this.accept();
    else this.#ring.push([Math.round(at.x), Math.round(at.y)]);
  }

  /** @override @param {XY | null} at */
  hover(at) {
    this.#next = at;
  }

  /** @override */
  accept() {
    if (this.#ring.length < 3) return false;
    void this.annotator.prompt({ kind: "polygon", rings: [this.#ring] });
    this.#ring = [];
    return true;
  }

  /** @override */
  cancel() {
    return this.#ring.pop() !== undefined;
  }

  /** @override @param {CanvasRenderingContext2D} context  @param {number} px */
  draw(context, px) {
    this.#px = px;
    if (!this.#ring.length) return;
    const next = this.#next ? [[this.#next.x, this.#next.y]] : [];
    const ring = /** @type {[number, number][]} */ ([...this.#ring, ...next]);
    drawMarks(context, { kind: "polygon", rings: [ring] }, px);
  }
}
