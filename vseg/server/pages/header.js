// The bar at the top: which clip, whether all is stored, who writes, undo and redo.

import { byId, describe } from "./dom.js";

/** @param {import("./annotator.js").Annotator} annotator */
export function mountHeader({ store }) {
  const name = byId("clip-name", HTMLElement);
  const facts = byId("clip-facts", HTMLElement);
  store.on(["clip", "revision"], () => {
    const { clip, revision } = store.state;
    if (!clip) return;
    name.textContent = clip.name;
    document.title = `${clip.name} – vseg`;
    const rate = clip.fps ? ` · ${Number(clip.fps.toFixed(2))} fps` : "";
    const size = `${clip.width} × ${clip.height}`;
    facts.textContent = `${size}${rate} · ${clip.model} · revision ${revision}`;
  });
  store.on(["connection", "lease"], () => showConnection(store.state));
  store.on(["lease", "connection"], () => showLease(store.state));
  store.on(["undo", "redo", "lease"], () => {
    showStep("undo", "Undo", store.state.undo);
    showStep("redo", "Redo", store.state.redo);
  });
}

/** @type {Readonly<Record<import("./state.js").State["connection"], string>>} */
const CONNECTIONS = {
  opening: "Connecting …",
  open: "Saved",
  lost: "Connection lost: trying again …",
  refused: "Refused: ",
};

/** @param {import("./state.js").State} state */
function showConnection({ connection, lease, why }) {
  const status = byId("connection", HTMLElement);
  const watching = connection === "open" && lease?.mode === "watch";
  status.textContent = watching
    ? "Watching"
    : CONNECTIONS[connection] + (connection === "refused" ? why : "");
  status.dataset["state"] = connection;
}

/** @param {import("./state.js").State} state */
function showLease({ lease, connection }) {
  const notice = byId("lease", HTMLElement);
  notice.hidden = connection !== "open" || lease?.mode !== "watch";
  byId("lease-text", HTMLElement).textContent = lease?.held
    ? "Another tab writes to this run. You see what it does."
    : "Nobody writes to this run now.";
}

/** @param {string} id  @param {string} title
 * @param {import("./wire.js").StepTitle | null} step */
function showStep(id, title, step) {
  const button = byId(id, HTMLButtonElement);
  button.disabled = !step;
  describe(button, step ? `${title}: ${step.title}` : title);
}
