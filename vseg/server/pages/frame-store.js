// Frames by index, as images: fetched ahead in the direction of travel, bounded in memory.
//
// The server marks frames as immutable, so what is dropped here comes back from the browser's
// own cache.

/** How far ahead and behind frames are fetched. */
const AHEAD = 30;
const BEHIND = 6;
/** Fetches at a time: one, since the server decodes frames in the order in which they lie in
 * the file, and two that overtake each other make it begin at a key frame again. */
const FETCHES = 1;
/** The same with those that a user waits for.  None is taken back: the server would go on
 * decoding frames that nobody waits for, before the one that is shown. */
const MOST_FETCHES = 3;
/** Milliseconds of rest after a fetch that failed. */
const REST = 1000;
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
  /** Frames that are on their way, by their width.  @type {Map<number, number>} */
  #fetches = new Map();
  #closed = false;
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
    // Those behind come last: the server has to begin at a key frame for each of them.
    const ahead = Array.from({ length: AHEAD + 1 }, (_, i) => frame + i * direction);
    const behind = Array.from({ length: BEHIND }, (_, i) => frame - (i + 1) * direction);
    const { first, end } = this.source;
    this.#wanted = [...ahead, ...behind].filter((n) => n >= first && n < end);
    this.#fill();
  }

  close() {
    this.#closed = true;
    for (const frame of [...this.#frames.keys()]) this.#drop(frame);
  }

  /** @param {number} frame */
  #held(frame) {
    return this.#refused.has(frame) || (this.#frames.has(frame) && frame !== this.#stale);
  }

  #fill() {
    if (this.#closed || Date.now() < this.#restsUntil) return;
    for (const frame of this.#wanted.slice(0, this.#room())) {
      const most = frame === this.#at ? MOST_FETCHES : FETCHES;
      if (this.#fetches.size >= most) return;
      const coming = this.#fetches.get(frame) === this.#width;
      if (!this.#held(frame) && !coming) void this.#fetch(frame, this.#width);
    }
  }

  /** Fetch nothing for a while.  @param {number} milliseconds */
  #rest(milliseconds) {
    this.#restsUntil = Date.now() + milliseconds;
    setTimeout(() => this.#fill(), milliseconds);
  }

  /** How many frames fit the memory. */
  #room() {
    const [one] = this.#frames.values();
    return one ? Math.max(3, Math.floor(MOST_BYTES / (4 * one.width * one.height))) : 8;
  }

  /** @param {number} frame  @param {number} width */
  async #fetch(frame, width) {
    this.#fetches.set(frame, width);
    try {
      const answer = await fetch(this.source.url(frame, width));
      if (!answer.ok) await this.#refuse(frame, answer);
      else this.#keep(frame, width, await createImageBitmap(await answer.blob()));
    } catch {
      this.#rest(REST);
    }
    if (this.#fetches.get(frame) === width) this.#fetches.delete(frame);
    this.#fill();
  }

  /** @param {number} frame  @param {number} width  @param {ImageBitmap} bitmap */
  #keep(frame, width, bitmap) {
    if (this.#closed || width !== this.#width) return bitmap.close();
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
      return this.#rest(1000 * seconds);
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
