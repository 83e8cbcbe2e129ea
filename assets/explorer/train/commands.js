// What the buttons, keys and dials of the live page do: requests to the trainer, actions of the server, and the page's own.

import { afterPaint, measure } from "../core/timing.js";
import { confirmed } from "./confirm.js";
import { ANSWER } from "./requests.js";

/** @import { Live } from "./live.js" */
/** @import { PageAction, PageActionOptions } from "./notice.js" */
/** @import { ControlRequest } from "./protocol.js" */
/** @import { Session } from "./session.js" */

export class Commands {
  /** @param {Live} live the page */
  constructor(live) {
    this.live = live;
  }

  /**
   * Sends a request to every steered run. The page shows it at once, until it is applied or the trainer takes too long.
   * @param {ControlRequest} change
   * @param {number} at ms, when the person acted
   */
  request(change, at = performance.now()) {
    const { live } = this;
    const { lead } = live;
    const sent = live.steered.filter((session) => session.isBusy && session.request(change));
    if (!sent.length) return;
    if (sent.includes(lead)) live.requests.add(lead, change, at);
    live.touch("words");
    setTimeout(() => live.touch("words"), ANSWER + 50); // by then it is applied or forgotten
  }

  /**
   * Measures the time from a change of beta to the first snapshot under it, which is about to be painted.
   * @param {Session} session
   * @param {number} control id of the last request that the trainer has applied
   */
  applied(session, control) {
    const done = this.live.requests.applied(session, control).filter(({ change }) => "beta" in change);
    if (!done.length) return;
    afterPaint(() => {
      for (const { at } of done) measure("elbo-room:control-to-frame", at);
    });
  }

  /**
   * @param {PageAction} name
   * @param {PageActionOptions} [more]
   */
  act(name, more = {}) {
    const { live } = this;
    const { lead } = live;
    if (name === "save") this.request({ save: true });
    else if (name === "finish") this.finish();
    else if (name === "restore") this.restore(more.number);
    else if (name === "undo") this.undo();
    else if (name === "link")
      this.copy(
        new URL(`room/follow/${encodeURIComponent(lead.run)}`, live.base).href,
        "Link copied: whoever opens it follows this run.",
      );
    else if (name === "key")
      this.copy(
        lead.token ?? "",
        lead.token ? "Key copied: whoever has it can steer this run." : "This run needs no key here.",
      );
    else if (name !== "download") lead.act(name, more);
  }

  /** Asks the person, then finishes every steered run. */
  async finish() {
    const { live } = this;
    live.notice.withdraw();
    const names = live.steered.filter(({ isBusy }) => isBusy).map(({ run }) => run);
    if (!names.length) return;
    const text =
      "Training ends here, and the model is evaluated on the test images. The state of the training is kept, so that another run can go on from it later.";
    if (await confirmed(live.root, { title: `Finish ${names.join(" and ")}?`, text, yes: "Finish" }))
      this.request({ finish: true });
  }

  /**
   * Returns to a saved state of the run that the buttons show. Where no process trains it, a copy goes on from there.
   * @param {number | undefined} number
   */
  restore(number) {
    const { lead } = this.live;
    if (lead.isBusy) lead.request({ restore: number });
    else lead.act("fork", { kept: number });
  }

  /** Every steered run returns to its state before the last rewind. */
  undo() {
    this.live.notice.withdraw();
    for (const session of this.live.steered) {
      const latest = session.kept.at(-1);
      if (latest && session.isBusy) session.request({ restore: latest.number });
    }
  }

  /**
   * Copies a text and announces it; where the browser does not allow that, shows the text.
   * @param {string} text
   * @param {string} message the sentence to show
   */
  async copy(text, message) {
    const copied =
      text &&
      (await navigator.clipboard?.writeText(text).then(
        () => true,
        () => false,
      ));
    this.live.announce(copied || !text ? message : text);
  }
}
