// One clip that is open: its socket, frames and masks, and what the page asks of the server.

import { FrameStore } from "./frame-store.js";
import { HoverPreview } from "./hover-preview.js";
import { MaskCache } from "./mask-cache.js";
import { TRANSIENT } from "./masks.js";
import { Socket } from "./socket.js";
import { mayWrite, nameOf, newStore, objectOf, wayOf } from "./state.js";
import { complain, toast } from "./toasts.js";

/** @typedef {import("./wire.js").AddPrompt["prompt"]} WirePrompt */

export class Annotator {
  store = newStore();
  masks = new MaskCache();
  preview = new HoverPreview(this);
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
  /** How often an object or a frame was chosen. */
  #choices = 0;

  /** @param {string} run  its id  @param {number} frame  to begin on */
  constructor(run, frame) {
    this.run = run;
    this.store.set({ frame });
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const path = `/v1/annotations/${encodeURIComponent(run)}/socket`;
    this.socket = new Socket(`${scheme}://${location.host}${path}`, {
      onHello: ({ lease, state }) => {
        this.store.set({ lease });
        if (state) this.#open(state);
        else this.view(this.state.shown, this.state.direction);
      },
      onEvent: (event) => this.#take(event),
      onMask: (mask) => this.#takeMask(mask),
      onConnection: (connection, why) => this.store.set({ connection, why }),
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
      const url = this.#urls(clip.video);
      this.#frames = new FrameStore({ url, first, end }, (frame) => this.#arrived(frame));
      const frame = Math.min(Math.max(this.state.frame, first), end - 1);
      this.store.set({ frame, shown: frame, window: { first, end } });
    }
    const selected = this.state.selected ?? objects[0]?.id ?? null;
    this.store.set({ clip, revision, objects, pending, stale, undo, redo, running });
    this.select(objectOf(this.state, selected)?.id ?? null);
    this.seek(this.state.frame);
  }

  /** Addresses of frames; once the clip's version is known, the browser may keep them.
   * @param {string} video  its id */
  #urls(video) {
    let version = "";
    void fetch(`/v1/videos/${video}`)
      .then((answer) => (answer.ok ? answer.json() : null))
      .then((facts) => (version = facts ? `&v=${facts.version}` : ""))
      .catch(() => {});
    return (/** @type {number} */ frame, /** @type {number} */ width) => {
      const size = width ? `&w=${width}` : "";
      return `/v1/videos/${video}/frames/${frame}?format=jpeg${size}${version}`;
    };
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
        this.store.set({ running: event.running });
        if (this.#follows && event.running.frame !== null) {
          this.seek(event.running.frame);
          this.#follows = true;
        }
        return;
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
    // What is tracked is transient as well, until it is a revision.
    const tracked = this.state.running !== null && mask.object > 0;
    if (mask.flags & TRANSIENT && !tracked) this.preview.take(mask);
    else {
      this.masks.add(mask);
      this.preview.replace();
    }
    this.onMasks();
  }

  /** @param {number} frame */
  #arrived(frame) {
    if (frame === this.state.frame) this.store.set({ shown: frame });
    this.onMasks();
  }

  /** Show frames as they are tracked, until the user goes elsewhere. */
  follow() {
    this.#follows = true;
  }

  #follows = false;

  /** Go to a frame.  @param {number} frame */
  seek(frame) {
    this.#follows = false;
    this.#choices += 1;
    const { clip, frame: before, shown } = this.state;
    if (!clip) return;
    const to = Math.min(Math.max(Math.round(frame), clip.first), clip.end - 1);
    const direction = wayOf(to - before, this.state.direction);
    this.preview.clear();
    this.store.set({
      frame: to,
      direction,
      alternatives: to === shown ? this.state.alternatives : null,
    });
    this.#frames.seek(to, direction);
    if (this.#frames.get(to) || this.#frames.refusal(to)) this.store.set({ shown: to });
    // Playback asks ahead.
    if (!this.state.playing || !this.masks.knows(to)) this.view(to, direction);
  }

  /** Ask for the masks of a frame: the newest wish only.
   * @param {number} frame  @param {1 | -1} direction */
  view(frame, direction) {
    this.#viewNext = { frame, direction };
    if (!this.#viewing) void this.#viewAll();
  }

  /** Whether an answer to `view` is waited for. */
  get viewing() {
    return this.#viewing;
  }

  async #viewAll() {
    this.#viewing = true;
    while (this.#viewNext && this.state.connection !== "lost") {
      const wish = this.#viewNext;
      this.#viewNext = null;
      const moment = this.masks.moment;
      try {
        const answer = await this.socket.request("view", wish);
        if (!answer.superseded) this.masks.settle(wish.frame, moment);
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
    this.#choices += 1;
    if (id === this.state.selected) this.#fresh = null;
    this.preview.clear();
    this.store.set({ selected: id, alternatives: null });
  }

  /** Give a prompt of the selected object, or of a new one, on the frame that is shown.
   * @param {WirePrompt} prompt  @returns {Promise<boolean>} whether it was taken */
  async prompt(prompt) {
    if (!this.may()) return false;
    const { selected, shown } = this.state;
    if (selected !== null && this.isLocked(selected)) return false;
    // The preview stays until the mask comes that it announced.
    this.preview.leave();
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

  /** Whether the user locked an object; says so.  @param {number} object */
  isLocked(object) {
    const locked = this.state.locked.has(object);
    if (locked) toast(`${nameOf(this.state, object)} is locked`);
    return locked;
  }

  /** Make an edit; says what the server refuses.
   * @param {import("./wire.js").MakeEdit["edit"]} edit */
  async edit(edit) {
    const objects = edit.kind === "merge" ? edit.objects : [edit.object];
    if (objects.some((object) => this.isLocked(object))) return null;
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

  /** Undo or redo, and go to where it was, unless the user has gone elsewhere meanwhile.
   * @param {"undo" | "redo"} type */
  async step(type) {
    if (!this.may()) return;
    const choices = this.#choices;
    const answer = await this.ask(type, {});
    if (!answer) return;
    const { step } = answer;
    if (!step) return toast(type === "undo" ? "Nothing to undo" : "Nothing to redo");
    const place = step.frame === null ? "" : ` (frame ${step.frame})`;
    toast(`${type === "undo" ? "Undone" : "Redone"}: ${step.title}${place}`);
    if (this.#choices !== choices) return;
    if (step.object !== null && objectOf(this.state, step.object)) this.select(step.object);
    if (step.frame !== null && step.frame !== this.state.frame) this.seek(step.frame);
    this.#choices = choices; // of the next step, which may be asked for already
  }
}
