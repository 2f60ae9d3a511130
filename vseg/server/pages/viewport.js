// What part of the frame the stage shows.
//
// Stage coordinates are CSS pixels from the stage's top-left corner; frame coordinates are
// pixels of the displayed frame with (0, 0) at the top-left CORNER.  Points of prompts have
// (0, 0) at the CENTRE of the top-left pixel: `pointOf` and `cornerOf` convert.

const MOST_ZOOM = 40;
/** Free space around a frame that fits, in CSS pixels. */
const MARGIN = 12;

/** @typedef {{x: number, y: number}} XY */

/** @param {XY} corner  @returns {XY} */
export const pointOf = ({ x, y }) => ({ x: x - 0.5, y: y - 0.5 });

/** @param {XY} point  @returns {XY} */
export const cornerOf = ({ x, y }) => ({ x: x + 0.5, y: y + 0.5 });

export class Viewport {
  /** @type {XY & {width: number, height: number}} */
  stage = { x: 0, y: 0, width: 1, height: 1 };
  frame = { width: 1, height: 1 };
  /** CSS pixels of one frame pixel. */
  scale = 1;
  /** Where the frame's top-left corner is on the stage. */
  left = 0;
  top = 0;
  fitted = true;

  /** @param {number} width  @param {number} height */
  setStage(width, height) {
    const { x, y } = this.toFrame({ x: this.stage.width / 2, y: this.stage.height / 2 });
    this.stage.width = Math.max(1, width);
    this.stage.height = Math.max(1, height);
    if (this.fitted) this.fit();
    else this.centre({ x, y });
  }

  /** @param {number} width  @param {number} height */
  setFrame(width, height) {
    this.frame = { width, height };
    this.fit();
  }

  /** The largest scale at which the whole frame shows. */
  get fitScale() {
    const across = (this.stage.width - 2 * MARGIN) / this.frame.width;
    const down = (this.stage.height - 2 * MARGIN) / this.frame.height;
    return Math.max(1e-3, Math.min(across, down));
  }

  fit() {
    this.fitted = true;
    this.scale = this.fitScale;
    this.centre({ x: this.frame.width / 2, y: this.frame.height / 2 });
  }

  /** Put a place of the frame at the middle of the stage.  @param {XY} corner */
  centre({ x, y }) {
    this.left = this.stage.width / 2 - x * this.scale;
    this.top = this.stage.height / 2 - y * this.scale;
    this.#keepInSight();
  }

  /** Zoom; the place under `at` stays where it is.  @param {XY} at  @param {number} factor */
  zoom(at, factor) {
    const place = this.toFrame(at);
    const least = this.fitScale;
    this.scale = Math.min(Math.max(this.scale * factor, least), Math.max(MOST_ZOOM, least));
    this.fitted = this.scale === least;
    if (this.fitted) this.fit();
    this.left = this.fitted ? this.left : at.x - place.x * this.scale;
    this.top = this.fitted ? this.top : at.y - place.y * this.scale;
    this.#keepInSight();
  }

  /** @param {number} dx  @param {number} dy  in CSS pixels */
  pan(dx, dy) {
    this.left += dx;
    this.top += dy;
    this.#keepInSight();
  }

  /** @param {XY} at  @returns {XY} */
  toFrame({ x, y }) {
    return { x: (x - this.left) / this.scale, y: (y - this.top) / this.scale };
  }

  /** @param {XY} corner  @returns {XY} */
  toStage({ x, y }) {
    return { x: x * this.scale + this.left, y: y * this.scale + this.top };
  }

  /** The same place, or the nearest on the frame.  @param {XY} corner  @returns {XY} */
  clamp({ x, y }) {
    return {
      x: Math.min(Math.max(x, 0), this.frame.width),
      y: Math.min(Math.max(y, 0), this.frame.height),
    };
  }

  /** @param {XY} corner */
  holds({ x, y }) {
    return x >= 0 && y >= 0 && x < this.frame.width && y < this.frame.height;
  }

  /** Show the place if it is outside the stage.  @param {XY} corner */
  reveal(corner) {
    const { x, y } = this.toStage(corner);
    const hidden = x < 0 || y < 0 || x > this.stage.width || y > this.stage.height;
    if (hidden) this.centre(corner);
  }

  /** Some of the frame always stays on the stage. */
  #keepInSight() {
    const { width, height } = this.stage;
    const keep = 48;
    this.left = Math.min(
      Math.max(this.left, keep - this.frame.width * this.scale),
      width - keep,
    );
    this.top = Math.min(
      Math.max(this.top, keep - this.frame.height * this.scale),
      height - keep,
    );
  }
}
