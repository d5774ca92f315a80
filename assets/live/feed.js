// Asks the server once a second for what is new of the run that is shown: less often when many ask or the run is over, not
// at all while nobody looks at the page, and again and again when no answer comes.

import { isOver, question, reduce, silent } from "./state.js";

const TICK = 1000;
const REST = 3 * TICK;
const LONGEST_WAIT = 5 * TICK;

/** `poll(question)` asks the server; `read()` gives the state, `update(state)` sets it; `isShown()` is false once the
 * live view is gone for good. Returns what asks at once. */
export function makeFeed({ poll, read, update, isShown }) {
  let timer;
  let isBusy = false;
  let failures = 0;

  async function tick() {
    clearTimeout(timer);
    if (!isShown()) return;
    if (document.hidden || isBusy) {
      askLater();
      return;
    }
    isBusy = true;
    const asked = question(read());
    const answer = await poll(asked).catch(() => null);
    isBusy = false;
    failures = answer ? 0 : failures + 1;
    const before = read();
    const after = answer
      ? reduce(before, { ...answer, question: asked, at: performance.now() })
      : silent(before, "no answer");
    if (after === before) {
      tick();
      return;
    }
    try {
      update(after);
    } finally {
      askLater();
    }
  }

  function askLater() {
    const rest = Math.max(isOver(read()) ? REST : TICK, 1000 * (read().news?.again_in ?? 0));
    clearTimeout(timer);
    timer = setTimeout(tick, failures ? Math.min(failures * TICK, LONGEST_WAIT) : rest);
  }

  return tick;
}
