// The dialog of files: what can be taken out of the run, and masks that come back.

import { closeDialog, showDialog } from "./dialog.js";
import { h } from "./dom.js";
import { toast } from "./toasts.js";

/** @typedef {import("./annotator.js").Annotator} Annotator */

/** Formats of `vseg export`, by what they are called. */
const FORMATS = new Map(
  Object.entries({
    coco: "COCO",
    "coco-polygons": "COCO, polygons",
    ytvis: "YouTube-VIS, results",
    "ytvis-gt": "YouTube-VIS, annotations",
    davis: "DAVIS label images",
    png: "PNG masks",
    mots: "MOTS",
    "mots-png": "MOTS label images",
    mot: "MOTChallenge boxes",
    sav: "SA-V",
    cvat: "CVAT video",
    "cvat-images": "CVAT images",
    datumaro: "Datumaro",
    labelme: "LabelMe",
    "label-studio": "Label Studio video",
    "label-studio-boxes": "Label Studio boxes",
    "label-studio-images": "Label Studio images",
    "yolo-seg": "YOLO segmentation",
    "yolo-track": "YOLO tracks",
    fiftyone: "FiftyOne",
    parquet: "Parquet",
    prores: "ProRes with alpha",
    ffv1: "FFV1 with alpha",
  }),
);

/** @param {Annotator} annotator */
export async function showExport(annotator) {
  const select = h(
    "select",
    { id: "format" },
    ...[...FORMATS].map(([value, title]) => h("option", { value }, title)),
  );
  const file = h("input", { type: "file", hidden: true });
  file.addEventListener("change", () => {
    const [chosen] = file.files ?? [];
    if (!chosen) return;
    closeDialog();
    void bringIn(annotator, chosen);
  });
  const choose = () => file.click();
  const open = h("button", { type: "button", onclick: choose }, "Import masks …");
  const answer = await showDialog(
    "Export and import",
    h("label", {}, "Format ", select),
    h(
      "p",
      { className: "dim" },
      "What was propagated is exported; prompts that wait are not.",
    ),
    h(
      "footer",
      {},
      open,
      file,
      h("span", { className: "grow" }),
      h("button", { value: "report" }, "HTML report"),
      h("button", { value: "export", className: "primary" }, "Export"),
    ),
  );
  if (answer !== "export" && answer !== "report") return;
  toast(answer === "report" ? "Writing the report …" : "Exporting …");
  const made = await (answer === "report"
    ? annotator.ask("report", {})
    : annotator.ask("export", { format: select.value }));
  if (made) download(made.url, made.name);
}

/** @param {string} href  @param {string} name */
function download(href, name) {
  const link = h("a", { href, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  toast(`${name} is ready`);
}

/** Take masks back that another program changed, as one revision.
 * @param {Annotator} annotator  @param {File} file */
async function bringIn(annotator, file) {
  if (!annotator.may()) return;
  toast(`Importing ${file.name} …`);
  const name = encodeURIComponent(file.name.replace(/[^\w.+-]/g, "_"));
  const answer = await fetch(`/v1/annotations/${annotator.run}/import?name=${name}`, {
    method: "POST",
    body: file,
  });
  if (answer.ok) return toast(`${file.name} is imported`);
  const { detail, hint } = await answer.json().catch(() => ({}));
  toast(detail ?? `The server answered ${answer.status}`, { hint, kind: "bad" });
}
