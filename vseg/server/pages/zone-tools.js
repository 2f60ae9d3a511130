// Tools that draw zones and lines, and move what is drawn.

import { CLOSES } from "./click-tools.js";
import { Tool } from "./tool.js";
import { askZone } from "./zone-dialogs.js";
import { drawDraft, drawZones, middleOf } from "./zone-painter.js";

/** @typedef {import("./viewport.js").XY} XY */
/** @typedef {import("./state.js").ZonePlace} ZonePlace */
/** @typedef {import("./zone-board.js").ZoneBoard} ZoneBoard */

/** What is moved: its points as they are now, and which of them is held; -1 holds them all.
 * @typedef {{place: ZonePlace, points: XY[], corner: number, at: XY}} Held */

/** What both have: corners and ends are held where they are, a whole shape in its middle. */
class ZoneShapeTool extends Tool {
  /** @type {Held | null} */
  #held = null;
  /** The points that are drawn so far.  @type {XY[]} */
  draft = [];
  px = 1;

  /** @param {import("./annotator.js").Annotator} annotator  @param {ZoneBoard} board */
  constructor(annotator, board) {
    super(annotator);
    this.board = board;
  }

  /** @override @param {XY} at */
  press(at) {
    this.drags = false;
    if (!this.board.file) return;
    this.#held = this.draft.length ? null : this.#grabbed(at);
    if (this.#held) {
      this.drags = true;
      this.board.select(this.#held.place);
    } else this.begin(at);
  }

  /** Pressed where nothing is to be moved.  @param {XY} _at */
  begin(_at) {}

  /** @override @param {XY} at */
  move(at) {
    if (!this.#held) return;
    const { place, points, corner, at: before } = this.#held;
    if (corner >= 0) {
      this.#held = {
        place,
        corner,
        at,
        points: points.map((p, i) => (i === corner ? at : p)),
      };
      return;
    }
    const [dx, dy] = this.#within(points, at.x - before.x, at.y - before.y);
    const moved = points.map(({ x, y }) => ({ x: x + dx, y: y + dy }));
    const to = { x: before.x + dx, y: before.y + dy };
    this.#held = { place, corner, at: to, points: moved };
  }

  /** @override */
  release() {
    const held = this.#held;
    this.#held = null;
    if (!held) return;
    const before = this.board.pointsOf(held.place);
    const moved = held.points.some(({ x, y }, i) => x !== before[i]?.x || y !== before[i]?.y);
    if (moved) void this.board.move(held.place, held.points);
  }

  /** @override */
  cancel() {
    const { zone } = this.state;
    const was = this.#held !== null || this.draft.length > 0 || zone !== null;
    if (this.#held) this.#held = null;
    else if (this.draft.length) this.draft = this.draft.slice(0, -1);
    else this.board.select(null);
    return was;
  }

  /** @override @param {string} action */
  act(action) {
    const { zone } = this.state;
    switch (action) {
      case "undo":
        if (this.draft.length) this.draft = this.draft.slice(0, -1);
        else void this.board.step("undo");
        return true;
      case "redo":
        void this.board.step("redo");
        return true;
      case "next-object":
      case "previous-object":
        this.board.another(action === "next-object" ? 1 : -1);
        return true;
      case "rename":
        if (zone) void askZone(this.board, zone);
        return true;
      case "clear-prompts":
      case "delete-object":
        if (zone) void this.board.remove(zone);
        return true;
    }
    return false;
  }

  /** @override @param {CanvasRenderingContext2D} context  @param {number} px */
  draw(context, px) {
    this.px = px;
    drawZones(context, this.board, this.#held, px);
    drawDraft(context, this.draft, px);
  }

  /** @param {XY[]} points  drawn so far */
  keep(points) {
    this.draft = points;
  }

  /** @param {XY} a  @param {XY} b */
  isNear(a, b) {
    return Math.hypot(a.x - b.x, a.y - b.y) < CLOSES * this.px;
  }

  /** What is at a place: the selected shape first.  @param {XY} at  @returns {Held | null} */
  #grabbed(at) {
    const { zone } = this.state;
    const { places } = this.board;
    for (const place of zone ? [zone, ...places] : places) {
      const points = this.board.pointsOf(place);
      const corner = points.findIndex((point) => this.isNear(at, point));
      if (corner >= 0 || this.isNear(at, middleOf(points))) {
        return { place, points, corner, at };
      }
    }
    return null;
  }

  /** The part of a step by which no point leaves the frame.
   * @param {XY[]} points  @param {number} dx  @param {number} dy  @returns {[number, number]} */
  #within(points, dx, dy) {
    const { width, height } = this.state.clip ?? { width: 0, height: 0 };
    const xs = points.map(({ x }) => x);
    const ys = points.map(({ y }) => y);
    return [kept(dx, xs, width), kept(dy, ys, height)];
  }
}

/** @param {number} step  @param {number[]} from  @param {number} size */
function kept(step, from, size) {
  const least = Math.min(0, -Math.min(...from));
  const most = Math.max(0, size - Math.max(...from));
  return Math.min(Math.max(step, least), most);
}

export class ZoneTool extends ZoneShapeTool {
  hint = "Click the corners of a zone; Enter or a click on the first one closes it";

  /** @override @param {XY} at */
  begin(at) {
    const [first] = this.draft;
    if (first && this.draft.length >= 3 && this.isNear(at, first)) this.accept();
    else this.keep([...this.draft, at]);
  }

  /** @override */
  accept() {
    const corners = this.draft;
    if (corners.length < 3) return false;
    this.keep([]);
    void this.board.add("zone", corners).then((taken) => {
      // What was refused can be mended: Escape takes corners back.
      if (!taken && !this.draft.length) this.keep(corners);
    });
    return true;
  }
}

export class LineTool extends ZoneShapeTool {
  hint = "Drag from end to end; the arrow shows forward";

  /** @override @param {XY} at */
  begin(at) {
    this.drags = true;
    this.keep([at, at]);
  }

  /** @override @param {XY} at */
  move(at) {
    const [from] = this.draft;
    if (from) this.keep([from, at]);
    else super.move(at);
  }

  /** @override */
  release() {
    const [from, to] = this.draft;
    this.keep([]);
    if (!from || !to) return super.release();
    if (!this.isNear(from, to)) void this.board.add("line", [from, to]);
  }

  /** @override */
  cancel() {
    const was = this.draft.length > 0;
    this.keep([]);
    return was || super.cancel();
  }
}
