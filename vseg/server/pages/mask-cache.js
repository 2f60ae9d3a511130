// Masks that have come, with what is drawn of them; those of the frames shown last are kept.

import { fillOf, outlineOf } from "./masks.js";

/** Frames whose masks are kept: one look back at what was passed. */
const MOST_FRAMES = 48;

/** @typedef {import("./masks.js").Mask} Mask */

export class DrawnMask {
  /** @type {{colour: string, canvas: OffscreenCanvas} | null} */
  #fill = null;
  /** @type {Path2D | null} */
  #outline = null;

  /** @param {Mask} mask  @param {number} order  of all masks that came, which one */
  constructor(mask, order) {
    this.mask = mask;
    this.order = order;
  }

  /** @param {string} colour  #rrggbb */
  fill(colour) {
    if (this.#fill?.colour !== colour) {
      this.#fill = { colour, canvas: fillOf(this.mask, rgbaOf(colour)) };
    }
    return this.#fill.canvas;
  }

  get outline() {
    return (this.#outline ??= outlineOf(this.mask));
  }
}

/** Opaque, as a little-endian pixel of an image.  @param {string} colour  #rrggbb */
export function rgbaOf(colour) {
  const rgb = parseInt(colour.slice(1), 16);
  const swapped = ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16);
  return (0xff000000 | swapped) >>> 0;
}

export class MaskCache {
  /** By frame, the one shown last at the end.  @type {Map<number, Map<number, DrawnMask>>} */
  #frames = new Map();
  /** Frames whose masks the server has sent as they are now.  @type {Set<number>} */
  #known = new Set();
  #received = 0;

  /** @param {Mask} mask */
  add(mask) {
    this.#of(mask.frame).set(mask.object, new DrawnMask(mask, ++this.#received));
  }

  /** The masks of a frame by object.  @param {number} frame
   * @returns {ReadonlyMap<number, DrawnMask>} */
  get(frame) {
    return this.#frames.get(frame) ?? new Map();
  }

  /** @param {number} frame */
  knows(frame) {
    return this.#known.has(frame);
  }

  /** What to give to `settle` when all masks of a frame have come. */
  get moment() {
    return this.#received;
  }

  /** All masks of a frame have come since a moment: older ones are no more.
   * @param {number} frame  @param {number} moment */
  settle(frame, moment) {
    const masks = this.#of(frame);
    for (const [object, drawn] of masks) {
      if (drawn.order <= moment) masks.delete(object);
    }
    this.#known.add(frame);
  }

  /** Forget frames [first, end) but the one that is shown, which is asked for again.
   * @param {number} first  @param {number} end  @param {number} shown */
  invalidate(first, end, shown) {
    for (const frame of [...this.#frames.keys()]) {
      if (frame < first || frame >= end) continue;
      this.#known.delete(frame);
      if (frame !== shown) this.#frames.delete(frame);
    }
  }

  /** @param {number} frame */
  #of(frame) {
    const masks = this.#frames.get(frame) ?? new Map();
    this.#frames.delete(frame);
    this.#frames.set(frame, masks);
    for (const oldest of this.#frames.keys()) {
      if (this.#frames.size <= MOST_FRAMES) break;
      this.#frames.delete(oldest);
      this.#known.delete(oldest);
    }
    return masks;
  }
}
