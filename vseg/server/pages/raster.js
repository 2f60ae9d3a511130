// A mask that is being painted: one byte a pixel of the whole frame.

import { eachSpan } from "./masks.js";

/** @typedef {{x: number, y: number, width: number, height: number}} Rect */

export class Raster {
  /** @param {number} width  @param {number} height */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.pixels = new Uint8Array(width * height);
  }

  /** Add a mask as the socket sends it.  @param {import("./masks.js").Mask} mask */
  add(mask) {
    eachSpan(mask, (row, first, end) => {
      const start = (mask.y + row) * this.width + mask.x;
      this.pixels.fill(1, start + first, start + end);
    });
  }

  /** Paint a thick line with round ends between two corners of the frame.
   * @param {import("./viewport.js").XY} from  @param {import("./viewport.js").XY} to
   * @param {number} radius  @param {0 | 1} value  @returns {Rect} what may have changed */
  stroke(from, to, radius, value) {
    const top = Math.max(0, Math.floor(Math.min(from.y, to.y) - radius));
    const bottom = Math.min(this.height, Math.ceil(Math.max(from.y, to.y) + radius));
    const left = Math.max(0, Math.floor(Math.min(from.x, to.x) - radius));
    const right = Math.min(this.width, Math.ceil(Math.max(from.x, to.x) + radius));
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        if (nearLine({ x: x + 0.5, y: y + 0.5 }, from, to, radius)) {
          this.pixels[y * this.width + x] = value;
        }
      }
    }
    return {
      x: left,
      y: top,
      width: Math.max(0, right - left),
      height: Math.max(0, bottom - top),
    };
  }

  /** The least rectangle around the mask; null where it is empty.  @returns {Rect | null} */
  bounds() {
    let [left, top, right, bottom] = [this.width, this.height, 0, 0];
    for (let y = 0; y < this.height; y++) {
      const row = this.pixels.subarray(y * this.width, (y + 1) * this.width);
      const first = row.indexOf(1);
      if (first < 0) continue;
      top = Math.min(top, y);
      bottom = y + 1;
      left = Math.min(left, first);
      right = Math.max(right, row.lastIndexOf(1) + 1);
    }
    return right ? { x: left, y: top, width: right - left, height: bottom - top } : null;
  }

  /** Runs of the pixels in a rectangle, row by row, background first.  @param {Rect} rect */
  runs(rect) {
    const runs = [];
    let value = 0;
    let length = 0;
    for (let y = rect.y; y < rect.y + rect.height; y++) {
      for (let x = rect.x; x < rect.x + rect.width; x++) {
        if (this.pixels[y * this.width + x] !== value) {
          runs.push(length);
          value = 1 - value;
          length = 0;
        }
        length++;
      }
    }
    runs.push(length);
    return runs;
  }
}

/** @param {import("./viewport.js").XY} at  @param {import("./viewport.js").XY} from
 * @param {import("./viewport.js").XY} to  @param {number} radius */
function nearLine(at, from, to, radius) {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length = dx * dx + dy * dy;
  const along = length ? ((at.x - from.x) * dx + (at.y - from.y) * dy) / length : 0;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(at.x - from.x - t * dx, at.y - from.y - t * dy) <= radius;
}
