// Prompts as they are drawn over a frame, in frame pixels.

/** @typedef {import("./wire.js").AddPrompt["prompt"]} WirePrompt */

const FOR = "#35c46a";
const AGAINST = "#ff5a52";

/** @param {CanvasRenderingContext2D} context  @param {WirePrompt} prompt
 * @param {number} px  a CSS pixel in frame pixels */
export function drawMarks(context, prompt, px) {
  switch (prompt.kind) {
    case "points":
      prompt.xy.forEach(([x, y], i) =>
        drawPoint(context, x + 0.5, y + 0.5, prompt.positive[i] ?? true, px),
      );
      break;
    case "box": {
      const [x1, y1, x2, y2] = prompt.xyxy;
      const path = new Path2D();
      path.rect(x1, y1, x2 - x1, y2 - y1);
      twice(context, path, px, FOR, [6 * px, 4 * px]);
      break;
    }
    case "scribble":
      twice(
        context,
        lineOf(prompt.xy, 0.5),
        px,
        prompt.positive === false ? AGAINST : FOR,
        [],
      );
      break;
    case "polygon":
      for (const ring of prompt.rings) drawRing(context, ring, px);
  }
}

/** @param {CanvasRenderingContext2D} context  @param {number} x  @param {number} y
 * @param {boolean} positive  @param {number} px */
function drawPoint(context, x, y, positive, px) {
  context.beginPath();
  context.arc(x, y, 6.5 * px, 0, 2 * Math.PI);
  context.fillStyle = positive ? FOR : AGAINST;
  context.fill();
  context.lineWidth = 1.5 * px;
  context.strokeStyle = "#fff";
  context.stroke();
  context.beginPath();
  context.moveTo(x - 3 * px, y);
  context.lineTo(x + 3 * px, y);
  if (positive) {
    context.moveTo(x, y - 3 * px);
    context.lineTo(x, y + 3 * px);
  }
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context  @param {[number, number][]} ring
 * @param {number} px */
function drawRing(context, ring, px) {
  const path = lineOf(ring, 0);
  path.closePath();
  twice(context, path, px, FOR, []);
  context.fillStyle = "#fff";
  for (const [x, y] of ring) context.fillRect(x - 2 * px, y - 2 * px, 4 * px, 4 * px);
}

/** @param {[number, number][]} points  @param {number} shift */
function lineOf(points, shift) {
  const path = new Path2D();
  for (const [x, y] of points) path.lineTo(x + shift, y + shift);
  const [only] = points;
  if (only && points.length === 1) path.lineTo(only[0] + shift + 0.01, only[1] + shift);
  return path;
}

/** A line that is seen on every ground: dark below, coloured above.
 * @param {CanvasRenderingContext2D} context  @param {Path2D} path  @param {number} px
 * @param {string} colour  @param {number[]} dash */
function twice(context, path, px, colour, dash) {
  context.lineCap = "round";
  context.lineJoin = "round";
  context.lineWidth = 4 * px;
  context.strokeStyle = "rgb(0 0 0 / 0.55)";
  context.stroke(path);
  context.setLineDash(dash);
  context.lineWidth = 2 * px;
  context.strokeStyle = colour;
  context.stroke(path);
  context.setLineDash([]);
}
