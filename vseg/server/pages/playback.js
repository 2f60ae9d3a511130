// Playback: frames at the clip's rate; those that are not there in time are left out, and
// counted, and so is the time in which nothing came.

import { PlaybackSound } from "./playback-sound.js";

/** Frames a second of a clip that does not say. */
const UNKNOWN_RATE = 10;
/** Milliseconds that playback waits for an image and its masks before it goes on without. */
const PATIENCE = 1000;
/** Frames for which masks are asked ahead: half a second at 24 frames a second. */
const MASKS_AHEAD = 12;

export class Playback {
  #sound;
  #began = 0;
  #from = 0;
  #last = 0;

  /** @param {import("./annotator.js").Annotator} annotator */
  constructor(annotator) {
    this.annotator = annotator;
    this.#sound = new PlaybackSound(annotator);
  }

  toggle() {
    const { clip, playing, frame } = this.annotator.state;
    if (!clip) return;
    if (playing) return this.stop();
    if (frame >= clip.end - 1) this.annotator.seek(clip.first);
    this.annotator.store.set({ playing: true, played: { shown: 1, dropped: 0, waited: 0 } });
    this.#restart(this.annotator.state.frame);
    requestAnimationFrame(() => this.#step());
  }

  stop() {
    if (!this.annotator.state.playing) return;
    this.#sound.stop();
    this.annotator.store.set({ playing: false });
    // Masks ahead were asked for: the server is told which frame is shown.
    this.annotator.seek(this.annotator.state.frame);
  }

  /** @param {number} frame */
  #restart(frame) {
    this.#began = performance.now();
    this.#from = frame;
    this.#last = this.#began;
    const { clip } = this.annotator.state;
    const seconds = clip?.fps ? (frame - clip.first) / clip.fps : 0;
    const began = this.#began;
    void this.#sound.start(seconds, () => (performance.now() - began) / 1000);
  }

  #step() {
    const { clip, playing, frame, played } = this.annotator.state;
    if (!clip || !playing) return;
    requestAnimationFrame(() => this.#step());
    const now = performance.now();
    const passed = Math.floor(((now - this.#began) / 1000) * (clip.fps ?? UNKNOWN_RATE));
    const due = Math.min(this.#from + passed, clip.end - 1);
    this.#askAhead(Math.max(due, frame + 1));
    if (due <= frame) return frame >= clip.end - 1 ? this.stop() : undefined;
    const { shown, dropped, waited } = played;
    const next = this.#newestThere(frame + 1, due);
    if (next !== null) {
      const left = dropped + next - frame - 1;
      this.annotator.store.set({ played: { shown: shown + 1, dropped: left, waited } });
      this.annotator.seek(next);
      this.#last = now;
    } else if (now - this.#last > PATIENCE) {
      // Nothing came for long: time stands still until the next frame is there.
      const still = waited + now - this.#last;
      this.annotator.store.set({ played: { shown: shown + 1, dropped, waited: still } });
      this.annotator.seek(frame + 1);
      this.#restart(frame + 1);
    }
  }

  /** Ask for the masks of the first frame from one on that has an image and no masks yet.
   * @param {number} from */
  #askAhead(from) {
    const { annotator } = this;
    if (annotator.viewing) return;
    for (let frame = from; frame < from + MASKS_AHEAD; frame++) {
      if (!annotator.frames.get(frame) || annotator.masks.knows(frame)) continue;
      return annotator.view(frame, 1);
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

/** What of the clip did not come in time, in words; empty where all did.
 * @param {import("./state.js").State["played"]} played */
export function shortfall({ shown, dropped, waited }) {
  const left = dropped ? `${dropped} of ${shown + dropped} frames dropped` : "";
  const stood = waited >= 100 ? `stood still for ${(waited / 1000).toFixed(1)} s` : "";
  return [left, stood].filter(Boolean).join(", ");
}
