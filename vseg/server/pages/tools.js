// The tools: which one is in hand, the bar to choose them, and what belongs to the chosen one.

import { BrushTool } from "./brush-tool.js";
import { BoxTool, PointTool, PolygonTool, ScribbleTool } from "./click-tools.js";
import { actionButton, byId, h } from "./dom.js";
import { ExemplarTool } from "./exemplar-tool.js";
import { askExemplarFile } from "./exemplar-file.js";
import { resized } from "./stage.js";
import { Tool } from "./tool.js";
import { ZoneBoard } from "./zone-board.js";
import { zoneOptions } from "./zone-dialogs.js";
import { LineTool, ZoneTool } from "./zone-tools.js";

/** @typedef {import("./annotator.js").Annotator} Annotator */

/** Words are typed, not drawn. */
class WordsTool extends Tool {
  cursor = "default";
  hint = "Name what to find on this frame; the best detection becomes the object’s mask";
}

const ZONE_TOOLS = new Set(["zone", "line"]);

const TITLES = new Map(
  Object.entries({
    point: "Point",
    box: "Box",
    scribble: "Scribble",
    brush: "Brush",
    eraser: "Eraser",
    polygon: "Polygon",
    words: "Words",
    exemplar: "Exemplar",
    zone: "Zone",
    line: "Counting line",
  }),
);

/** @param {Annotator} annotator  @returns {Map<string, Tool>} */
function allTools(annotator) {
  const board = new ZoneBoard(annotator);
  annotator.store.on(["tool"], () => {
    if (ZONE_TOOLS.has(annotator.state.tool)) void board.load();
  });
  OPTIONS.set("zone", () => zoneOptions(board));
  OPTIONS.set("line", () => zoneOptions(board));
  return new Map(
    Object.entries({
      point: new PointTool(annotator),
      box: new BoxTool(annotator),
      scribble: new ScribbleTool(annotator),
      brush: new BrushTool(annotator, 1),
      eraser: new BrushTool(annotator, 0),
      polygon: new PolygonTool(annotator),
      words: new WordsTool(annotator),
      exemplar: new ExemplarTool(annotator),
      zone: new ZoneTool(annotator, board),
      line: new LineTool(annotator, board),
    }),
  );
}

/** Show the bar.  @param {Annotator} annotator  @returns {() => Tool} the tool in hand */
export function mountTools(annotator) {
  const { store } = annotator;
  const tools = allTools(annotator);
  const inHand = () => tools.get(store.state.tool) ?? new Tool(annotator);
  const bar = byId("tools", HTMLElement);
  for (const [name, title] of TITLES) bar.append(actionButton(`tool-${name}`, name, title));
  store.on(["tool", "clip"], () => {
    for (const button of bar.querySelectorAll("button")) {
      const name = button.dataset["action"]?.slice(5) ?? "";
      button.setAttribute("aria-pressed", String(name === store.state.tool));
      const wordless = store.state.clip?.words === false;
      button.disabled = wordless && (name === "words" || name === "exemplar");
    }
  });
  store.on(["tool", "radius", "alternatives", "selected", "clip", "zones", "zone"], () => {
    const hint = byId("stage-hint", HTMLElement);
    hint.textContent = inHand().hint;
    hint.title = inHand().hint; // whole, where the bar has no room for it
    showOptions(annotator);
  });
  return inHand;
}

/** @param {Annotator} annotator */
function showOptions(annotator) {
  const place = byId("options", HTMLElement);
  const { tool, alternatives, radius, zones, zone } = annotator.state;
  // What is being typed or dragged stays as long as it is of the same tool.
  const shown = alternatives ? `alternative ${alternatives.index}` : tool;
  if (place.dataset["shown"] === shown && place.contains(document.activeElement)) return;
  const ofZones = ZONE_TOOLS.has(tool) ? JSON.stringify([zones, zone]) : "";
  const sized = `${shown} ${radius} ${ofZones}`;
  if (place.dataset["sized"] === sized) return;
  place.dataset["shown"] = shown;
  place.dataset["sized"] = sized;
  const parts = alternatives
    ? alternativeOptions(annotator)
    : (OPTIONS.get(tool)?.(annotator) ?? []);
  place.hidden = !parts.length;
  place.replaceChildren(...parts);
}

/** @type {Map<string, (annotator: Annotator) => Node[]>} */
const OPTIONS = new Map(
  Object.entries({
    brush: sizeOptions,
    eraser: sizeOptions,
    words: wordOptions,
    exemplar: exemplarOptions,
  }),
);

/** @param {Annotator} annotator */
function sizeOptions({ store }) {
  const range = h("input", {
    type: "range",
    min: "1",
    max: "200",
    value: String(store.state.radius),
    id: "radius",
    oninput: () => store.set({ radius: Number(range.value) }),
  });
  const size = h("output", { className: "number" }, `${2 * store.state.radius} px`);
  range.addEventListener("input", () => (size.textContent = `${2 * Number(range.value)} px`));
  range.addEventListener("change", () => range.blur());
  return [h("label", {}, "Size ", range), size];
}

/** @param {Annotator} annotator */
function wordOptions(annotator) {
  const input = h("input", {
    type: "text",
    id: "words",
    placeholder: "a red car",
    maxLength: 200,
    autocomplete: "off",
    "aria-label": "Words",
  });
  const find = async () => {
    const phrase = input.value.trim();
    if (!phrase) return input.focus();
    button.disabled = true;
    await annotator.prompt({ kind: "text", phrase });
    button.disabled = false;
  };
  const button = h("button", { type: "button", className: "primary", onclick: find }, "Find");
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") void find();
    if (event.key === "Escape") byId("stage", HTMLElement).focus();
  });
  queueMicrotask(() => input.focus());
  return [input, button];
}

/** @param {Annotator} annotator */
function exemplarOptions(annotator) {
  const file = h("input", {
    type: "file",
    accept: "image/png,image/jpeg,image/webp",
    hidden: true,
  });
  file.addEventListener("change", () => {
    const [chosen] = file.files ?? [];
    if (chosen) void askExemplarFile(annotator, chosen);
    file.value = "";
  });
  const open = h(
    "button",
    { type: "button", onclick: () => file.click() },
    "From an image file …",
  );
  return [open, file];
}

/** @param {Annotator} annotator */
function alternativeOptions({ state }) {
  const { alternatives } = state;
  if (!alternatives) return [];
  const { choices, index } = alternatives;
  const chosen = choices[index];
  const text = chosen
    ? `${chosen.kind === "larger" ? "Larger" : "Smaller"}: ${index + 1} of ${choices.length}`
    : "As it is";
  return [
    h("span", {}, text),
    actionButton("smaller", "backward", "Smaller"),
    actionButton("larger", "forward", "Larger"),
    actionButton("accept", "check", "Take it", { labelled: true, className: "primary" }),
  ];
}

/** Change the brush's size.  @param {Annotator} annotator  @param {1 | -1} way */
export function resizeBrush({ store }, way) {
  store.set({ radius: resized(store.state.radius, way) });
}
