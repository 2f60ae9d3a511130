// An example from an image file: a box is dragged on it, and the object like it is sought.

import { showDialog } from "./dialog.js";
import { h } from "./dom.js";
import { drawMarks } from "./marks.js";
import { toast } from "./toasts.js";
import { boxBetween } from "./tool.js";

/** Pixels of the longer side of an example: more than any model works at. */
const MOST_SIDE = 1600;
/** CSS pixels that the image may take. */
const ROOM = { width: 720, height: 420 };

/** @param {import("./annotator.js").Annotator} annotator  @param {File} file */
export async function askExemplarFile(annotator, file) {
  const image = await createImageBitmap(file).catch(() => null);
  if (!image) {
    return toast(`${file.name} is not an image`, {
      hint: "give PNG, JPEG or WebP",
      kind: "bad",
    });
  }
  const { canvas, box } = boxedImage(image);
  const answer = await showDialog(
    "Drag a box around the example",
    canvas,
    h(
      "footer",
      {},
      h("button", { value: "find", className: "primary" }, "Find it on this frame"),
    ),
  );
  if (answer !== "find") return;
  const [x1, y1, x2, y2] = box() ?? [0, 0, image.width, image.height];
  const scale = Math.min(1, MOST_SIDE / Math.max(image.width, image.height));
  await annotator.prompt({
    kind: "exemplar",
    xyxy: [x1 * scale, y1 * scale, x2 * scale, y2 * scale],
    image: await base64Of(image, scale),
  });
}

/** An image on which a box can be dragged.  @param {ImageBitmap} image */
function boxedImage(image) {
  const scale = Math.min(1, ROOM.width / image.width, ROOM.height / image.height);
  const canvas = h("canvas", {
    className: "exemplar",
    width: image.width,
    height: image.height,
  });
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

/** The image as JPEG.  @param {ImageBitmap} image  @param {number} scale
 * @returns {Promise<string>} */
async function base64Of(image, scale) {
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d")?.drawImage(image, 0, 0, width, height);
  const file = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  }
  return btoa(text);
}
