// The stage: where the frame is shown, and where tools are used with pointer and crosshair.

import { byId } from "./dom.js";
import { covers } from "./masks.js";
import { paintFrame, paintOverlay } from "./painter.js";
import { shows } from "./state.js";
import { Viewport } from "./viewport.js";

/** @typedef {import("./annotator.js").Annotator} Annotator */
/** @typedef {import("./viewport.js").XY} XY */
/** @typedef {import("./tool.js").Tool} Tool */

/** Zoom of a wheel notch, and of a key. */
const NOTCH = 1.0015;
const KEY_ZOOM = 1.4;
/** CSS pixels that the crosshair moves. */
const CROSS_STEP = 12;
/** Widths that frames are asked for; wider ones at their own. */
const WIDTHS = [640, 960, 1280, 1920];

export class Stage {
  viewport = new Viewport();
  #element = byId("stage", HTMLElement);
  #picture = byId("picture", HTMLCanvasElement);
  #overlay = byId("overlay", HTMLCanvasElement);
  /** What the pointer does while it is pressed. @type {"tool" | "pan" | null} */
  #pressed = null;
  /** @type {XY} */
  #pointer = { x: 0, y: 0 };
  /** The key that is held for panning, as `KeyboardEvent.code`.  @type {string | null} */
  #panKey = null;
  #panned = false;
  #crossPressed = false;
  #dirty = { frame: false, overlay: false };
  #scheduled = false;

  /** @param {Annotator} annotator  @param {() => Tool} tool  @param {() => void} togglePlay */
  constructor(annotator, tool, togglePlay) {
    this.annotator = annotator;
    this.tool = tool;
    this.togglePlay = togglePlay;
    this.#listen();
    annotator.onMasks = () => this.draw({ frame: true });
    new ResizeObserver(([entry]) => {
      if (!entry) return;
      this.viewport.setStage(entry.contentRect.width, entry.contentRect.height);
      this.#changed();
    }).observe(this.#element);
    const { store } = annotator;
    store.on(["clip"], () => {
      const { clip } = annotator.state;
      if (clip) this.viewport.setFrame(clip.width, clip.height);
      this.#changed();
    });
    store.on(["shown"], () => this.draw({ frame: true }));
    store.on(
      [
        "objects",
        "pending",
        "selected",
        "hidden",
        "solo",
        "radius",
        "cross",
        "tool",
        "alternatives",
        "zones",
        "zone",
      ],
      () => this.draw({ frame: false }),
    );
  }

  /** Draw at the next refresh of the screen.  @param {{frame: boolean}} what */
  draw({ frame }) {
    this.#dirty = { frame: this.#dirty.frame || frame, overlay: true };
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    this.#scheduled = false;
    const { shown } = this.annotator.state;
    const image = this.annotator.frames.get(shown);
    if (this.#dirty.frame && image) {
      paintFrame(this.#picture, this.viewport, image);
      this.#element.dataset["frame"] = String(shown);
    }
    this.#dirty = { frame: false, overlay: false };
    const newest = paintOverlay(this.#overlay, this.viewport, this.annotator, this.tool());
    this.#element.dataset["mask"] = String(newest);
    this.#element.dataset["complete"] = String(this.annotator.masks.knows(shown));
    this.#element.style.cursor =
      this.#pressed === "pan" || this.#panKey ? "grab" : this.tool().cursor;
    const refusal = this.annotator.frames.refusal(shown);
    const note = byId("stage-note", HTMLElement);
    note.hidden = !refusal;
    note.textContent = refusal;
  }

  /** What is seen changed: its place, its scale. */
  #changed() {
    const { clip } = this.annotator.state;
    if (clip) {
      const needed = clip.width * this.viewport.scale * devicePixelRatio;
      const width = WIDTHS.find((each) => each >= needed) ?? clip.width;
      this.annotator.frames.resize(width < clip.width ? width : 0);
      this.annotator.frames.seek(this.annotator.state.frame, this.annotator.state.direction);
    }
    this.draw({ frame: true });
  }

  fit() {
    this.viewport.fit();
    this.#changed();
  }

  /** @param {1 | -1} way */
  zoom(way) {
    const { cross } = this.annotator.state;
    const { width, height } = this.viewport.stage;
    const at = cross ? this.viewport.toStage(cross) : { x: width / 2, y: height / 2 };
    this.viewport.zoom(at, KEY_ZOOM ** way);
    this.#changed();
  }

  /** Show a place of the frame.  @param {XY} corner */
  reveal(corner) {
    this.viewport.reveal(corner);
    this.annotator.store.set({ cross: corner });
    this.#changed();
  }

  /** Move the crosshair.  @param {number} dx  @param {number} dy  @param {boolean} fine */
  moveCross(dx, dy, fine) {
    const { frame, scale } = this.viewport;
    const step = fine ? 1 : Math.max(1, Math.round(CROSS_STEP / scale));
    const from = this.annotator.state.cross ?? {
      x: Math.floor(frame.width / 2) + 0.5,
      y: Math.floor(frame.height / 2) + 0.5,
    };
    const cross = this.viewport.clamp({ x: from.x + dx * step, y: from.y + dy * step });
    this.annotator.store.set({ cross });
    if (this.#crossPressed) this.tool().move(cross);
    else this.tool().hover(cross, true);
    this.reveal(cross);
    this.#element.setAttribute(
      "aria-label",
      `Frame; crosshair at ${Math.floor(cross.x)}, ${Math.floor(cross.y)}`,
    );
  }

  /** Press or release the tool at the crosshair.  @param {boolean} positive */
  pressCross(positive) {
    const { cross } = this.annotator.state;
    if (!cross) return this.moveCross(0, 0, false);
    const tool = this.tool();
    if (this.#crossPressed) tool.release();
    else tool.press(cross, positive);
    if (!tool.drags) tool.release();
    this.#crossPressed = tool.drags && !this.#crossPressed;
    this.draw({ frame: false });
  }

  /** @returns {boolean} whether there was anything to cancel */
  cancel() {
    const was = this.tool().cancel() || this.#crossPressed;
    this.#crossPressed = false;
    this.#pressed = null;
    this.draw({ frame: false });
    return was;
  }

  /** A key is held: the pointer pans; when it was not used for that, it plays.
   * @param {string} code */
  holdPan(code) {
    this.#panKey = code;
    this.#panned = false;
    this.draw({ frame: false });
  }

  #listen() {
    const stage = this.#element;
    stage.addEventListener("pointerdown", (event) => this.#down(event));
    stage.addEventListener("pointermove", (event) => this.#move(event));
    stage.addEventListener("pointerup", () => this.#up());
    stage.addEventListener("pointercancel", () => this.cancel());
    stage.addEventListener("pointerleave", () => {
      if (!this.#pressed) this.tool().hover(null, true);
      this.draw({ frame: false });
    });
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    addEventListener("keyup", ({ code }) => {
      if (code !== this.#panKey) return;
      this.#panKey = null;
      if (!this.#panned) this.togglePlay();
      this.draw({ frame: false });
    });
  }

  /** @param {MouseEvent} event  @returns {XY} */
  #onStage(event) {
    const { left, top } = this.#element.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.target !== this.#overlay || this.#pressed) return;
    this.#element.focus({ preventScroll: true });
    this.#element.setPointerCapture(event.pointerId);
    this.#pointer = this.#onStage(event);
    const at = this.viewport.toFrame(this.#pointer);
    if (event.button === 1 || this.#panKey) {
      this.#pressed = "pan";
      this.#panned = true;
    } else if (this.viewport.holds(at)) {
      if (event.ctrlKey || event.metaKey) return this.#selectAt(at);
      this.annotator.store.set({ cross: null });
      this.#pressed = "tool";
      this.tool().press(at, !event.altKey && event.button !== 2);
    }
    this.draw({ frame: false });
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const before = this.#pointer;
    this.#pointer = this.#onStage(event);
    if (this.#pressed === "pan") {
      this.viewport.pan(this.#pointer.x - before.x, this.#pointer.y - before.y);
      return this.draw({ frame: true });
    }
    if (this.#pressed === "tool") {
      // All places that the pointer passed, not only the last one.
      for (const each of event.getCoalescedEvents?.() ?? [event]) {
        this.tool().move(this.viewport.clamp(this.viewport.toFrame(this.#onStage(each))));
      }
    } else {
      const at = this.viewport.toFrame(this.#pointer);
      const over = event.target === this.#overlay && this.viewport.holds(at);
      this.tool().hover(over ? at : null, !event.altKey);
    }
    this.draw({ frame: false });
  }

  #up() {
    if (this.#pressed === "tool") this.tool().release();
    this.#pressed = null;
    this.draw({ frame: false });
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    const notches =
      event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : 30 * event.deltaY;
    if (event.shiftKey) {
      const { radius } = this.annotator.state;
      const along = event.deltaY || event.deltaX;
      return this.annotator.store.set({ radius: resized(radius, along < 0 ? 1 : -1) });
    }
    this.viewport.zoom(this.#onStage(event), NOTCH ** -notches);
    this.#changed();
  }

  /** Select the smallest mask at a place.  @param {XY} at */
  #selectAt(at) {
    const { state, masks } = this.annotator;
    const hit = [...masks.get(state.shown)]
      .filter(([id, { mask }]) => shows(state, id) && covers(mask, at.x, at.y))
      .sort(([, a], [, b]) => a.mask.width * a.mask.height - b.mask.width * b.mask.height);
    if (hit[0]) this.annotator.select(hit[0][0]);
  }
}

/** The next size of a brush: a fifth more or less, at least a pixel.
 * @param {number} radius  @param {1 | -1} way */
export function resized(radius, way) {
  const next =
    way > 0 ? Math.max(radius + 1, radius * 1.2) : Math.min(radius - 1, radius / 1.2);
  return Math.min(200, Math.max(1, Math.round(next)));
}
