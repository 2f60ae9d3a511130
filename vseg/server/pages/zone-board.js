// The zones and lines of the run: what they are, which one is selected, and every change saved
// as it is made.

import { RequestError } from "./socket.js";
import { complain, toast } from "./toasts.js";

/** @typedef {import("./annotator.js").Annotator} Annotator */
/** @typedef {import("./viewport.js").XY} XY */
/** @typedef {import("./wire.js").ZoneFile} ZoneFile */
/** @typedef {import("./wire.js").ZoneSettings} ZoneSettings */
/** @typedef {import("./wire.js").LineSettings} LineSettings */
/** @typedef {import("./state.js").ZonePlace} ZonePlace */

/** Digits of a fraction: a tenth of a pixel of 4K.  Pixels have a tenth as well. */
const DIGITS = { fractions: 5, pixels: 1 };

export class ZoneBoard {
  /** Files before and after this one.  @type {ZoneFile[]} */
  #undone = [];
  /** @type {ZoneFile[]} */
  #done = [];
  #saves = 0;
  /** Of the file that the next change is made to. */
  #version = "";
  /** The save before, which the next one waits for: it changes what that one has written.
   * @type {Promise<unknown>} */
  #saved = Promise.resolve();
  /** The step before, which the next one waits for.  @type {Promise<unknown>} */
  #stepped = Promise.resolve();

  /** @param {Annotator} annotator */
  constructor(annotator) {
    this.annotator = annotator;
  }

  /** @returns {ZoneFile | null} null until it is read */
  get file() {
    return this.annotator.state.zones;
  }

  /** Read what is stored: another program may have changed it. */
  async load() {
    const saves = this.#saves;
    const answer = await this.annotator.ask("zones", {});
    // What was asked before a change does not know of it.
    if (saves !== this.#saves) return;
    this.#version = answer?.version ?? "";
    const before = JSON.stringify(this.file);
    if (JSON.stringify(answer?.zones ?? null) === before) return;
    [this.#done, this.#undone] = [[], []];
    this.annotator.store.set({ zones: answer?.zones ?? null, zone: null });
  }

  /** Zones, then lines.  @returns {ZonePlace[]} */
  get places() {
    const { zone = [], line = [] } = this.file ?? {};
    return [
      ...zone.map((_, index) => /** @type {ZonePlace} */ ({ kind: "zone", index })),
      ...line.map((_, index) => /** @type {ZonePlace} */ ({ kind: "line", index })),
    ];
  }

  /** The corners of a zone or the ends of a line, in frame pixels.
   * @param {ZonePlace} place  @returns {XY[]} */
  pointsOf({ kind, index }) {
    const { across, down } = this.#scale();
    const zone = this.file?.zone?.[index];
    const line = this.file?.line?.[index];
    const points = kind === "zone" ? zone?.polygon : line && [line.begin, line.end];
    return (points ?? []).map(([x, y]) => ({ x: x * across, y: y * down }));
  }

  /** @param {ZonePlace} place */
  nameOf({ kind, index }) {
    return this.file?.[kind]?.[index]?.name ?? "";
  }

  /** The name as it is drawn: with that of forward, where it has one of its own.
   * @param {ZonePlace} place */
  titleOf(place) {
    const forward = place.kind === "line" ? this.file?.line?.[place.index]?.forward : "";
    const name = this.nameOf(place);
    return forward && forward !== "forward" ? `${name}: ${forward}` : name;
  }

  /** Draw one more and select it.  @param {"zone" | "line"} kind  @param {XY[]} points
   * @returns {Promise<boolean>} whether it was taken */
  async add(kind, points) {
    const name = this.#freshName(kind);
    const shape = { name, ...this.#stored(kind, points) };
    const index = this.file?.[kind]?.length ?? 0;
    const taken = await this.#change({ [kind]: [...(this.file?.[kind] ?? []), shape] });
    if (taken) this.select({ kind, index });
    return taken;
  }

  /** Give it other corners or ends.  @param {ZonePlace} place  @param {XY[]} points */
  move(place, points) {
    return this.set(place, this.#stored(place.kind, points));
  }

  /** Give it other settings.
   * @param {ZonePlace} place  @param {Partial<ZoneSettings & LineSettings>} settings */
  set({ kind, index }, settings) {
    const shapes = [...(this.file?.[kind] ?? [])];
    const before = shapes[index];
    if (!before) return Promise.resolve(false);
    shapes[index] = { ...before, ...settings };
    return this.#change({ [kind]: shapes });
  }

  /** @param {ZonePlace} place */
  async remove({ kind, index }) {
    const name = this.nameOf({ kind, index });
    const rest = (this.file?.[kind] ?? []).filter((_, i) => i !== index);
    if (await this.#change({ [kind]: rest })) toast(`Deleted: ${name}`);
  }

  /** @param {ZonePlace | null} zone */
  select(zone) {
    this.annotator.store.set({ zone });
  }

  /** Select the next or the one before.  @param {1 | -1} way */
  another(way) {
    const { places } = this;
    const { zone } = this.annotator.state;
    const at = places.findIndex((each) => zone && same(each, zone));
    const next = at < 0 ? (way > 0 ? 0 : places.length - 1) : at + way;
    this.select(places[Math.min(Math.max(next, 0), places.length - 1)] ?? null);
  }

  /** One after another, however fast they are asked for.  @param {"undo" | "redo"} way */
  step(way) {
    this.#stepped = this.#stepped.catch(() => {}).then(() => this.#step(way));
    return this.#stepped;
  }

  /** @param {"undo" | "redo"} way */
  async #step(way) {
    const [from, onto] =
      way === "undo" ? [this.#done, this.#undone] : [this.#undone, this.#done];
    const next = from.at(-1);
    const { file } = this;
    if (!next || !file) return toast(`No change of zones to ${way}`);
    if (!(await this.#save(next))) return;
    from.pop();
    onto.push(file);
    toast(way === "undo" ? "Undone: a change of zones" : "Redone: a change of zones");
  }

  /** @param {Partial<ZoneFile>} change  @returns {Promise<boolean>} whether it was taken */
  async #change(change) {
    const { file } = this;
    if (!file) return false;
    if (!(await this.#save({ ...file, ...change }))) return false;
    this.#done.push(file);
    this.#undone = [];
    return true;
  }

  /** Show and store a file; what the server refuses is shown as it was before.
   * @param {ZoneFile} file  @returns {Promise<boolean>} */
  async #save(file) {
    const { annotator, file: before } = this;
    if (!annotator.may()) return false;
    annotator.store.set({ zones: file });
    this.#saves += 1;
    try {
      for (const warning of await this.#write(file)) toast(warning);
    } catch (error) {
      annotator.store.set({ zones: before });
      complain(error);
      const changed = error instanceof RequestError && error.refusal.title === "InTheWay";
      if (changed) await this.load();
      return false;
    }
    const { zone } = annotator.state;
    if (zone && !this.places.some((place) => same(place, zone))) this.select(null);
    return true;
  }

  /** Send a file once the one before is written; the warnings.  @param {ZoneFile} file */
  #write(file) {
    const written = this.#saved.then(async () => {
      const fields = { zones: file, version: this.#version };
      const answer = await this.annotator.socket.request("save_zones", fields);
      this.#version = answer.version;
      return answer.warnings;
    });
    this.#saved = written.catch(() => {});
    return written;
  }

  /** Frame pixels of one unit of the file. */
  #scale() {
    const { width, height } = this.annotator.state.clip ?? { width: 1, height: 1 };
    const { unit = "fractions", size } = this.file ?? {};
    if (unit === "fractions") return { across: width, down: height };
    return size ? { across: width / size[0], down: height / size[1] } : { across: 1, down: 1 };
  }

  /** @param {"zone" | "line"} kind  @param {XY[]} points */
  #stored(kind, points) {
    const { across, down } = this.#scale();
    const digits = DIGITS[this.file?.unit ?? "fractions"];
    const stored = points.map(
      ({ x, y }) =>
        /** @type {[number, number]} */ ([
          Number((x / across).toFixed(digits)),
          Number((y / down).toFixed(digits)),
        ]),
    );
    return kind === "zone" ? { polygon: stored } : { begin: stored[0], end: stored[1] };
  }

  /** @param {"zone" | "line"} kind */
  #freshName(kind) {
    const names = [
      ...this.places.map((place) => this.nameOf(place)),
      ...(this.file?.near ?? []).map(({ name }) => name),
    ];
    for (let number = 1; ; number++) {
      if (!names.includes(`${kind} ${number}`)) return `${kind} ${number}`;
    }
  }
}

/** @param {ZonePlace} a  @param {ZonePlace} b */
const same = (a, b) => a.kind === b.kind && a.index === b.index;
