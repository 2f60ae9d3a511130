// The whole clip in one line: what the lanes show of it, and where the user is.

import { byId } from "./dom.js";
import { frameAt, GUTTER, themeOf, xOf } from "./lane-painter.js";
import { prepared } from "./painter.js";

/** Objects beside each other; more share a line. */
const MOST_BANDS = 4;

/** @param {import("./annotator.js").Annotator} annotator */
export function mountMinimap(annotator) {
  const { store } = annotator;
  const canvas = byId("minimap", HTMLCanvasElement);
  let size = { width: 1, height: 1 };
  const axis = () => {
    const { clip } = store.state;
    return { first: clip?.first ?? 0, end: clip?.end ?? 1, width: size.width };
  };
  const draw = () =>
    requestAnimationFrame(() => {
      const context = prepared(canvas, size.width, size.height);
      const theme = themeOf(canvas);
      const { window, frame, objects, stale } = store.state;
      context.fillStyle = theme.lane;
      context.fillRect(GUTTER, 4, size.width - GUTTER - 8, size.height - 8);
      context.globalAlpha = 0.5;
      const bands = Math.min(MOST_BANDS, objects.length);
      const high = (size.height - 10) / Math.max(1, bands);
      for (const [i, { colour, first_frame, last_frame }] of objects.entries()) {
        if (first_frame === null || last_frame === null) continue;
        context.fillStyle = colour;
        const left = xOf(axis(), first_frame);
        const width = Math.max(1, xOf(axis(), last_frame + 1) - left);
        context.fillRect(left, 5 + (i % bands) * high, width, high);
      }
      context.globalAlpha = 1;
      context.fillStyle = theme.ink;
      for (const { first, end } of stale) {
        const left = xOf(axis(), first);
        context.fillRect(left, size.height - 4, Math.max(1, xOf(axis(), end) - left), 2);
      }
      context.strokeStyle = theme.accent;
      context.lineWidth = 1.5;
      const left = xOf(axis(), window.first);
      context.beginPath();
      context.roundRect(
        left,
        1.5,
        Math.max(4, xOf(axis(), window.end) - left),
        size.height - 3,
        3,
      );
      context.stroke();
      context.fillStyle = theme.accent;
      context.fillRect(xOf(axis(), frame + 0.5) - 1, 0, 2, size.height);
    });
  new ResizeObserver(([entry]) => {
    if (entry) size = { width: entry.contentRect.width, height: entry.contentRect.height };
    draw();
  }).observe(canvas);
  store.on(["window", "frame", "objects", "clip", "stale"], draw);
  addEventListener("themechange", draw);
  const go = (/** @type {PointerEvent} */ event) => {
    if (!event.buttons) return;
    annotator.seek(frameAt(axis(), event.clientX - canvas.getBoundingClientRect().left));
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    go(event);
  });
  canvas.addEventListener("pointermove", go);
}
