// The one dialog of the page.

import { byId } from "./dom.js";

/** Show something; the promise is kept when it is closed, with the value of the button.
 * @param {string} title  @param {...(Node | string)} body  @returns {Promise<string>} */
export function showDialog(title, ...body) {
  const dialog = byId("dialog", HTMLDialogElement);
  if (dialog.open) dialog.close("");
  byId("dialog-title", HTMLElement).textContent = title;
  byId("dialog-body", HTMLElement).replaceChildren(...body);
  dialog.returnValue = "";
  dialog.showModal();
  byId("dialog-close", HTMLButtonElement).onclick = closeDialog;
  dialog.onkeydown = submitByEnter;
  const first =
    dialog.querySelector("#dialog-body :is(input, select)") ??
    dialog.querySelector("#dialog-body footer :is(.primary, .danger)");
  if (first instanceof HTMLElement) first.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}

/** Enter does what the dialog is for, in a list and at a colour as well as in a text.
 * @param {KeyboardEvent} event */
function submitByEnter(event) {
  const { key, target } = event;
  if (key !== "Enter" || !(target instanceof HTMLElement)) return;
  if (!target.matches("select, input[type=color]")) return;
  event.preventDefault();
  const button = document.querySelector("#dialog-body footer :is(.primary, .danger)");
  if (button instanceof HTMLButtonElement) button.click();
}

export function closeDialog() {
  byId("dialog", HTMLDialogElement).close("");
}
