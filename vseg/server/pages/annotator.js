// One clip that is open: its socket, frames and masks, and what the page asks of the server.

import { FrameStore } from "./frame-store.js";
import { MaskCache, DrawnMask } from "./mask-cache.js";
import { TRANSIENT } from "./masks.js";
import { Socket } from "./socket.js";
import { mayWrite, newStore, objectOf, titleOf } from "./state.js";
import { complain, toast } from "./toasts.js";

/** @typedef {import("./wire.js").AddPrompt["prompt"]} WirePrompt */

export class Annotator {
  store = newStore();
  masks = new MaskCache();
  /** The mask that a click at the pointer would give.  @type {DrawnMask | null} */
  preview = null;
  /** Told to draw again when masks come.  @type {() => void} */
  onMasks = () => {};
  /** Told that lanes are others now.  @type {() => void} */
  onLanes = () => {};
  #frames = new FrameStore({ url: () => "", first: 0, end: 0 }, () => {});
  /** @type {{frame: number, direction: 1 | -1} | null} */
  #viewNext = null;
  #viewing = false;
  /** The object that the newest prompt made, until another is selected.
   * @type {Promise<number | null> | null} */
  #fresh = null;

  /** @param {string} run  its id */
  constructor(run) {
    this.run = run;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const url = `${scheme}://${location.host}/v1/annotations/${encodeURIComponent(run)}/socket`;
    this.socket = new Socket(url, {
      onHello: ({ lease, state }) => {
        this.store.set({ lease });
        if (state) this.#open(state);
        this.view(this.state.shown, 1);
      },
      onEvent: (event) => this.#take(event),
      onMask: (mask) => this.#takeMask(mask),
      onConnection: (connection) => this.store.set({ connection }),
    });
    this.socket.open();
    this.store.on(["selected"], () => (this.#fresh = null));
  }

  get state() {
    return this.store.state;
  }

  get frames() {
    return this.#frames;
  }

  /** @param {import("./wire.js").AnnotationState} clip */
  #open(clip) {
    const { revision, objects, pending, stale, undo, redo, running } = clip;
    this.masks.invalidate(0, Infinity, -1);
    if (this.state.clip?.video !== clip.video) {
      this.#frames.close();
      const { first, end } = clip;
      const url = (/** @type {number} */ n, /** @type {number} */ width) =>
        `/v1/videos/${clip.video}/frames/${n}?format=jpeg${width ? `&w=${width}` : ""}`;
      this.#frames = new FrameStore({ url, first, end }, (frame) => this.#arrived(frame));
      const frame = Math.min(Math.max(this.state.frame, first), end - 1);
      this.store.set({ frame, shown: frame, window: { first, end } });
    }
    const selected = this.state.selected ?? objects[0]?.id ?? null;
    this.store.set({ clip, revision, objects, pending, stale, undo, redo, running });
    this.select(objectOf(this.state, selected)?.id ?? null);
    this.seek(this.state.frame);
  }

  /** @param {import("./wire.js").AnyEvent} event */
  #take(event) {
    switch (event.type) {
      case "state":
        return this.#open(event.state);
      case "objects": {
        const { revision, objects, pending, undo, redo } = event;
        this.store.set({ revision, objects, pending, undo, redo });
        if (!objectOf(this.state, this.state.selected)) this.store.set({ selected: null });
        return;
      }
      case "stale":
        return this.store.set({ stale: event.spans });
      case "progress":
        return this.store.set({ running: event.running });
      case "done":
        return this.#finished(event);
      case "error":
        if (event.job !== null) this.store.set({ running: null });
        return toast(event.error.detail, { hint: event.error.hint, kind: "bad" });
      case "lease":
        return this.store.set({ lease: event.lease });
      case "lanes_changed":
        this.masks.invalidate(event.first, event.end, this.state.shown);
        this.onLanes();
        if (this.state.shown >= event.first && this.state.shown < event.end) {
          this.view(this.state.shown, this.state.direction);
        }
    }
  }

  /** @param {import("./wire.js").DoneEvent} event */
  #finished(event) {
    this.store.set({ running: null });
    const frames = event.spans.reduce((sum, span) => sum + span.end - span.first, 0);
    if (event.cancelled) toast(`Stopped; ${frames} tracked frames are kept`);
  }

  /** @param {import("./masks.js").Mask} mask */
  #takeMask(mask) {
    if (mask.flags & TRANSIENT && mask.object === (this.state.selected ?? 0)) {
      this.preview = this.#hovering ? new DrawnMask(mask) : null;
    } else this.masks.add(mask);
    this.onMasks();
  }

  /** @param {number} frame */
  #arrived(frame) {
    if (frame === this.state.frame) this.store.set({ shown: frame });
    this.onMasks();
  }

  /** Go to a frame.  @param {number} frame */
  seek(frame) {
    const { clip, frame: before, shown } = this.state;
    if (!clip) return;
    const to = Math.min(Math.max(Math.round(frame), clip.first), clip.end - 1);
    const direction = to === before ? this.state.direction : to > before ? 1 : -1;
    this.hover(null);
    this.store.set({ frame: to, direction, alternatives: to === shown ? this.state.alternatives : null });
    this.#frames.seek(to, direction);
    if (this.#frames.get(to) || this.#frames.refusal(to)) this.store.set({ shown: to });
    this.view(to, direction);
  }

  /** Ask for the masks of a frame: the newest wish only.
   * @param {number} frame  @param {1 | -1} direction */
  view(frame, direction) {
    this.#viewNext = { frame, direction };
    if (!this.#viewing) void this.#viewAll();
  }

  async #viewAll() {
    this.#viewing = true;
    while (this.#viewNext && this.state.connection !== "lost") {
      const wish = this.#viewNext;
      this.#viewNext = null;
      const moment = this.masks.moment;
      try {
        await this.socket.request("view", wish);
        this.masks.settle(wish.frame, moment);
      } catch {
        // The connection is gone, and the frame is asked for again when it is back; or a newer
        // wish has taken the place of this one.
      }
      this.onMasks();
    }
    this.#viewing = false;
  }

  /** @param {number | null} id */
  select(id) {
    if (id === this.state.selected) this.#fresh = null;
    this.hover(null);
    this.store.set({ selected: id, alternatives: null });
  }

  /** Give a prompt of the selected object, or of a new one, on the frame that is shown.
   * @param {WirePrompt} prompt  @returns {Promise<boolean>} whether it was taken */
  async prompt(prompt) {
    if (!this.may()) return false;
    const { selected, shown } = this.state;
    if (selected !== null && this.state.locked.has(selected)) {
      toast(`${titleOf(objectOf(this.state, selected) ?? { id: selected, label: null, name: null })} is locked`);
      return false;
    }
    this.hover(null);
    this.store.set({ alternatives: null });
    const sent = this.#send(prompt, selected, shown);
    if (selected === null && !this.#fresh) this.#fresh = sent;
    return (await sent) !== null;
  }

  /** @param {WirePrompt} prompt  @param {number | null} selected  @param {number} frame
   * @returns {Promise<number | null>} */
  async #send(prompt, selected, frame) {
    const fresh = this.#fresh;
    try {
      // Clicks that follow the first one of a new object are of that object too.
      const object = selected ?? (fresh ? await fresh : null);
      const answer = await this.socket.request("prompt", { object, frame, prompt });
      if (this.state.selected === null && (fresh ?? this.#fresh)) {
        this.store.set({ selected: answer.object });
      }
      return answer.object;
    } catch (error) {
      if (!fresh) this.#fresh = null;
      complain(error);
      return null;
    }
  }

  #hovering = false;
  #previewing = false;
  /** @type {{point: [number, number], positive: boolean} | null} */
  #previewNext = null;

  /** The pointer rests at a point of the frame that is shown; null: nowhere.
   * @param {{point: [number, number], positive: boolean} | null} place */
  hover(place) {
    this.#hovering = place !== null;
    this.#previewNext = place;
    if (!place) {
      if (this.preview) this.onMasks();
      this.preview = null;
    } else if (!this.#previewing && mayWrite(this.state)) void this.#previewAll();
  }

  async #previewAll() {
    this.#previewing = true;
    while (this.#previewNext && mayWrite(this.state)) {
      const { point, positive } = this.#previewNext;
      this.#previewNext = null;
      const { shown: frame, selected: object } = this.state;
      // A preview is a courtesy: where none can be had, none is shown.
      await this.socket.request("preview", { frame, object, point, positive }).catch(() => {});
    }
    this.#previewing = false;
  }

  /** Make an edit; says what the server refuses.  @param {import("./wire.js").MakeEdit["edit"]} edit */
  async edit(edit) {
    return this.may() ? this.ask("edit", { edit }) : null;
  }

  /** A request whose refusal is shown; null then.
   * @template {import("./socket.js").RequestType} K
   * @param {K} type  @param {import("./socket.js").Fields<K>} fields
   * @returns {Promise<import("./socket.js").Answers[K] | null>} */
  async ask(type, fields) {
    try {
      return await this.socket.request(type, fields);
    } catch (error) {
      complain(error);
      return null;
    }
  }

  /** Whether this page may write; says why not. */
  may() {
    if (mayWrite(this.state)) return true;
    const lost = this.state.connection !== "open";
    toast(lost ? "Not connected: nothing is sent" : "Another tab writes; this one watches");
    return false;
  }

  /** Undo or redo, and go to where it was.  @param {"undo" | "redo"} type */
  async step(type) {
    if (!this.may()) return;
    const answer = await this.ask(type, {});
    if (!answer) return;
    const { step } = answer;
    if (!step) return toast(type === "undo" ? "Nothing to undo" : "Nothing to redo");
    const place = step.frame === null ? "" : ` (frame ${step.frame})`;
    toast(`${type === "undo" ? "Undone" : "Redone"}: ${step.title}${place}`);
    if (step.object !== null && objectOf(this.state, step.object)) this.select(step.object);
    if (step.frame !== null && step.frame !== this.state.frame) this.seek(step.frame);
  }
}
