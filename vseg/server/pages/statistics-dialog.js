// The dialog of the statistics.

import { showDialog } from "./dialog.js";
import { h } from "./dom.js";

/** @typedef {import("./annotator.js").Annotator} Annotator */

/** @param {Annotator} annotator */
export async function showStatistics(annotator) {
  const answer = await annotator.ask("statistics", {});
  if (!answer) return;
  const minutes = answer.seconds / 60;
  /** @type {[string, string | number][]} */
  const facts = [
    ["Objects", answer.objects],
    ["Prompts", answer.prompts],
    ["Clicks", answer.points],
    ["Edits", answer.edits],
    ["Propagations", answer.propagations],
    ["Undone", answer.undone],
    ["Frames tracked", answer.frames_tracked],
    [`Spans corrected, of ${answer.corrected_frames} frames`, answer.corrected_spans],
    [`Spans accepted, of ${answer.accepted_frames} frames`, answer.accepted_spans],
    [
      "Time at work",
      minutes < 1 ? `${Math.round(answer.seconds)} s` : `${minutes.toFixed(1)} min`,
    ],
  ];
  const cards = facts.map(([name, value]) =>
    h("div", { className: "fact" }, h("b", {}, String(value)), h("span", {}, name)),
  );
  await showDialog("Statistics", h("div", { className: "facts" }, ...cards));
}
