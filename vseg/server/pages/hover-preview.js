// The mask that a click at the pointer would give: one question at a time, the newest only.

import { DrawnMask } from "./mask-cache.js";
import { mayWrite } from "./state.js";

/** @typedef {{point: [number, number], positive: boolean}} Place */

export class HoverPreview {
  /** @type {DrawnMask | null} */
  drawn = null;
  #hovering = false;
  #asking = false;
  /** @type {Place | null} */
  #next = null;
  #at = "";

  /** @param {import("./annotator.js").Annotator} annotator */
  constructor(annotator) {
    this.annotator = annotator;
  }

  /** The pointer is at a place of the frame that is shown.  @param {Place} place */
  at(place) {
    const { state } = this.annotator;
    if (state.running || state.playing) return this.clear();
    const at = `${state.shown} ${state.selected} ${place.point} ${place.positive}`;
    // A pointer that rests is told of as moving, too.
    if (at === this.#at) return;
    this.#at = at;
    this.#hovering = true;
    this.#next = place;
    if (!this.#asking) void this.#ask();
  }

  /** The pointer is nowhere.  */
  clear() {
    this.leave();
    this.#at = "";
    if (this.drawn) this.annotator.onMasks();
    this.drawn = null;
  }

  /** A prompt was given: what is shown stays until its mask comes. */
  leave() {
    this.#hovering = false;
    this.#next = null;
  }

  /** @param {import("./masks.js").Mask} mask */
  take(mask) {
    if (this.#hovering) this.drawn = new DrawnMask(mask, 0);
  }

  /** A mask has come that is no preview. */
  replace() {
    if (!this.#hovering) this.drawn = null;
  }

  async #ask() {
    this.#asking = true;
    while (this.#next && mayWrite(this.annotator.state)) {
      const { point, positive } = this.#next;
      this.#next = null;
      const { shown: frame, selected: object } = this.annotator.state;
      const wish = { frame, object, point, positive };
      // A preview is a courtesy: where none can be had, none is shown.
      await this.annotator.socket.request("preview", wish).catch(() => {});
    }
    this.#asking = false;
  }
}
