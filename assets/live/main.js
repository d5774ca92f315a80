// The live view of one run: its state, and what changes it. Gradio's HTML element starts it once.

import { makeFeed } from "./feed.js";
import { beginning, makePlayer } from "./replay.js";
import { chosen, initial, replied, silent } from "./state.js";
import { View } from "./view.js";

/** `element` is the rendered live_view.html; `server` has control and claim of qlora_core/ui/train/live_view.py, and
 * `tables` is its table of words. */
export function start(element, server, tables) {
  const wanted = new URLSearchParams(location.search).get("run") || "";
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let state = initial({ wanted, calm, tables });

  const read = () => state;
  const update = (next) => {
    const before = state;
    state = next;
    view.show(state, before);
    window.qlora.tell(state);
    play();
  };
  const who = () => ({ secret: window.qlora.secret(), owner: window.qlora.ownersPass() });
  const poll = async (question) => askServer({ ...question, ...who() });
  const ask = makeFeed({ poll, read, update, isShown: () => element.isConnected });
  const play = makePlayer({ read, update });
  const follow = (run) => {
    if (run === state.wanted) return;
    update(chosen(state, run));
    ask();
  };
  const view = new View(element, { follow, tables });
  window.qlora.live = { read, follow }; // for whatever else shows the run

  const own = {
    replay: () => update({ ...state, replay: beginning(performance.now()) }),
    borrow: () => window.qlora.borrow(state.run),
    results: () => window.qlora.openResults(state.run),
  };
  const command = async (button, action) => {
    button.disabled = true;
    try {
      const { error } = await server.control({ run: state.run, ...who(), action });
      update(replied(state, error, performance.now()));
    } catch {
      update(silent(state, "no reply"));
    }
    button.disabled = false;
    ask();
  };
  listen(element, (button, action) => (own[action] ? own[action]() : command(button, action)), follow);
  redraw(view, read);
  document.addEventListener("visibilitychange", () => document.hidden || ask());
  window.qlora.becomeOwner(
    async (shown) => server.claim(shown),
    (words) => {
      view.showOwner(words);
      ask();
    },
  );
  ask();
}

/** What qlora_core/ui/train/live_news.py answers. */
async function askServer(question) {
  const body = JSON.stringify(question);
  const answer = await fetch(new URL("live/news", document.baseURI), { method: "POST", body });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

function listen(element, pressed, follow) {
  element.addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]");
    if (button) pressed(button, button.dataset.action);
  });
  window.addEventListener("qlora:follow", (event) => follow(event.detail));
}

/** Draws anew when what the charts look like changes, and as soon as Plotly has come. */
function redraw(view, read) {
  const draw = () => view.draw(read());
  view.at("smoothing").addEventListener("input", () => {
    view.showSmoothing();
    draw();
  });
  new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  (function whenPlotlyIsThere() {
    if (window.Plotly) draw();
    else setTimeout(whenPlotlyIsThere, 50);
  })();
}
