// Short notices at the edge of the page.

import { byId, h } from "./dom.js";
import { RequestError } from "./socket.js";

/** Milliseconds that a notice stays at least: time to read two lines. */
const STAYS = 5000;
/** And for each character: a reader takes some 1000 in a minute. */
const EACH = 60;

/** @param {string} text  @param {{hint?: string | null, kind?: "plain" | "bad"}} [how] */
export function toast(text, { hint = null, kind = "plain" } = {}) {
  const list = byId("toasts", HTMLElement);
  const hintLine = hint ? h("span", { className: "dim" }, hint) : null;
  const item = h("div", { className: `toast ${kind}` }, h("span", {}, text), hintLine);
  const same = [...list.children].find((other) => other.textContent === item.textContent);
  same?.remove();
  list.append(item);
  while (list.children.length > 3) list.firstElementChild?.remove();
  const length = text.length + (hint?.length ?? 0);
  setTimeout(() => item.remove(), Math.max(STAYS, EACH * length));
}

/** Say what the server refused.  @param {unknown} error */
export function complain(error) {
  if (!(error instanceof RequestError)) throw error;
  toast(error.refusal.detail, { hint: error.refusal.hint, kind: "bad" });
}
