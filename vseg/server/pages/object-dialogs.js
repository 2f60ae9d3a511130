// What is asked before an object is named, coloured, merged or deleted.

import { showDialog } from "./dialog.js";
import { h } from "./dom.js";
import { objectOf, titleOf } from "./state.js";

/** @typedef {import("./annotator.js").Annotator} Annotator */

/** The selected object, if any.  @param {Annotator} annotator */
const selectedOf = ({ state }) => objectOf(state, state.selected);

/** @param {string} title */
const footer = (title, className = "primary") =>
  h("footer", {}, h("button", { value: "yes", className }, title));

/** @param {Annotator} annotator */
export async function askName(annotator) {
  const object = selectedOf(annotator);
  if (!object || !annotator.may()) return;
  const input = h("input", {
    type: "text",
    maxLength: 200,
    value: object.label ?? "",
    placeholder: "its label: person, car …",
    id: "name",
  });
  const known = h(
    "datalist",
    { id: "labels" },
    ...labelsOf(annotator).map((value) => h("option", { value })),
  );
  input.setAttribute("list", "labels");
  queueMicrotask(() => input.select());
  const answer = await showDialog(
    "Name the object",
    h("label", {}, "Name ", input),
    known,
    footer("Name"),
  );
  const label = input.value.trim();
  if (answer === "yes" && label)
    await annotator.edit({ kind: "rename", object: object.id, label });
}

/** @param {Annotator} annotator */
const labelsOf = ({ state }) => [
  ...new Set(state.objects.flatMap(({ label }) => label ?? [])),
];

/** @param {Annotator} annotator */
export async function askColour(annotator) {
  const object = selectedOf(annotator);
  if (!object || !annotator.may()) return;
  const input = h("input", { type: "color", value: object.colour, id: "colour" });
  const answer = await showDialog(
    "Colour",
    h("label", {}, "Colour ", input),
    footer("Set colour"),
  );
  if (answer === "yes") {
    await annotator.edit({
      kind: "colour",
      object: object.id,
      colour: input.value.toLowerCase(),
    });
  }
}

/** @param {Annotator} annotator */
export async function askMerge(annotator) {
  const object = selectedOf(annotator);
  if (!object || !annotator.may()) return;
  const others = annotator.state.objects.filter(({ id }) => id !== object.id);
  const select = h(
    "select",
    { id: "other" },
    ...others.map((other) => h("option", { value: String(other.id) }, titleOf(other))),
  );
  const answer = await showDialog(
    `Merge with ${titleOf(object)}`,
    h("label", {}, "This object becomes part of it ", select),
    footer("Merge"),
  );
  if (answer === "yes" && select.value) {
    await annotator.edit({ kind: "merge", objects: [object.id, Number(select.value)] });
  }
}

/** @param {Annotator} annotator */
export async function askDelete(annotator) {
  const object = selectedOf(annotator);
  if (!object || !annotator.may()) return;
  const answer = await showDialog(
    `Delete ${titleOf(object)}?`,
    h("p", {}, "It goes from all frames. Undo brings it back."),
    footer("Delete", "danger"),
  );
  if (answer === "yes") await annotator.edit({ kind: "delete", object: object.id });
}
