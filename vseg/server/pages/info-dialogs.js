// Dialogs that tell: the keys and the statistics.

import { showDialog } from "./dialog.js";
import { h } from "./dom.js";
import { keyName, KEYS } from "./keys.js";

/** @typedef {import("./annotator.js").Annotator} Annotator */

export async function showKeys() {
  const groups = Map.groupBy(
    KEYS.filter(({ action }) => !/^object-[2-9]$/.test(action)),
    ({ group }) => group,
  );
  const sections = [...groups].map(([group, rows]) =>
    h(
      "section",
      {},
      h("h3", {}, group),
      h(
        "dl",
        {},
        ...rows.flatMap((row) => {
          const digits = row.action === "object-1";
          const keys = digits ? "1 – 9" : row.keys.map(keyName).join(" or ");
          return [
            h(
              "div",
              {},
              h("dt", {}, digits ? "Object 1 to 9 of the list" : row.title),
              h("dd", {}, h("kbd", {}, keys)),
            ),
          ];
        }),
      ),
    ),
  );
  await showDialog("Keys", h("div", { className: "keys" }, ...sections));
}

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
    ["Frames corrected", answer.corrected_frames],
    ["Frames accepted", answer.accepted_frames],
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
