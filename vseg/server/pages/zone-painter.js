// Zones and lines as they are drawn over a frame, in frame pixels.

/** @typedef {import("./viewport.js").XY} XY */
/** @typedef {import("./state.js").ZonePlace} ZonePlace */

const ZONE = "#ffd500";
const LINE = "#ff6a5e";
const DARK = "rgb(0 0 0 / 0.6)";
/** CSS pixels of an arrow from a line's middle. */
const ARROW = 34;

/** The mean of all points: where a shape is held.  @param {XY[]} points  @returns {XY} */
export function middleOf(points) {
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const mean = (/** @type {number[]} */ all) =>
    all.reduce((s, one) => s + one, 0) / all.length;
  return { x: mean(xs), y: mean(ys) };
}

/** All zones and lines.
 * @param {CanvasRenderingContext2D} context  @param {import("./zone-board.js").ZoneBoard} board
 * @param {import("./zone-tools.js").Held | null} held  what is being moved
 * @param {number} px  a CSS pixel in frame pixels */
export function drawZones(context, board, held, px) {
  const { zone } = board.annotator.state;
  for (const place of board.places) {
    const isAt = (/** @type {ZonePlace | null | undefined} */ other) =>
      other?.kind === place.kind && other.index === place.index;
    const points = held && isAt(held.place) ? held.points : board.pointsOf(place);
    if (points.length) drawShape(context, place.kind, points, isAt(zone), px);
    const name = board.titleOf(place);
    const { x, y } = place.kind === "zone" ? middleOf(points) : tipOf(points, px);
    drawName(context, name, { x: x + 10 * px, y }, colourOf(place.kind), px);
  }
}

/** What is drawn and not closed yet.
 * @param {CanvasRenderingContext2D} context  @param {XY[]} points  @param {number} px */
export function drawDraft(context, points, px) {
  if (!points.length) return;
  context.setLineDash([5 * px, 4 * px]);
  stroke(context, pathOf(points), "#fff", px, 2);
  context.setLineDash([]);
  drawHandles(context, points, "#fff", px);
}

/** @param {"zone" | "line"} kind */
const colourOf = (kind) => (kind === "zone" ? ZONE : LINE);

/** @param {CanvasRenderingContext2D} context  @param {"zone" | "line"} kind
 * @param {XY[]} points  @param {boolean} selected  @param {number} px */
function drawShape(context, kind, points, selected, px) {
  const colour = colourOf(kind);
  const path = pathOf(points);
  if (kind === "zone") {
    path.closePath();
    context.globalAlpha = selected ? 0.22 : 0.1;
    context.fillStyle = colour;
    context.fill(path);
    context.globalAlpha = 1;
  } else arrow(path, points, px);
  stroke(context, path, colour, px, selected ? 3 : 2);
  drawHandles(context, selected ? [...points, middleOf(points)] : points, colour, px);
}

/** Where the arrow of a line ends: forward, to the right of its direction.
 * @param {XY[]} points  @param {number} px  @returns {XY} */
function tipOf([begin, end], px) {
  if (!begin || !end) return { x: 0, y: 0 };
  const length = Math.max(Math.hypot(end.x - begin.x, end.y - begin.y), 1e-6);
  const reach = (ARROW * px) / length;
  const { x, y } = middleOf([begin, end]);
  return { x: x - reach * (end.y - begin.y), y: y + reach * (end.x - begin.x) };
}

/** @param {Path2D} path  @param {XY[]} points  @param {number} px */
function arrow(path, points, px) {
  const from = middleOf(points);
  const tip = tipOf(points, px);
  const angle = Math.atan2(tip.y - from.y, tip.x - from.x);
  path.moveTo(from.x, from.y);
  path.lineTo(tip.x, tip.y);
  for (const turn of [-0.45, 0.45]) {
    path.moveTo(tip.x, tip.y);
    path.lineTo(
      tip.x - 12 * px * Math.cos(angle + turn),
      tip.y - 12 * px * Math.sin(angle + turn),
    );
  }
}

/** @param {XY[]} points */
function pathOf(points) {
  const path = new Path2D();
  for (const { x, y } of points) path.lineTo(x, y);
  return path;
}

/** @param {CanvasRenderingContext2D} context  @param {Path2D} path  @param {string} colour
 * @param {number} px  @param {number} width */
function stroke(context, path, colour, px, width) {
  context.lineCap = "round";
  context.lineJoin = "round";
  context.lineWidth = (width + 2) * px;
  context.strokeStyle = DARK;
  context.stroke(path);
  context.lineWidth = width * px;
  context.strokeStyle = colour;
  context.stroke(path);
}

/** @param {CanvasRenderingContext2D} context  @param {XY[]} points  @param {string} colour
 * @param {number} px */
function drawHandles(context, points, colour, px) {
  for (const { x, y } of points) {
    context.fillStyle = DARK;
    context.fillRect(x - 4.5 * px, y - 4.5 * px, 9 * px, 9 * px);
    context.fillStyle = colour;
    context.fillRect(x - 3 * px, y - 3 * px, 6 * px, 6 * px);
  }
}

/** @param {CanvasRenderingContext2D} context  @param {string} text  @param {XY} at
 * @param {string} colour  @param {number} px */
function drawName(context, text, { x, y }, colour, px) {
  context.font = `600 ${13 * px}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  context.lineWidth = 4 * px;
  context.strokeStyle = DARK;
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
}
