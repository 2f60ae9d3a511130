// The sound of playback: stretches of samples, set on the clock of the frames.

/** Seconds of a stretch, and how long before its end the next one is fetched. */
const STRETCH = 5;
const AHEAD = 2.5;

export class PlaybackSound {
  /** @type {AudioContext | null} */
  #context = null;
  /** What plays or will.  @type {Set<AudioBufferSourceNode>} */
  #sources = new Set();
  /** Which start the stretches on their way belong to. */
  #turn = 0;

  /** @param {import("./annotator.js").Annotator} annotator */
  constructor(annotator) {
    this.annotator = annotator;
    annotator.store.on(["muted"], () => {
      if (annotator.state.muted) this.stop();
    });
  }

  /** Play from a time of the clip on until it is stopped.
   * @param {number} first  seconds  @param {() => number} elapsed  seconds since then */
  async start(first, elapsed) {
    this.stop();
    const { clip, muted } = this.annotator.state;
    if (!clip?.sound || muted) return;
    const turn = this.#turn;
    const context = (this.#context ??= new AudioContext());
    await context.resume();
    const end = (clip.end - clip.first) / (clip.fps ?? 1);
    for (let at = 0; first + at < end && turn === this.#turn; at += STRETCH) {
      const buffer = await this.#fetch(context, first + at);
      if (!buffer || turn !== this.#turn) return;
      this.#play(context, buffer, at - elapsed());
      const rest = at + STRETCH - elapsed() - AHEAD;
      await new Promise((done) => setTimeout(done, Math.max(0, 1000 * rest)));
    }
  }

  stop() {
    this.#turn++;
    for (const source of this.#sources) source.stop();
    this.#sources.clear();
  }

  /** @param {AudioContext} context  @param {AudioBuffer} buffer
   * @param {number} wait  seconds until it begins; what is below 0 of it is past */
  #play(context, buffer, wait) {
    if (-wait >= buffer.duration) return;
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(context.destination);
    source.onended = () => this.#sources.delete(source);
    source.start(context.currentTime + Math.max(0, wait), Math.max(0, -wait));
    this.#sources.add(source);
  }

  /** @param {AudioContext} context  @param {number} first
   * @returns {Promise<AudioBuffer | null>} null where there is none */
  async #fetch(context, first) {
    const { clip } = this.annotator.state;
    const url = `/v1/videos/${clip?.video}/sound?first=${first}&seconds=${STRETCH}`;
    const answer = await fetch(url).catch(() => null);
    return answer?.ok ? context.decodeAudioData(await answer.arrayBuffer()) : null;
  }
}
