// An example from an image file: a box is dragged on it, and the object like it is sought.

import { showDialog } from "./dialog.js";
import { h } from "./dom.js";
import { drawMarks } from "./marks.js";
import { toast } from "./toasts.js";
import { boxBetween } from "./tool.js";

/** Bytes that a prompt may carry. */
const MOST_BYTES = 9_000_000;
/** CSS pixels that the image may take. */
const ROOM = { width: 720, height: 420 };

/** @param {import("./annotator.js").Annotator} annotator  @param {File} file */
export async function askExemplarFile(annotator, file) {
  if (file.size > MOST_BYTES) {
    return toast(`${file.name} is larger than 9 MB`, { hint: "give a smaller image", kind: "bad" });
  }
  const image = await createImageBitmap(file).catch(() => null);
  if (!image) {
    return toast(`${file.name} is not an image`, { hint: "give PNG, JPEG or WebP", kind: "bad" });
  }
  const { canvas, box } = boxedImage(image);
  const answer = await showDialog(
    "Drag a box around the example", canvas,
    h("footer", {}, h("button", { value: "find", className: "primary" }, "Find it on this frame")),
  );
  if (answer !== "find") return;
  const xyxy = box() ?? [0, 0, image.width, image.height];
  await annotator.prompt({ kind: "exemplar", xyxy, image: await base64Of(file) });
}

/** An image on which a box can be dragged.  @param {ImageBitmap} image */
function boxedImage(image) {
  const scale = Math.min(1, ROOM.width / image.width, ROOM.height / image.height);
  const canvas = h("canvas", { className: "exemplar", width: image.width, height: image.height });
  canvas.style.width = `${image.width * scale}px`;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  /** @type {import("./viewport.js").XY | null} */
  let from = null;
  /** @type {[number, number, number, number] | null} */
  let box = null;
  const at = (/** @type {PointerEvent} */ event) => {
    const { left, top } = canvas.getBoundingClientRect();
    return { x: (event.clientX - left) / scale, y: (event.clientY - top) / scale };
  };
  const draw = () => {
    context.drawImage(image, 0, 0);
    if (box) drawMarks(context, { kind: "box", xyxy: box }, 1 / scale);
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    from = at(event);
  };
  canvas.onpointermove = (event) => {
    if (from) box = boxBetween(from, at(event));
    draw();
  };
  canvas.onpointerup = canvas.onpointercancel = () => (from = null);
  draw();
  return { canvas, box: () => box };
}

/** @param {Blob} file  @returns {Promise<string>} */
async function base64Of(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  }
  return btoa(text);
}
