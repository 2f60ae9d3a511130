// The settings of a zone or a line, and what happened in all of them.

import { showDialog } from "./dialog.js";
import { actionButton, h } from "./dom.js";

/** @typedef {import("./annotator.js").Annotator} Annotator */
/** @typedef {import("./state.js").ZonePlace} ZonePlace */
/** @typedef {import("./zone-board.js").ZoneBoard} ZoneBoard */
/** @typedef {import("./wire.js").ZoneSettings} ZoneSettings */
/** @typedef {import("./wire.js").LineSettings} LineSettings */

/** What the bar holds while a zone tool is in hand.  @param {ZoneBoard} board */
export function zoneOptions(board) {
  const { zone, zones } = board.annotator.state;
  const choice = h("select", { id: "zone", "aria-label": "Zone or line" });
  board.places.forEach((place, i) => {
    const option = h("option", { value: String(i) }, board.nameOf(place));
    option.selected = place.kind === zone?.kind && place.index === zone.index;
    choice.append(option);
  });
  if (!zone) choice.selectedIndex = -1;
  choice.addEventListener("change", () => {
    board.select(board.places[Number(choice.value)] ?? null);
    choice.blur();
  });
  const any = board.places.length > 0 || (zones?.near?.length ?? 0) > 0;
  const chosen = [
    actionButton("rename", "rename", "Settings", { labelled: true }),
    actionButton("clear-prompts", "trash", "Delete"),
  ];
  return [
    ...(board.places.length ? [choice] : [h("span", {}, "No zone and no line yet")]),
    ...(zone ? chosen : []),
    ...(any ? [actionButton("zone-events", "chart", "Events", { labelled: true })] : []),
  ];
}

/** Ask for the settings of a shape.  @param {ZoneBoard} board  @param {ZonePlace} place */
export async function askZone(board, place) {
  if (!board.annotator.may()) return;
  const { zone = [], line = [] } = board.file ?? {};
  const form =
    place.kind === "zone" ? zoneForm(zone[place.index]) : lineForm(line[place.index]);
  if (!form) return;
  const answer = await showDialog(
    place.kind === "zone" ? "Zone" : "Line",
    h("div", { className: "fields" }, ...form.fields),
    h("footer", {}, h("button", { value: "yes", className: "primary" }, "Save")),
  );
  if (answer === "yes") await board.set(place, form.read());
}

/** @param {ZoneSettings | undefined} zone */
function zoneForm(zone) {
  if (!zone) return null;
  const name = text("zone-name", zone.name);
  const labels = text("zone-labels", (zone.labels ?? []).join(", "), "all");
  const rule = choiceOf("zone-rule", zone.rule ?? "foot", [
    ["foot", "its lowest part"],
    ["share", `${Math.round(100 * (zone.share ?? 0.5))} % of it`],
  ]);
  const loiter = number("zone-loiter", zone.loiter_s);
  const crowded = number("zone-crowded", zone.crowded_from, "1");
  const left = number("zone-left", zone.left_s);
  const fields = [
    field("Name", name),
    field("Labels that count", labels),
    field("Inside is", rule),
    field("Loitering after, seconds", loiter),
    field("Crowded from, objects", crowded),
    field("Left behind after, seconds", left),
  ];
  const read = () => ({
    name: name.value.trim(),
    labels: listOf(labels.value),
    rule: /** @type {"foot" | "share"} */ (rule.value),
    loiter_s: valueOf(loiter),
    crowded_from: valueOf(crowded),
    left_s: valueOf(left),
  });
  return { fields, read };
}

/** @param {LineSettings | undefined} line */
function lineForm(line) {
  if (!line) return null;
  const { forward: ahead = "forward", backward: back = "backward" } = line;
  const name = text("zone-name", line.name);
  const labels = text("zone-labels", (line.labels ?? []).join(", "), "all");
  const forward = text("zone-forward", ahead);
  const backward = text("zone-backward", back);
  const wrong = line.allowed === ahead ? "backward" : line.allowed === back ? "forward" : "";
  const way = choiceOf("zone-wrong", wrong, [
    ["", "neither"],
    ["backward", "against the arrow"],
    ["forward", "with the arrow"],
  ]);
  const turned = h("input", { type: "checkbox", id: "zone-turned" });
  const fields = [
    field("Name", name),
    field("Labels that count", labels),
    field("With the arrow is called", forward),
    field("Against it", backward),
    field("The wrong way is", way),
    field("Turn the arrow", turned),
  ];
  const read = () => {
    const names = { forward: forward.value.trim(), backward: backward.value.trim() };
    const right = way.value === "backward" ? names.forward : names.backward;
    const ends = turned.checked ? { begin: line.end, end: line.begin } : {};
    return {
      name: name.value.trim(),
      labels: listOf(labels.value),
      ...names,
      ...ends,
      allowed: way.value ? right : null,
    };
  };
  return { fields, read };
}

/** @param {string} title  @param {HTMLElement} input */
const field = (title, input) => h("label", {}, h("span", {}, title), input);

/** @param {string} id  @param {string} value  @param {string} [placeholder] */
const text = (id, value, placeholder = "") =>
  h("input", { type: "text", id, value, placeholder, maxLength: 80, autocomplete: "off" });

/** @param {string} id  @param {number | null | undefined} value  @param {string} [step] */
const number = (id, value, step = "any") =>
  h("input", {
    type: "number",
    id,
    value: value ?? "",
    min: step === "any" ? "0" : step,
    step,
    placeholder: "off",
  });

/** @param {string} id  @param {string} chosen  @param {[string, string][]} options */
function choiceOf(id, chosen, options) {
  const all = options.map(([value, title]) =>
    h("option", { value, selected: value === chosen }, title),
  );
  return h("select", { id }, ...all);
}

/** @param {string} value  labels between commas */
const listOf = (value) =>
  value
    .split(",")
    .map((each) => each.trim())
    .filter(Boolean);

/** @param {HTMLInputElement} input */
const valueOf = ({ value }) => (value === "" ? null : Number(value));

const TITLES = [
  ["Place", "place"],
  ["Event", "kind"],
  ["Label", "label"],
  ["Direction", "direction"],
  ["Count", "count"],
  ["Mean s", "mean_s"],
  ["Longest s", "longest_s"],
  ["At once", "most"],
];

/** Judge the run by its zones, and show what happened.  @param {Annotator} annotator */
export async function showZoneEvents(annotator) {
  const answer = await annotator.ask("zone_events", {});
  if (!answer) return;
  const rows = answer.rows.map((row) =>
    h("tr", {}, ...TITLES.map(([, key = ""]) => h("td", {}, shown(Reflect.get(row, key))))),
  );
  const head = h("tr", {}, ...TITLES.map(([title = ""]) => h("th", { scope: "col" }, title)));
  const table = h(
    "table",
    { id: "zone-events" },
    h("thead", {}, head),
    h("tbody", {}, ...rows),
  );
  const none = annotator.state.objects.some((object) => object.stored)
    ? "No object enters a zone or crosses a line: an object is where its lowest part is."
    : "Nothing has happened in the zones yet: propagate objects first.";
  await showDialog("Events of the zones", rows.length ? table : h("p", {}, none));
}

/** @param {string | number | null} value */
function shown(value) {
  if (value === null) return "";
  return typeof value === "number" && !Number.isInteger(value)
    ? value.toFixed(2)
    : String(value);
}
