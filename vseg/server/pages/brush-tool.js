// Brush and eraser: the mask of the selected object is painted here, and sent as a whole.

import { rgbaOf } from "./mask-cache.js";
import { Raster } from "./raster.js";
import { objectOf } from "./state.js";
import { toast } from "./toasts.js";
import { Tool } from "./tool.js";

/** @typedef {import("./viewport.js").XY} XY */

/** The colour of an object that has none yet. */
const NEW_COLOUR = "#00c2ff";

/**
 * @typedef {object} Painting
 * @property {number | null} object
 * @property {number} frame
 * @property {Raster} raster
 * @property {OffscreenCanvas} canvas
 * @property {number} rgba
 * @property {0 | 1} value
 * @property {XY} last
 * @property {import("./mask-cache.js").DrawnMask | undefined} before
 * @property {boolean} sent
 */

export class BrushTool extends Tool {
  drags = true;
  cursor = "none";
  /** @type {Painting | null} */
  #painting = null;
  /** @type {XY | null} */
  #pointer = null;

  /** @param {import("./annotator.js").Annotator} annotator  @param {0 | 1} value */
  constructor(annotator, value) {
    super(annotator);
    this.value = value;
    this.hint = value
      ? "Paint what belongs to the object; Alt erases; Shift and the wheel: size"
      : "Erase what does not belong to the object; Shift and the wheel: size";
  }

  /** @override @param {XY} at  @param {boolean} positive */
  press(at, positive) {
    const { clip, selected: object, shown: frame } = this.state;
    if (!clip || !this.annotator.may()) return;
    const before = object === null ? undefined : this.annotator.masks.get(frame).get(object);
    const raster = new Raster(clip.width, clip.height);
    if (before) raster.add(before.mask);
    const value = positive ? this.value : /** @type {0 | 1} */ (1 - this.value);
    const rgba = rgbaOf(objectOf(this.state, object)?.colour ?? NEW_COLOUR);
    const canvas = new OffscreenCanvas(clip.width, clip.height);
    this.#painting = {
      object,
      frame,
      raster,
      canvas,
      rgba,
      value,
      last: at,
      before,
      sent: false,
    };
    this.#paint({ x: 0, y: 0, width: clip.width, height: clip.height });
    this.move(at);
  }

  /** @override @param {XY} at */
  move(at) {
    this.#pointer = at;
    const painting = this.#painting;
    if (!painting || painting.sent) return;
    this.#paint(painting.raster.stroke(painting.last, at, this.state.radius, painting.value));
    painting.last = at;
  }

  /** @override */
  release() {
    const painting = this.#painting;
    if (!painting || painting.sent) return;
    const rect = painting.raster.bounds();
    if (!rect) {
      this.#painting = null;
      toast("Nothing is left of the mask", { hint: "A says that the object is absent here" });
      return;
    }
    painting.sent = true;
    const { x, y, width: w, height: h } = rect;
    const crop = { x, y, w, h, runs: painting.raster.runs(rect) };
    void this.annotator.prompt({ kind: "mask", crop }).then((taken) => {
      if (!taken && this.#painting === painting) this.#painting = null;
      this.annotator.onMasks();
    });
  }

  /** @override @param {XY | null} at */
  hover(at) {
    this.#pointer = at;
  }

  /** @override */
  cancel() {
    const was = this.#painting !== null;
    this.#painting = null;
    return was;
  }

  /** @override */
  get paints() {
    const painting = this.#painting;
    if (!painting || painting.frame !== this.state.shown) return undefined;
    if (painting.sent) {
      const object = painting.object ?? this.state.selected;
      const now =
        object === null ? undefined : this.annotator.masks.get(painting.frame).get(object);
      // The server's mask has come: it is drawn from now on.
      if (now !== painting.before) this.#painting = null;
    }
    return this.#painting ? painting.object : undefined;
  }

  /** @override @param {CanvasRenderingContext2D} context  @param {number} px */
  draw(context, px) {
    const painting = this.#painting;
    if (painting && painting.frame === this.state.shown) {
      context.globalAlpha = 0.5;
      context.drawImage(painting.canvas, 0, 0);
      context.globalAlpha = 1;
    }
    if (this.#pointer) this.#drawPointer(context, this.#pointer, px);
  }

  /** @param {CanvasRenderingContext2D} context  @param {XY} at  @param {number} px */
  #drawPointer(context, at, px) {
    context.beginPath();
    context.arc(at.x, at.y, this.state.radius, 0, 2 * Math.PI);
    context.lineWidth = 3 * px;
    context.strokeStyle = "rgb(0 0 0 / 0.6)";
    context.stroke();
    context.lineWidth = 1.25 * px;
    context.strokeStyle = "#fff";
    context.stroke();
  }

  /** Copy pixels of the raster to the canvas.  @param {import("./raster.js").Rect} rect */
  #paint(rect) {
    const painting = this.#painting;
    if (!painting || !rect.width || !rect.height) return;
    const image = new ImageData(rect.width, rect.height);
    const pixels = new Uint32Array(image.data.buffer);
    const { raster, rgba } = painting;
    for (let y = 0; y < rect.height; y++) {
      const from = (rect.y + y) * raster.width + rect.x;
      for (let x = 0; x < rect.width; x++) {
        if (raster.pixels[from + x]) pixels[y * rect.width + x] = rgba;
      }
    }
    painting.canvas.getContext("2d")?.putImageData(image, rect.x, rect.y);
  }
}
