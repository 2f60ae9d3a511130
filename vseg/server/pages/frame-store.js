// Frames by index, as images: fetched ahead in the direction of travel, bounded in memory.
//
// The server marks frames as immutable, so what is dropped here comes back from the browser's
// own cache.

/** How far ahead and behind frames are fetched. */
const AHEAD = 30;
const BEHIND = 6;
/** Fetches at a time; the server shares its cores with the model. */
const FETCHES = 2;
/** Bytes of decoded frames that are kept: some 50 at 720p. */
const MOST_BYTES = 192 * 2 ** 20;

/**
 * @typedef {object} Source
 * @property {(frame: number, width: number) => string} url
 * @property {number} first  the first frame
 * @property {number} end  one behind the last
 */

export class FrameStore {
  /** @type {Map<number, ImageBitmap>} */
  #frames = new Map();
  /** @type {Map<number, AbortController>} */
  #fetches = new Map();
  /** Frames to fetch, the nearest first.  @type {number[]} */
  #wanted = [];
  /** Frames that the server refused, with its reason.  @type {Map<number, string>} */
  #refused = new Map();
  #at = 0;
  #width = 0;
  /** Until when the server asked for patience. */
  #restsUntil = 0;

  /** @param {Source} source  @param {(frame: number) => void} onFrame */
  constructor(source, onFrame) {
    this.source = source;
    this.onFrame = onFrame;
  }

  /** @param {number} frame */
  get(frame) {
    return this.#frames.get(frame) ?? null;
  }

  /** @param {number} frame */
  refusal(frame) {
    return this.#refused.get(frame) ?? null;
  }

  get count() {
    return this.#frames.size;
  }

  /** Show frames at another width from now on.  @param {number} width */
  resize(width) {
    if (width === this.#width) return;
    this.#width = width;
    this.#abort(() => true);
    // What is shown stays until its successor has come.
    for (const frame of [...this.#frames.keys()]) if (frame !== this.#at) this.#drop(frame);
    this.#stale = this.#at;
  }

  /** The frame that is held at the former width, if any.  @type {number | null} */
  #stale = null;

  /** Move to a frame: fetch it first, then those in the direction of travel.
   * @param {number} frame  @param {1 | -1} direction */
  seek(frame, direction) {
    this.#at = frame;
    const wanted = [frame];
    for (let i = 1; i <= AHEAD; i++) {
      wanted.push(frame + i * direction);
      if (i <= BEHIND) wanted.push(frame - i * direction);
    }
    const { first, end } = this.source;
    this.#wanted = wanted.filter((n) => n >= first && n < end);
    const kept = new Set(this.#wanted);
    this.#abort((n) => !kept.has(n));
    if (!this.#held(frame) && !this.#fetches.has(frame) && this.#fetches.size >= FETCHES) {
      this.#abort((n) => n === [...this.#fetches.keys()].at(-1));
    }
    this.#fill();
  }

  close() {
    this.#abort(() => true);
    for (const frame of [...this.#frames.keys()]) this.#drop(frame);
  }

  /** @param {number} frame */
  #held(frame) {
    return this.#refused.has(frame) || (this.#frames.has(frame) && frame !== this.#stale);
  }

  /** @param {(frame: number) => boolean} which */
  #abort(which) {
    for (const [frame, controller] of [...this.#fetches]) {
      if (!which(frame)) continue;
      controller.abort();
      this.#fetches.delete(frame);
    }
  }

  #fill() {
    if (Date.now() < this.#restsUntil) return;
    const room = this.#room();
    for (const frame of this.#wanted.slice(0, room)) {
      if (this.#fetches.size >= FETCHES) return;
      if (!this.#held(frame) && !this.#fetches.has(frame)) void this.#fetch(frame);
    }
  }

  /** How many frames fit the memory. */
  #room() {
    const [one] = this.#frames.values();
    return one ? Math.max(3, Math.floor(MOST_BYTES / (4 * one.width * one.height))) : 8;
  }

  /** @param {number} frame */
  async #fetch(frame) {
    const controller = new AbortController();
    this.#fetches.set(frame, controller);
    try {
      const answer = await fetch(this.source.url(frame, this.#width), {
        signal: controller.signal,
      });
      if (answer.ok)
        this.#keep(frame, await createImageBitmap(await answer.blob()), controller);
      else await this.#refuse(frame, answer);
    } catch (error) {
      if (!controller.signal.aborted) console.warn(`frame ${frame}: ${error}`);
    }
    if (this.#fetches.get(frame) === controller) this.#fetches.delete(frame);
    if (!controller.signal.aborted) this.#fill();
  }

  /** @param {number} frame  @param {ImageBitmap} bitmap
   * @param {AbortController} controller */
  #keep(frame, bitmap, controller) {
    if (controller.signal.aborted) return bitmap.close();
    this.#drop(frame);
    if (frame === this.#stale) this.#stale = null;
    this.#frames.set(frame, bitmap);
    const room = this.#room();
    const far = [...this.#frames.keys()].sort((a, b) => this.#distance(b) - this.#distance(a));
    for (const other of far.slice(0, Math.max(0, far.length - room))) this.#drop(other);
    this.onFrame(frame);
  }

  /** Places from the frame that is shown, in the order of fetching.  @param {number} frame */
  #distance(frame) {
    const rank = this.#wanted.indexOf(frame);
    return rank < 0 ? this.#wanted.length + Math.abs(frame - this.#at) : rank;
  }

  /** @param {number} frame  @param {Response} answer */
  async #refuse(frame, answer) {
    if (answer.status === 429 || answer.status >= 500) {
      const seconds = Number(answer.headers.get("Retry-After")) || 1;
      this.#restsUntil = Date.now() + 1000 * seconds;
      setTimeout(() => this.#fill(), 1000 * seconds);
      return;
    }
    // What a frame lacks for good is said once.
    const problem = await answer.json().catch(() => ({}));
    this.#refused.set(frame, problem.detail ?? `frame ${frame}: HTTP ${answer.status}`);
    this.onFrame(frame);
  }

  /** @param {number} frame */
  #drop(frame) {
    this.#frames.get(frame)?.close();
    this.#frames.delete(frame);
  }
}
