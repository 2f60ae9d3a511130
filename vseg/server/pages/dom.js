// Elements of the page: found by id with their type, and made.

import { icon } from "./icons.js";
import { keyOf } from "./key-bindings.js";

/** The element of an id.
 * @template {Element} T
 * @param {string} id  @param {new () => T} kind  @returns {T} */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (element instanceof kind) return element;
  throw new Error(`the page has no ${kind.name} #${id}`);
}

/** Make an element.  Properties are set as they are; `data-`, `aria-`, `role` as attributes.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name  @param {Record<string, unknown>} [properties]
 * @param {...(Node | string | null)} children  @returns {HTMLElementTagNameMap[K]} */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (/^(data-|aria-|role$)/.test(key)) element.setAttribute(key, String(value));
    else Reflect.set(element, key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A button that does an action of the key table, and says its key.
 * @param {string} action  @param {string} glyph  @param {string} title
 * @param {{labelled?: boolean, className?: string}} [how] */
export function actionButton(action, glyph, title, { labelled = false, className } = {}) {
  const button = h(
    "button",
    {
      type: "button",
      "data-action": action,
      className: className ?? (labelled ? "" : "icon"),
    },
    icon(glyph),
    labelled ? title : "",
  );
  describe(button, title);
  return button;
}

/** Give a button its name, with its key in the tooltip.
 * @param {HTMLElement} button  @param {string} title */
export function describe(button, title) {
  button.dataset["title"] = title;
  const key = keyOf(button.dataset["action"] ?? "");
  button.title = key ? `${title}  (${key})` : title;
  if (!button.textContent?.trim()) button.setAttribute("aria-label", title);
  // The whole name on the button itself; the key comes after it in the tooltip only.
  else button.setAttribute("aria-description", key ? `key ${key}` : "");
}

/** Draw the icons of buttons that the page has from the start, and keep the keys in tooltips
 * true. */
export function furnish() {
  addEventListener("keyschange", () => {
    for (const button of document.querySelectorAll("button[data-title]")) {
      if (button instanceof HTMLButtonElement) {
        describe(button, button.dataset["title"] ?? "");
      }
    }
  });
  for (const button of document.querySelectorAll("button[data-icon]")) {
    if (!(button instanceof HTMLButtonElement)) continue;
    const title = button.textContent?.trim() ?? "";
    const glyph = icon(button.dataset["icon"] ?? "");
    button.type = button.value ? "submit" : "button";
    button.replaceChildren(glyph, button.classList.contains("icon") ? "" : title);
    describe(button, title);
  }
}
