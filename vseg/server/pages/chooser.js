// Without a run in the address: the runs and clips of the folder, to choose one.

import { byId, h } from "./dom.js";
import { toast } from "./toasts.js";

/** @typedef {{id: string, path: string}} Listed */

/** @param {(run: string) => void} open */
export async function chooseRun(open) {
  byId("clip-name", HTMLElement).textContent = "Choose a clip";
  byId("connection", HTMLElement).textContent = "";
  try {
    const [runs, videos] = await Promise.all([listOf("runs"), listOf("videos")]);
    const chooser = h(
      "div",
      { className: "chooser" },
      section("Go on with a run", runs, ({ id }) => open(id)),
      section("Begin a clip", videos, (video) => void begin(video, open)),
    );
    byId("stage", HTMLElement).replaceChildren(chooser);
  } catch (error) {
    toast(String(error instanceof Error ? error.message : error), { kind: "bad" });
  }
}

/** @param {string} title  @param {Listed[]} rows  @param {(row: Listed) => void} choose */
function section(title, rows, choose) {
  const buttons = rows.map((row) =>
    h("li", {}, h("button", { type: "button", onclick: () => choose(row) }, row.path)),
  );
  const list = buttons.length
    ? h("ul", {}, ...buttons)
    : h("p", { className: "dim" }, "None in this folder.");
  return h("section", {}, h("h2", {}, title), list);
}

/** All of a kind, page by page.
 * @param {"runs" | "videos"} kind  @returns {Promise<Listed[]>} */
async function listOf(kind) {
  /** @type {Listed[]} */
  const found = [];
  for (let after = ""; ;) {
    const query = new URLSearchParams({ after, limit: "1000" });
    const answer = await json(await fetch(`/v1/${kind}?${query}`));
    found.push(...answer[kind]);
    if (!answer.next) return found;
    after = answer.next;
  }
}

/** @param {Listed} video  @param {(run: string) => void} open */
async function begin(video, open) {
  try {
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify({ video: video.id });
    const answer = await fetch("/v1/annotations", { method: "POST", headers, body });
    open((await json(answer)).run);
  } catch (error) {
    toast(String(error instanceof Error ? error.message : error), { kind: "bad" });
  }
}

/** What the server says; an error of its words where it refuses.
 * @param {Response} answer  @returns {Promise<any>} */
async function json(answer) {
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  const login = answer.status === 401 || answer.status === 403;
  throw new Error(
    login ? "Open the link that the server printed" : (said.detail ?? `HTTP ${answer.status}`),
  );
}
