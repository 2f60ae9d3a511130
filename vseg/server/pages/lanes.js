// Lanes of the objects over time, the window that they show, and the minimap of the clip.

import { byId } from "./dom.js";
import {
  frameAt,
  GUTTER,
  paintLane,
  paintName,
  paintPlayhead,
  paintRuler,
  paintSpan,
  ROW,
  RULER,
  themeOf,
  xOf,
} from "./lane-painter.js";
import { mountMinimap } from "./minimap.js";
import { prepared } from "./painter.js";

/** @typedef {import("./annotator.js").Annotator} Annotator */

/** Milliseconds after a change before lanes are asked for: several come together. */
const SETTLES = 120;
/** Milliseconds between questions while risk is still being found out. */
const RISK_WAIT = 2000;
/** The fewest frames that a window shows. */
const LEAST_WINDOW = 8;

export class Lanes {
  #canvas = byId("lanes", HTMLCanvasElement);
  #size = { width: 1, height: 1 };
  #top = 0;
  #timer = 0;
  #scheduled = false;
  /** @type {"seek" | "span" | "pan" | null} */
  #drag = null;
  #dragX = 0;

  /** @param {Annotator} annotator */
  constructor(annotator) {
    this.annotator = annotator;
    const { store } = annotator;
    new ResizeObserver(([entry]) => {
      if (entry)
        this.#size = { width: entry.contentRect.width, height: entry.contentRect.height };
      this.#ask();
      this.#draw();
    }).observe(byId("lanes-area", HTMLElement));
    store.on(["window", "revision", "pending", "stale", "clip", "connection"], () =>
      this.#ask(),
    );
    store.on(["selected", "objects"], () => this.#reveal());
    store.on(["lanes", "frame", "objects", "selected", "span", "window"], () => this.#draw());
    store.on(["frame"], () => this.#follow());
    this.#listen();
    mountMinimap(annotator);
    addEventListener("themechange", () => this.#draw());
    annotator.onLanes = () => this.#ask();
  }

  get #axis() {
    return { ...this.annotator.state.window, width: this.#size.width };
  }

  get #rows() {
    return Math.max(1, Math.floor((this.#size.height - RULER) / ROW));
  }

  get #objects() {
    return this.annotator.state.objects.slice(this.#top, this.#top + this.#rows);
  }

  /** @param {number} [wait] */
  #ask(wait = SETTLES) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#fetch(), wait);
  }

  async #fetch() {
    const { clip, window, connection } = this.annotator.state;
    const objects = this.#objects.map(({ id }) => id);
    if (!clip || connection !== "open" || !objects.length) return;
    const bins = Math.min(2000, Math.max(1, Math.round((this.#size.width - GUTTER) / 2)));
    const lanes = await this.annotator.socket
      .request("lanes", { ...window, bins, objects })
      .catch(() => null);
    if (!lanes) return;
    this.annotator.store.set({ lanes });
    if (lanes.risk_known < 1) this.#ask(RISK_WAIT);
  }

  #draw() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#paint();
    });
  }

  #paint() {
    const { state } = this.annotator;
    const { width, height } = this.#size;
    const context = prepared(this.#canvas, width, height);
    const [axis, theme] = [this.#axis, themeOf(this.#canvas)];
    paintRuler(context, axis, theme, height);
    this.#objects.forEach((object, i) => {
      const y = RULER + i * ROW;
      paintName(context, axis, theme, y, object, object.id === state.selected);
      const lane = state.lanes?.lanes.find((each) => each.object === object.id);
      if (!lane || !state.lanes) return;
      const { first, end, cells } = state.lanes;
      const cellX = (/** @type {number} */ k) =>
        xOf(axis, first + (k * (end - first)) / cells);
      paintLane({ context, axis, theme, y, colour: object.colour, cellX }, lane);
    });
    const { span, frame } = state;
    if (span)
      paintSpan(
        context,
        axis,
        theme,
        { first: span.first, end: span.end ?? frame + 1 },
        height,
      );
    paintPlayhead(context, axis, theme, frame, height);
    this.#say();
  }

  #say() {
    const { clip, frame, window } = this.annotator.state;
    if (!clip) return;
    const shown = `lanes of frames ${window.first} to ${window.end - 1}`;
    this.#canvas.setAttribute("aria-valuemin", String(clip.first));
    this.#canvas.setAttribute("aria-valuemax", String(clip.end - 1));
    this.#canvas.setAttribute("aria-valuenow", String(frame));
    this.#canvas.setAttribute("aria-valuetext", `frame ${frame}; ${shown}`);
  }

  /** Keep the row of the selected object in sight. */
  #reveal() {
    const { objects, selected } = this.annotator.state;
    const row = objects.findIndex(({ id }) => id === selected);
    const top = this.#top;
    if (row >= 0) this.#top = Math.min(Math.max(this.#top, row - this.#rows + 1), row);
    this.#top = Math.max(0, Math.min(this.#top, objects.length - this.#rows));
    if (top !== this.#top || !this.annotator.state.lanes) this.#ask(0);
    this.#draw();
  }

  /** Keep the frame inside the window. */
  #follow() {
    const {
      frame,
      window: { first, end },
    } = this.annotator.state;
    if (frame >= first && frame < end) return;
    this.move(frame - (frame < first ? first : end - 1));
  }

  /** Move the window.  @param {number} frames */
  move(frames) {
    const {
      window: { first, end },
    } = this.annotator.state;
    this.show(first + frames, end + frames);
  }

  /** Show frames [first, end), or as many within the clip.
   * @param {number} first  @param {number} end */
  show(first, end) {
    const { clip } = this.annotator.state;
    if (!clip) return;
    const length = Math.min(
      Math.max(Math.round(end - first), LEAST_WINDOW),
      clip.end - clip.first,
    );
    const from = Math.min(Math.max(Math.round(first), clip.first), clip.end - length);
    this.annotator.store.set({ window: { first: from, end: from + length } });
  }

  /** Show half or twice as many frames, with the frame of the user where it is.
   * @param {1 | -1} way */
  zoom(way) {
    const {
      frame,
      window: { first, end },
    } = this.annotator.state;
    const factor = 2 ** -way;
    this.show(frame - (frame - first) * factor, frame + (end - frame) * factor);
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", () => (this.#drag = null));
    canvas.addEventListener("pointercancel", () => (this.#drag = null));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  /** @param {PointerEvent} event */
  #down(event) {
    const { x, y } = this.#place(event);
    const row = Math.floor((y - RULER) / ROW);
    const object = y >= RULER ? this.#objects[row] : undefined;
    if (object) this.annotator.select(object.id);
    this.#canvas.setPointerCapture(event.pointerId);
    this.#dragX = x;
    if (x < GUTTER) return;
    this.#drag = event.button === 1 ? "pan" : event.shiftKey ? "span" : "seek";
    const frame = Math.floor(frameAt(this.#axis, x));
    if (this.#drag === "span") {
      this.annotator.store.set({ span: { first: frame, end: frame + 1 } });
    }
    if (this.#drag !== "pan") this.annotator.seek(frame);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (!this.#drag) return;
    const { x } = this.#place(event);
    const frame = Math.floor(frameAt(this.#axis, Math.max(GUTTER, x)));
    if (this.#drag === "pan") {
      this.move(frameAt(this.#axis, this.#dragX) - frameAt(this.#axis, x));
      this.#dragX = x;
    } else this.annotator.seek(frame);
    if (this.#drag !== "span") return;
    const from = Math.floor(frameAt(this.#axis, this.#dragX));
    const [first, last] = [Math.min(from, frame), Math.max(from, frame)];
    this.annotator.store.set({ span: { first, end: last + 1 } });
  }

  /** @param {MouseEvent} event */
  #place(event) {
    const { left, top } = this.#canvas.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  /** Zoom at the pointer; sideways or with Shift: pan; over the names: other rows.
   * @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    const { x } = this.#place(event);
    const { first, end } = this.annotator.state.window;
    if (x < GUTTER) {
      const most = Math.max(0, this.annotator.state.objects.length - this.#rows);
      this.#top = Math.min(most, Math.max(0, this.#top + Math.sign(event.deltaY)));
      this.#ask();
      return this.#draw();
    }
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (sideways) return this.move((sideways / 500) * (end - first));
    const at = frameAt(this.#axis, x);
    const factor = 1.002 ** event.deltaY;
    this.show(at - (at - first) * factor, at + (end - at) * factor);
  }
}
