// State that several parts of the page share: set in one place, told to all who listen.

/** @template {object} T */
export class Store {
  /** @type {{keys: (keyof T)[], call: () => void}[]} */
  #listeners = [];
  /** @type {Set<keyof T>} */
  #changed = new Set();

  /** @param {T} state */
  constructor(state) {
    /** @type {Readonly<T>} */
    this.state = state;
  }

  /** Change some values; listeners hear of it once, after the current task.
   * @param {Partial<T>} patch */
  set(patch) {
    const before = this.state;
    this.state = { ...before, ...patch };
    for (const key of /** @type {(keyof T)[]} */ (Object.keys(patch))) {
      if (before[key] === this.state[key]) continue;
      if (!this.#changed.size) queueMicrotask(() => this.#tell());
      this.#changed.add(key);
    }
  }

  /** Call now, and whenever one of the values changes.
   * @param {(keyof T)[]} keys  @param {() => void} call */
  on(keys, call) {
    this.#listeners.push({ keys, call });
    call();
  }

  #tell() {
    const changed = this.#changed;
    this.#changed = new Set();
    for (const { keys, call } of this.#listeners) {
      if (keys.some((key) => changed.has(key))) call();
    }
  }
}
