// Where the page begins.

import { ACTIONS } from "./actions.js";
import { Annotator } from "./annotator.js";
import { chooseRun } from "./chooser.js";
import { furnish } from "./dom.js";
import { mountHeader } from "./header.js";
import { listenToKeys } from "./key-bindings.js";
import { Lanes } from "./lanes.js";
import { fragment, keepPlace, login } from "./login.js";
import { mountObjects } from "./object-list.js";
import { Playback } from "./playback.js";
import { Review } from "./review.js";
import { Stage } from "./stage.js";
import { applyTheme } from "./theme.js";
import { toast } from "./toasts.js";
import { mountTools } from "./tools.js";
import { mountTransport } from "./transport.js";

/** @param {string} run */
function openRun(run) {
  const annotator = new Annotator(run, Number(fragment().get("frame")) || 0);
  const tool = mountTools(annotator);
  const playback = new Playback(annotator);
  const stage = new Stage(annotator, tool, () => playback.toggle());
  const review = new Review(annotator, (corner) => stage.reveal(corner), goToRun);
  mountHeader(annotator);
  mountObjects(annotator);
  mountTransport(annotator);
  const lanes = new Lanes(annotator);
  annotator.store.on(["shown"], () => {
    if (annotator.state.shown >= 0) keepPlace(run, annotator.state.shown);
  });
  const page = { annotator, stage, playback, review, lanes, tool };
  listenToKeys((action, event) => {
    // The key pans while it is held; the stage plays when it was not used for that.
    if (action === "play") stage.holdPan(event.code);
    else perform(page, action, event);
  });
  document.addEventListener("click", (event) => {
    const button =
      event.target instanceof Element ? event.target.closest("[data-action]") : null;
    const action = button instanceof HTMLElement ? button.dataset["action"] : undefined;
    if (action) perform(page, action, event);
  });
}

/** @param {import("./actions.js").Page} page  @param {string} action
 * @param {{shiftKey: boolean}} event */
function perform(page, action, event) {
  if (!page.tool().act(action)) void ACTIONS[action]?.(page, event);
  page.stage.draw({ frame: false });
}

/** @param {string} run */
function goToRun(run) {
  location.hash = `run=${run}`;
}

async function begin() {
  applyTheme();
  furnish();
  const refused = await login();
  if (refused) toast(`The link is not valid: ${refused}`, { kind: "bad" });
  addEventListener("hashchange", () => location.reload());
  const run = fragment().get("run");
  if (run) openRun(run);
  else await chooseRun(goToRun);
}

void begin();
