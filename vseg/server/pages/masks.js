// Masks as the socket sends them: runs inside a crop, row by row, background first.

/** Bytes before the runs. */
const HEADER = 32;

export const PRESENT = 1;
export const ANCHOR = 2;
export const ACCEPTED = 4;
export const PENDING = 8;
export const TRANSIENT = 16;

/**
 * @typedef {object} Mask
 * @property {number} seq
 * @property {number} frame
 * @property {number} object
 * @property {number} flags
 * @property {number} score
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 * @property {Uint32Array} runs
 */

/** @param {ArrayBuffer} bytes  @returns {Mask} */
export function readMask(bytes) {
  const head = new DataView(bytes, 0, HEADER);
  return {
    seq: head.getUint32(0, true),
    frame: head.getUint32(4, true),
    object: head.getUint32(8, true),
    flags: head.getUint16(12, true),
    score: head.getUint16(14, true) / 65535,
    x: head.getInt32(16, true),
    y: head.getInt32(20, true),
    width: head.getInt32(24, true),
    height: head.getInt32(28, true),
    runs: new Uint32Array(bytes.slice(HEADER)),
  };
}

/** Call `each(row, first, end)` for every stretch of the mask in a row of the crop.
 * @param {Pick<Mask, "width" | "runs">} mask
 * @param {(row: number, first: number, end: number) => void} each */
export function eachSpan({ width, runs }, each) {
  let at = 0;
  for (let i = 0; i < runs.length; i++) {
    const length = /** @type {number} */ (runs[i]);
    if (i % 2) eachRow(width, at, at + length, each);
    at += length;
  }
}

/** @param {number} width  @param {number} first  @param {number} end
 * @param {(row: number, first: number, end: number) => void} each */
function eachRow(width, first, end, each) {
  while (first < end) {
    const row = Math.floor(first / width);
    const stop = Math.min(end, (row + 1) * width);
    each(row, first - row * width, stop - row * width);
    first = stop;
  }
}

/** Whether a pixel of the frame lies in the mask.
 * @param {Mask} mask  @param {number} x  @param {number} y */
export function covers(mask, x, y) {
  const column = Math.floor(x) - mask.x;
  const row = Math.floor(y) - mask.y;
  if (column < 0 || row < 0 || column >= mask.width || row >= mask.height) return false;
  let left = row * mask.width + column;
  for (let i = 0; i < mask.runs.length; i++) {
    left -= /** @type {number} */ (mask.runs[i]);
    if (left < 0) return i % 2 === 1;
  }
  return false;
}

/** The mask as an image of its crop.  @param {Mask} mask
 * @param {number} rgba  little-endian: alpha, blue, green, red from the highest byte on */
export function fillOf(mask, rgba) {
  const canvas = new OffscreenCanvas(Math.max(1, mask.width), Math.max(1, mask.height));
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  const { width } = mask;
  eachSpan(mask, (row, first, end) =>
    pixels.fill(rgba, row * width + first, row * width + end),
  );
  context.putImageData(image, 0, 0);
  return canvas;
}

/** The mask's edge, in frame pixels: sides of pixels, joined where they are straight.
 * @param {Mask} mask */
export function outlineOf(mask) {
  const path = new Path2D();
  /** Open upright sides by column: the row each began on.  @type {Map<number, number>} */
  let upright = new Map();
  /** @type {number[]} */
  let above = [];
  const rows = rowsOf(mask);
  for (let row = 0; row <= mask.height; row++) {
    const here = rows[row] ?? [];
    const y = mask.y + row;
    for (const [first, end] of pairs(toggled(above, here))) {
      path.moveTo(mask.x + first, y);
      path.lineTo(mask.x + end, y);
    }
    upright = closedSides(path, mask, upright, new Set(here), row);
    above = here;
  }
  return path;
}

/** Where the mask begins and ends, in turn, in every row.  @param {Mask} mask */
function rowsOf(mask) {
  /** @type {number[][]} */
  const rows = Array.from({ length: mask.height }, () => []);
  eachSpan(mask, (row, first, end) => rows[row]?.push(first, end));
  return rows;
}

/** Draw the upright sides that end above `row`; leave those that go on or begin.
 * @param {Path2D} path  @param {Mask} mask  @param {Map<number, number>} upright
 * @param {Set<number>} here  @param {number} row */
function closedSides(path, mask, upright, here, row) {
  for (const [column, began] of upright) {
    if (here.has(column)) continue;
    path.moveTo(mask.x + column, mask.y + began);
    path.lineTo(mask.x + column, mask.y + row);
  }
  return new Map([...here].map((column) => [column, upright.get(column) ?? row]));
}

/** What is in one of two rows only, as begins and ends.
 * @param {number[]} above  @param {number[]} here */
function toggled(above, here) {
  const counts = new Map();
  for (const edge of [...above, ...here]) counts.set(edge, (counts.get(edge) ?? 0) + 1);
  return [...counts.keys()].filter((edge) => counts.get(edge) % 2).sort((a, b) => a - b);
}

/** @param {number[]} edges  @returns {[number, number][]} */
function pairs(edges) {
  return edges.flatMap((edge, i) =>
    i % 2 ? [/** @type {[number, number]} */ ([edges[i - 1], edge])] : [],
  );
}
