// Without a run in the address: the runs of the folder, to choose one.

import { byId, h } from "./dom.js";
import { toast } from "./toasts.js";

/** @typedef {{id: string, path: string}} Listed */

/** @param {(run: string) => void} open */
export async function chooseRun(open) {
  byId("clip-name", HTMLElement).textContent = "Choose a run";
  byId("connection", HTMLElement).textContent = "";
  const answer = await fetch("/v1/runs");
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    return toast(problem.detail ?? `the server answered ${answer.status}`, {
      hint: problem.hint ?? "open the link that the server printed", kind: "bad",
    });
  }
  /** @type {Listed[]} */
  const runs = (await answer.json()).runs;
  const buttons = runs.map(({ id, path }) =>
    h("li", {}, h("button", { type: "button", onclick: () => open(id) }, path)),
  );
  const empty = h("p", { className: "dim" }, "There is no run in this folder: vseg annotate CLIP makes one.");
  const list = buttons.length ? h("ul", {}, ...buttons) : empty;
  byId("stage", HTMLElement).append(h("div", { className: "chooser" }, list));
}
