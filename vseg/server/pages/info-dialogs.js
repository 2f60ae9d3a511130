// Dialogs that tell: the keys, the statistics, and what can be taken out of the run.

import { showDialog } from "./dialog.js";
import { h } from "./dom.js";
import { keyName, KEYS } from "./keys.js";
import { toast } from "./toasts.js";

/** @typedef {import("./annotator.js").Annotator} Annotator */

export async function showKeys() {
  const groups = Map.groupBy(KEYS.filter(({ action }) => !/^object-[2-9]$/.test(action)), ({ group }) => group);
  const sections = [...groups].map(([group, rows]) =>
    h("section", {}, h("h3", {}, group), h("dl", {}, ...rows.flatMap((row) => {
      const digits = row.action === "object-1";
      const keys = digits ? "1 – 9" : row.keys.map(keyName).join(" or ");
      return [
        h("div", {}, h("dt", {}, digits ? "Object 1 to 9 of the list" : row.title),
          h("dd", {}, h("kbd", {}, keys))),
      ];
    }))),
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
    ["Time at work", minutes < 1 ? `${Math.round(answer.seconds)} s` : `${minutes.toFixed(1)} min`],
  ];
  const cards = facts.map(([name, value]) =>
    h("div", { className: "fact" }, h("b", {}, String(value)), h("span", {}, name)),
  );
  await showDialog("Statistics", h("div", { className: "facts" }, ...cards));
}

/** Formats by what they are called. */
const FORMATS = new Map([
  ["coco", "COCO"], ["ytvis", "YouTube-VIS"], ["davis", "DAVIS label images"],
  ["mots", "MOTS"], ["mot", "MOTChallenge boxes"], ["sav", "SA-V"], ["cvat", "CVAT"],
  ["labelme", "LabelMe"], ["label-studio", "Label Studio"], ["yolo-seg", "YOLO segmentation"],
  ["datumaro", "Datumaro"], ["parquet", "Parquet"],
]);

/** @param {Annotator} annotator */
export async function showExport(annotator) {
  const select = h(
    "select", { id: "format" },
    ...[...FORMATS].map(([value, title]) => h("option", { value }, title)),
  );
  const answer = await showDialog(
    "Export", h("label", {}, "Format ", select),
    h("p", { className: "dim" }, "What was propagated is exported; prompts that wait are not."),
    h("footer", {}, h("button", { value: "report" }, "HTML report"),
      h("button", { value: "export", className: "primary" }, "Export")),
  );
  if (answer !== "export" && answer !== "report") return;
  toast(answer === "report" ? "Writing the report …" : "Exporting …");
  const file = await (answer === "report"
    ? annotator.ask("report", {})
    : annotator.ask("export", { format: select.value }));
  if (file) download(file.url, file.name);
}

/** @param {string} href  @param {string} name */
function download(href, name) {
  const link = h("a", { href, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  toast(`${name} is ready`);
}
