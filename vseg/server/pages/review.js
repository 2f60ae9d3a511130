// Review: one risky span after the other, to accept, to fix or to skip.

import { actionButton, byId, h } from "./dom.js";
import { objectOf, titleOf } from "./state.js";
import { toast } from "./toasts.js";

/** @typedef {import("./annotator.js").Annotator} Annotator */

export class Review {
  /** @param {Annotator} annotator
   * @param {(corner: import("./viewport.js").XY) => void} reveal
   * @param {(run: string) => void} openRun */
  constructor(annotator, reveal, openRun) {
    this.annotator = annotator;
    this.reveal = reveal;
    this.openRun = openRun;
    const { store } = annotator;
    const everywhere = byId("everywhere", HTMLInputElement);
    everywhere.addEventListener("change", () => this.toggleEverywhere());
    store.on(["everywhere"], () => (everywhere.checked = store.state.everywhere));
    store.on(["review", "objects"], () => this.#show());
  }

  get #span() {
    return this.annotator.state.review?.span ?? null;
  }

  #show() {
    const { review, objects } = this.annotator.state;
    const place = byId("review", HTMLElement);
    byId("review-count", HTMLElement).textContent = review?.span ? String(review.left) : "";
    if (!review?.span) {
      const text = review ? "Nothing risky is left." : "The riskiest spans come first.";
      const start = actionButton("review-next", "target", "Start", { labelled: true });
      return place.replaceChildren(h("p", { className: "dim" }, text), start);
    }
    const { object, label, first, end, risk, reasons, worst_frame } = review.span;
    const known = objects.find(({ id }) => id === object);
    const name = known ? titleOf(known) : (label ?? `Object ${object}`);
    place.replaceChildren(
      h(
        "p",
        { className: "review-title" },
        h("b", {}, name),
        ` · frames ${first} – ${end - 1}`,
      ),
      h("meter", { min: 0, max: 1, value: risk, "aria-label": "Risk", className: "risk" }),
      h("p", { className: "dim" }, `${reasons.join(", ")} · worst at frame ${worst_frame}`),
      h(
        "div",
        { className: "row" },
        actionButton("accept", "check", "Accept", { labelled: true, className: "primary" }),
        actionButton("fix", "target", "Fix", { labelled: true }),
        actionButton("skip", "skip", "Skip", { labelled: true }),
      ),
    );
  }

  /** Review this run, or all runs of the folder. */
  toggleEverywhere() {
    const { store } = this.annotator;
    store.set({ everywhere: !store.state.everywhere, review: null });
  }

  /** Fetch the next span and go to it. */
  async next() {
    const { everywhere } = this.annotator.state;
    const review = await this.annotator.ask("review_next", { everywhere });
    if (!review) return;
    this.annotator.store.set({ review });
    if (!review.span) return toast("Nothing risky is left");
    if (review.span.run !== this.annotator.run) return this.openRun(review.span.run);
    this.fix();
  }

  /** Go to the worst frame, with the object selected and the place in sight. */
  fix() {
    const span = this.#span;
    if (!span) return toast("No span under review", { hint: "' gets the next one" });
    if (objectOf(this.annotator.state, span.object)) this.annotator.select(span.object);
    this.annotator.seek(span.worst_frame);
    const [x, y] = span.point;
    this.reveal({ x: x + 0.5, y: y + 0.5 });
  }

  /** @returns {Promise<boolean>} whether there was a span */
  async accept() {
    const span = this.#span;
    if (!span || !this.annotator.may()) return span !== null;
    const { object, first, end } = span;
    if (await this.annotator.ask("accept", { object, first, end })) await this.next();
    return true;
  }

  async skip() {
    const span = this.#span;
    if (!span || !this.annotator.may()) return;
    const { run, object, first, end } = span;
    if (await this.annotator.ask("skip", { run, object, first, end })) await this.next();
  }
}
