// Light or dark: as the system has it, until the user chooses.

const KEY = "vseg-theme";

export function applyTheme() {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  const chosen = localStorage.getItem(KEY);
  if (chosen) document.documentElement.dataset["theme"] = chosen;
}

export function toggleTheme() {
  const { dataset } = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const next = (dataset["theme"] ?? system) === "dark" ? "light" : "dark";
  dataset["theme"] = next;
  localStorage.setItem(KEY, next);
  changed();
}

/** What is drawn with the theme's colours is drawn again. */
const changed = () => dispatchEvent(new Event("themechange"));
