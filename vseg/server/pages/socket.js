// The one connection of a clip: requests with answers, events and masks in order, and back
// again by itself when it is lost.

import { readMask } from "./masks.js";

/** @typedef {import("./wire.js").Refusal} Refusal */
/** @typedef {import("./wire.js").AnyRequest} AnyRequest */
/** @typedef {AnyRequest["type"]} RequestType */

/** What a request holds beside its id and type.
 * @template {RequestType} K
 * @typedef {Omit<Extract<AnyRequest, {type: K}>, "id" | "type">} Fields */

/** What answers a request, by its type.
 * @typedef {object} Answers
 * @property {import("./wire.js").HelloAnswer} hello
 * @property {import("./wire.js").ViewAnswer} view
 * @property {import("./wire.js").PromptAnswer} prompt
 * @property {import("./wire.js").DoneAnswer} remove_prompts
 * @property {import("./wire.js").PreviewAnswer} preview
 * @property {import("./wire.js").AlternativesAnswer} alternatives
 * @property {import("./wire.js").EditAnswer} edit
 * @property {import("./wire.js").PropagateAnswer} propagate
 * @property {import("./wire.js").CancelAnswer} cancel
 * @property {import("./wire.js").StepAnswer} undo
 * @property {import("./wire.js").StepAnswer} redo
 * @property {import("./wire.js").LanesAnswer} lanes
 * @property {import("./wire.js").ReviewAnswer} review_next
 * @property {import("./wire.js").EditAnswer} accept
 * @property {import("./wire.js").DoneAnswer} skip
 * @property {import("./wire.js").DoneAnswer} takeover
 * @property {import("./wire.js").FileAnswer} export
 * @property {import("./wire.js").FileAnswer} report
 * @property {import("./wire.js").StatisticsAnswer} statistics
 * @property {import("./wire.js").ZonesAnswer} zones
 * @property {import("./wire.js").ZonesAnswer} save_zones
 * @property {import("./wire.js").ZoneEventsAnswer} zone_events
 */

/** Milliseconds between tries to connect; the last one repeats. */
const WAITS = [200, 500, 1000, 2000, 4000];
/** RFC 6455, 7.4.1: against the rules of the server. */
const REFUSED = 1008;

export class RequestError extends Error {
  /** @param {Refusal} refusal */
  constructor(refusal) {
    super(refusal.detail);
    this.refusal = refusal;
  }
}

/**
 * @typedef {object} Handlers
 * @property {(answer: Answers["hello"]) => void} onHello
 * @property {(event: import("./wire.js").AnyEvent) => void} onEvent
 * @property {(mask: import("./masks.js").Mask) => void} onMask
 * @property {(connection: "open" | "lost" | "refused", why: string) => void} onConnection
 */

export class Socket {
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Map<number, {resolve: (answer: any) => void, reject: (error: Error) => void}>} */
  #waiting = new Map();
  #nextId = 1;
  #tries = 0;
  /** @type {string | null} */
  #stream = null;
  /** @type {number | null} */
  #lastSeq = null;
  #greeted = false;
  #closed = false;

  /** @param {string} url  @param {Handlers} handlers */
  constructor(url, handlers) {
    this.url = url;
    this.handlers = handlers;
  }

  open() {
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => void this.#greet();
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#read(JSON.parse(data));
      else this.handlers.onMask(readMask(data));
    };
    socket.onclose = ({ code, reason }) => void this.#lost(code === REFUSED ? reason : null);
    this.#socket = socket;
  }

  close() {
    this.#closed = true;
    this.#socket?.close();
  }

  /** Ask the server; rejected with a RequestError where it refuses.
   * @template {RequestType} K
   * @param {K} type  @param {Fields<K>} fields  @returns {Promise<Answers[K]>} */
  request(type, fields) {
    if (!this.#greeted) return Promise.reject(offline());
    return this.#send(type, fields);
  }

  /** @template {RequestType} K
   * @param {K} type  @param {Fields<K>} fields  @returns {Promise<Answers[K]>} */
  #send(type, fields) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket?.send(JSON.stringify({ id, type, ...fields }));
    });
  }

  async #greet() {
    const last = { stream: this.#stream, last_seq: this.#lastSeq };
    try {
      const answer = await this.#send("hello", { ...last, mode: "write" });
      this.#stream = answer.stream;
      if (!answer.resumed) this.#lastSeq = answer.seq;
      this.#greeted = true;
      this.#tries = 0;
      this.handlers.onHello(answer);
      this.handlers.onConnection("open", "");
    } catch (error) {
      console.warn(`hello: ${error}`);
      this.#socket?.close();
    }
  }

  /** @param {any} message */
  #read(message) {
    if (!("re" in message)) return this.#take(message);
    const waiting = this.#waiting.get(message.re);
    this.#waiting.delete(message.re);
    if (message.error) {
      if (waiting) waiting.reject(new RequestError(message.error));
      else console.warn(`refused: ${message.error.detail}`);
    } else waiting?.resolve(message);
  }

  /** @param {import("./wire.js").AnyEvent} event */
  #take(event) {
    // What comes twice after a reconnection was taken already.
    if (this.#lastSeq !== null && event.seq <= this.#lastSeq) return;
    this.#lastSeq = event.seq;
    this.handlers.onEvent(event);
  }

  /** @param {string | null} reason  why the server will not have this client */
  async #lost(reason) {
    this.#greeted = false;
    for (const { reject } of this.#waiting.values()) reject(offline());
    this.#waiting.clear();
    if (this.#closed) return;
    if (reason !== null) return this.handlers.onConnection("refused", reason);
    this.handlers.onConnection(
      (await unknown()) ? "refused" : "lost",
      "open the server’s link again",
    );
    const wait = WAITS[Math.min(this.#tries++, WAITS.length - 1)];
    setTimeout(() => this.#closed || this.open(), wait);
  }
}

/** Whether the server is there and does not know this browser: a socket that is refused does
 * not say why. */
async function unknown() {
  const answer = await fetch("/v1/runs").catch(() => null);
  return answer?.status === 401 || answer?.status === 403;
}

function offline() {
  return new RequestError({
    title: "Not connected",
    detail: "The server cannot be reached; what was done so far is stored.",
    hint: "the page connects again by itself",
  });
}
