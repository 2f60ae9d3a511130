// Below the stage: playback, the frame's number and time, the marked span, propagation.

import { byId, describe } from "./dom.js";
import { icon } from "./icons.js";
import { shortfall } from "./playback.js";
import { markedFrames, mayWrite, objectOf, titleOf } from "./state.js";

/** @typedef {import("./annotator.js").Annotator} Annotator */

/** @param {Annotator} annotator */
export function mountTransport(annotator) {
  const { store } = annotator;
  mountFrameNumber(annotator);
  store.on(["playing", "played"], () => {
    const { playing, played } = store.state;
    const play = byId("play", HTMLButtonElement);
    play.replaceChildren(icon(playing ? "pause" : "play"));
    describe(play, playing ? "Pause" : "Play");
    byId("dropped", HTMLElement).textContent = shortfall(played);
  });
  store.on(["clip", "muted"], () => {
    const button = byId("sound", HTMLButtonElement);
    const { clip, muted } = store.state;
    button.hidden = !clip?.sound;
    button.replaceChildren(icon(muted ? "muted" : "sound"));
    describe(button, muted ? "Sound on" : "Sound off");
  });
  store.on(["span"], () => {
    const { span } = store.state;
    const chip = byId("span", HTMLButtonElement);
    chip.hidden = !span;
    if (span)
      chip.textContent =
        span.end === null ? `From ${span.first} …` : `${span.first} – ${span.end - 1} ×`;
    describe(chip, span?.end === null ? "End the span here" : "Clear the span");
  });
  store.on(["running"], () => showProgress(annotator));
  store.on(["scope", "selected", "objects", "span", "connection", "lease"], () =>
    showScope(annotator),
  );
}

/** @param {Annotator} annotator */
function mountFrameNumber(annotator) {
  const { store } = annotator;
  const input = byId("frame", HTMLInputElement);
  input.addEventListener("change", () => {
    const frame = Number.parseInt(input.value, 10);
    if (Number.isFinite(frame)) annotator.seek(frame);
    input.value = String(store.state.frame);
  });
  input.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") input.value = String(store.state.frame);
    if (key === "Enter" || key === "Escape") byId("stage", HTMLElement).focus();
  });
  store.on(["frame", "clip"], () => {
    const { frame, clip } = store.state;
    if (!clip) return;
    if (document.activeElement !== input) input.value = String(frame);
    byId("frame-count", HTMLElement).textContent = `/ ${clip.end - 1}`;
    byId("time", HTMLElement).textContent = clip.fps
      ? timeOf((frame - clip.first) / clip.fps)
      : "";
  });
}

/** @param {number} seconds */
function timeOf(seconds) {
  const minutes = Math.floor(seconds / 60);
  const rest = (seconds % 60).toFixed(2).padStart(5, "0");
  return `${minutes}:${rest}`;
}

/** @param {Annotator} annotator */
function showProgress({ state: { running } }) {
  byId("progress", HTMLElement).hidden = !running;
  byId("propagate", HTMLElement).hidden = running !== null;
  if (!running) return;
  const bar = byId("progress-bar", HTMLProgressElement);
  const text = byId("progress-text", HTMLElement);
  if (!running.done) {
    bar.removeAttribute("value"); // it moves, and says no share
    text.textContent = "Starting …";
    return;
  }
  bar.max = Math.max(1, running.total);
  bar.value = running.done;
  const rate = running.seconds > 0 && running.done ? running.done / running.seconds : 0;
  const left = rate ? ` · ${Math.ceil((running.total - running.done) / rate)} s left` : "";
  text.textContent = `${running.done} / ${running.total} frames${left}`;
}

/** @param {Annotator} annotator */
function showScope({ state }) {
  const { scope, selected } = state;
  const object = objectOf(state, selected);
  const button = byId("scope", HTMLButtonElement);
  button.textContent = scope === "one" && object ? titleOf(object) : "All objects";
  describe(button, "Propagate one object or all");
  for (const each of document.querySelectorAll("#propagate button")) {
    if (each instanceof HTMLButtonElement)
      each.disabled = !mayWrite(state) || !state.objects.length;
  }
}

/** A propagation that was asked for: shown until the server tells of it.
 * @type {import("./wire.js").RunningPropagation} */
const BEGINS = { job: 0, done: 0, total: 0, frame: null, seconds: 0 };

/** Track from pending prompts, within the marked span if there is one.
 * @param {Annotator} annotator  @param {"forward" | "backward" | "both"} direction */
export async function propagate(annotator, direction) {
  if (!annotator.may()) return;
  const { scope, selected, running } = annotator.state;
  const objects = scope === "one" && selected !== null ? [selected] : null;
  const frames = markedFrames(annotator.state);
  if (!running) annotator.store.set({ running: BEGINS });
  const answer = await annotator.ask("propagate", {
    objects,
    direction,
    first: frames?.first ?? null,
    end: frames?.end ?? null,
  });
  if (answer) annotator.follow();
  else if (annotator.state.running === BEGINS) annotator.store.set({ running: null });
}

/** Begin a span, end it, clear it.  @param {Annotator} annotator */
export function markSpan({ store }) {
  const { span, shown } = store.state;
  if (!span) return store.set({ span: { first: shown, end: null } });
  if (span.end !== null) return store.set({ span: null });
  const first = Math.min(span.first, shown);
  store.set({ span: { first, end: Math.max(span.first, shown) + 1 } });
}
