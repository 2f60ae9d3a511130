// Jumps along the lanes: to the next anchor, to the next risky frame.

import { LEAST_RISK } from "./lane-painter.js";
import { toast } from "./toasts.js";

/** @typedef {import("./annotator.js").Annotator} Annotator */

/** Cells of a question: those of a clip of ten hours hold some 500 frames each. */
const BINS = 2000;

/** @param {Annotator} annotator  @param {1 | -1} way */
export async function seekAnchor(annotator, way) {
  const { clip, frame, selected } = annotator.state;
  if (!clip || selected === null) return toast("Select an object first");
  const [first, end] = way > 0 ? [frame + 1, clip.end] : [clip.first, frame];
  const anchors = (await lanesOf(annotator, first, end, [selected])).flatMap((lane) => [
    ...lane.anchors,
    ...lane.pending,
  ]);
  const next = way > 0 ? Math.min(...anchors) : Math.max(...anchors);
  if (Number.isFinite(next)) annotator.seek(next);
  else toast(way > 0 ? "No later anchor of the object" : "No earlier anchor of the object");
}

/** Go to the next frame with a risk, of the selected object or, without one, of any.
 * @param {Annotator} annotator  @param {1 | -1} way */
export async function seekRisk(annotator, way) {
  const { clip, frame, selected } = annotator.state;
  if (!clip) return;
  const objects = selected === null ? null : [selected];
  let [first, end] = way > 0 ? [frame + 1, clip.end] : [clip.first, frame];
  // Down to single frames: a cell of many frames says only that one of them is risky.
  while (end - first > 0) {
    const cells = Math.min(BINS, end - first);
    const cell = riskyCell(await lanesOf(annotator, first, end, objects), cells, way);
    if (cell === null) break;
    const begin = first + Math.ceil((cell * (end - first)) / cells);
    const stop = first + Math.ceil(((cell + 1) * (end - first)) / cells);
    if (stop - begin <= 1) return annotator.seek(begin);
    [first, end] = [begin, stop];
  }
  toast(way > 0 ? "No risky frame ahead" : "No risky frame before");
}

/** @param {import("./wire.js").LaneCells[]} lanes
 * @param {number} cells  @param {1 | -1} way */
function riskyCell(lanes, cells, way) {
  for (let i = 0; i < cells; i++) {
    const cell = way > 0 ? i : cells - 1 - i;
    if (lanes.some(({ risk }) => (risk[cell] ?? -1) >= LEAST_RISK)) return cell;
  }
  return null;
}

/** @param {Annotator} annotator  @param {number} first  @param {number} end
 * @param {number[] | null} objects */
async function lanesOf(annotator, first, end, objects) {
  if (end <= first) return [];
  const answer = await annotator.ask("lanes", { first, end, bins: BINS, objects });
  return answer?.lanes ?? [];
}
