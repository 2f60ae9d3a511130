// Playback: frames at the clip's rate; those that are not there in time are left out, and
// counted.

/** Frames a second of a clip that does not say. */
const UNKNOWN_RATE = 10;
/** Milliseconds that playback waits for an image and its masks before it goes on without. */
const PATIENCE = 1000;

export class Playback {
  #began = 0;
  #from = 0;
  #last = 0;

  /** @param {import("./annotator.js").Annotator} annotator */
  constructor(annotator) {
    this.annotator = annotator;
  }

  toggle() {
    const { clip, playing, frame } = this.annotator.state;
    if (!clip) return;
    if (playing) return this.stop();
    if (frame >= clip.end - 1) this.annotator.seek(clip.first);
    this.annotator.store.set({ playing: true, dropped: 0 });
    this.#restart(this.annotator.state.frame);
    requestAnimationFrame(() => this.#step());
  }

  stop() {
    if (this.annotator.state.playing) this.annotator.store.set({ playing: false });
  }

  /** @param {number} frame */
  #restart(frame) {
    this.#began = performance.now();
    this.#from = frame;
    this.#last = performance.now();
  }

  #step() {
    const { clip, playing, frame, dropped } = this.annotator.state;
    if (!clip || !playing) return;
    requestAnimationFrame(() => this.#step());
    const now = performance.now();
    const rate = clip.fps ?? UNKNOWN_RATE;
    const due = Math.min(
      this.#from + Math.floor(((now - this.#began) / 1000) * rate),
      clip.end - 1,
    );
    if (due <= frame) return frame >= clip.end - 1 ? this.stop() : undefined;
    const next = this.#newestThere(frame + 1, due);
    if (next !== null) {
      this.annotator.store.set({ dropped: dropped + next - frame - 1 });
      this.annotator.seek(next);
      // Its masks are here; those of the frame that comes after it are asked for ahead.
      this.annotator.view(Math.min(2 * next - frame, clip.end - 1), 1);
      this.#last = now;
    } else if (now - this.#last > PATIENCE) {
      // Nothing came for long: time stands still until the next frame is there.
      this.annotator.seek(frame + 1);
      this.#restart(frame + 1);
    }
  }

  /** @param {number} first  @param {number} last */
  #newestThere(first, last) {
    for (let frame = last; frame >= first; frame--) {
      const { frames, masks } = this.annotator;
      if (frames.get(frame) && masks.knows(frame)) return frame;
    }
    return null;
  }
}
