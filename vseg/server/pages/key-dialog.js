// The dialog of the keys: what each does, and another key for it.

import { showDialog } from "./dialog.js";
import { byId, h } from "./dom.js";
import { bind, isChosen, keyName, keysOf, pressedKey, unbindAll } from "./key-bindings.js";
import { KEYS } from "./keys.js";

/** @typedef {import("./keys.js").KeyRow} KeyRow */

/** Keys that are no key without another one. */
const MODIFIERS = /^(Shift|Control|Alt|Meta|OS)/;

export async function showKeys() {
  const body = h("div", { className: "keys" });
  const reset = h("button", { type: "button", onclick: unbindAll }, "As they were");
  const fill = () => {
    body.replaceChildren(...sections());
    reset.disabled = !isChosen();
  };
  addEventListener("keyschange", fill);
  fill();
  const note = h("span", { className: "dim", id: "keys-note", role: "status" });
  note.textContent = "Press a key’s button to give the action another one, in this browser.";
  const foot = h("footer", {}, note, h("span", { className: "grow" }), reset);
  await showDialog("Keys", body, foot);
  removeEventListener("keyschange", fill);
}

function sections() {
  const shown = KEYS.filter(({ action }) => !/^object-[2-9]$/.test(action));
  return [...Map.groupBy(shown, ({ group }) => group)].map(([group, rows]) =>
    h("section", {}, h("h3", {}, group), h("dl", {}, ...rows.map(lineOf))),
  );
}

/** @param {KeyRow} row */
function lineOf(row) {
  if (row.action === "object-1") {
    // Nine of a kind: they stay where the digits are.
    const keys = h("kbd", {}, "1 – 9");
    return h("div", {}, h("dt", {}, "Object 1 to 9 of the list"), h("dd", {}, keys));
  }
  const text = keysOf(row).map(keyName).join(" or ") || "none";
  const button = h(
    "button",
    { type: "button", className: "key", "data-row": row.action, title: "Another key" },
    h("kbd", {}, text),
  );
  button.addEventListener("click", () => listen(button, row));
  return h("div", {}, h("dt", {}, row.title), h("dd", {}, button));
}

/** Take the next key that is pressed; Escape and going elsewhere leave it as it is.
 * @param {HTMLButtonElement} button  @param {KeyRow} row */
function listen(button, row) {
  const shown = button.textContent ?? "";
  const done = new AbortController();
  const end = (/** @type {string} */ text) => {
    done.abort();
    button.replaceChildren(h("kbd", {}, text));
  };
  button.replaceChildren(h("kbd", { className: "listening" }, "press a key"));
  button.focus();
  button.addEventListener("blur", () => end(shown), { signal: done.signal });
  button.addEventListener(
    "keydown",
    (event) => {
      if (event.code === "Tab") return;
      event.preventDefault();
      event.stopPropagation();
      if (MODIFIERS.test(event.code)) return;
      end(shown);
      if (event.code !== "Escape") take(row, pressedKey(event));
    },
    { signal: done.signal },
  );
}

/** @param {KeyRow} row  @param {string} key */
function take(row, key) {
  const before = bind(row, key);
  const told = before ? `${keyName(key)} was “${before.title}” before.` : "";
  const rest = before && !keysOf(before).length ? " That has no key now." : "";
  byId("keys-note", HTMLElement).textContent = told + rest;
  const line = document.querySelector(`[data-row="${row.action}"]`);
  if (line instanceof HTMLElement) line.focus();
}
