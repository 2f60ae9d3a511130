// Icons: outlines on a grid of 24.

/** @type {Readonly<Record<string, string>>} */
const PATHS = {
  point: "M12 3v5M12 16v5M3 12h5M16 12h5M12 12h.01",
  box: "M4 6h16v12H4z",
  scribble: "M3 16c3-8 6-8 6-3s3 5 5 0 4-6 7-4",
  brush: "M19 4l-8 9M11 13c-3-1-5 1-5 4 0 1-1 2-3 2 3 2 9 2 10-2 0-2-1-3-2-4z",
  eraser: "M13 5l7 7-7 7H8l-4-4zM9 9l7 7M8 19h12",
  polygon: "M12 3l8 6-3 10H7L4 9z",
  zone: "M8 5h8l5 14H3zM4.500 15L11 5M9 19l7-14M15 19l3-8",
  line: "M4 19L19 4M11 12l6 6M17 13v5h-5",
  words: "M5 6V4h14v2M12 4v16M9 20h6",
  exemplar: "M4 4h9v9H4zM11 16v4h9v-9h-4",
  undo: "M9 14L4 9l5-5M4 9h10a6 6 0 010 12h-3",
  redo: "M15 14l5-5-5-5M20 9H10a6 6 0 000 12h3",
  sound: "M4 9v6h4l5 4V5L8 9zM16 9a4 4 0 010 6M18.500 6.500a8 8 0 010 11",
  muted: "M4 9v6h4l5 4V5L8 9zM16 9.500l5 5M21 9.500l-5 5",
  chart: "M5 20v-7M12 20V5M19 20v-10",
  theme: "M12 3a9 9 0 100 18zM12 3a9 9 0 010 18",
  help: "M9 9a3 3 0 115 2c-1 1-2 1.500-2 3M12 18h.01",
  export: "M12 4v11M7 10l5 5 5-5M5 20h14",
  close: "M6 6l12 12M18 6L6 18",
  plus: "M12 5v14M5 12h14",
  first: "M6 5v14M19 5l-9 7 9 7z",
  last: "M18 5v14M5 5l9 7-9 7z",
  previous: "M15 6l-6 6 6 6",
  next: "M9 6l6 6-6 6",
  play: "M7 4l13 8-13 8z",
  pause: "M8 5v14M16 5v14",
  forward: "M4 12h15M13 6l6 6-6 6",
  backward: "M20 12H5M11 6l-6 6 6 6",
  both: "M3 12h18M7 8l-4 4 4 4M17 8l4 4-4 4",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7-10-7-10-7zM12 9a3 3 0 100 6 3 3 0 000-6z",
  "eye-off": "M4 4l16 16M7 7c-3 2-5 5-5 5s4 7 10 7c2 0 3 0 5-1M10 5c7-1 12 7 12 7l-3 4",
  lock: "M6 11h12v9H6zM8 11V8a4 4 0 018 0v3",
  unlock: "M6 11h12v9H6zM8 11V8a4 4 0 017-2",
  solo: "M12 4a8 8 0 100 16 8 8 0 000-16zM12 10a2 2 0 100 4 2 2 0 000-4z",
  rename: "M4 20h4L19 9l-4-4L4 16z",
  split: "M12 21v-7l-6-6V3M12 14l6-6V3",
  merge: "M12 3v7l-6 6v5M12 10l6 6v5",
  absent: "M5 19L19 5M12 4a8 8 0 100 16 8 8 0 000-16z",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13",
  check: "M5 12l5 5L20 7",
  skip: "M5 5l9 7-9 7zM18 5v14",
  target: "M12 2v4M12 18v4M2 12h4M18 12h4M12 7a5 5 0 100 10 5 5 0 000-10z",
  colour: "M12 3c4 5 6 8 6 11a6 6 0 01-12 0c0-3 2-6 6-11z",
};
const SVG = "http://www.w3.org/2000/svg";

/** @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "glyph");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] ?? "");
  svg.append(path);
  return svg;
}
