// Exemplar: an object like the one in a box, of a frame of the clip or of an image file.

import { BoxDrag } from "./click-tools.js";
import { drawMarks } from "./marks.js";
import { toast } from "./toasts.js";

/** @typedef {[number, number, number, number]} Box */
/** Where the example is: a frame of the clip.
 * @typedef {{frame: number, box: Box}} Region */

export class ExemplarTool extends BoxDrag {
  hint = "Drag a box around an example, go to another frame, and press Enter to find it there";
  /** @type {Region | null} */
  #region = null;

  /** @override @param {Box} box */
  take(box) {
    this.#region = { frame: this.state.shown, box };
    toast("Example taken: go to a frame and press Enter");
  }

  /** @override */
  accept() {
    if (!this.#region) return false;
    const { frame, box } = this.#region;
    if (frame === this.state.shown) {
      void this.annotator.prompt({ kind: "box", xyxy: box });
    } else void this.annotator.prompt({ kind: "exemplar", xyxy: box, frame });
    return true;
  }

  /** @override */
  cancel() {
    const was = super.cancel() || this.#region !== null;
    this.#region = null;
    return was;
  }

  /** @override @param {CanvasRenderingContext2D} context  @param {number} px */
  draw(context, px) {
    super.draw(context, px);
    if (this.#region?.frame === this.state.shown) {
      drawMarks(context, { kind: "box", xyxy: this.#region.box }, px);
    }
  }
}
