// The presenter's view: a dialog over the page, filled with what the live view is told. It polls nothing.

import { SERVER } from "../class/ask.js";
import { Slides } from "./slides.js";
import { actionOf, moved, newerRun, stepOf } from "./steps.js";
import { LOCAL_ONLY, NO_CODE, NO_WORKSHEET } from "./words.js";

const CODES = ["code", "code-again", "code-corner"];

let presenter;

/** Opens it. `element` is the rendered present.html; `server` has join_by and worksheet, and `tables` is of
 * qlora_core/ui/present/view.py. */
export function start(element, server, tables) {
  presenter ??= new Presenter(element, server, tables);
  presenter.open();
}

class Presenter {
  constructor(element, server, { phases }) {
    this.server = server;
    this.dialog = element.querySelector("dialog");
    this.slides = new Slides(this.dialog, phases, SERVER);
    this.joined = ""; // the run that the code leads to
    this.followsNewest = !new URLSearchParams(location.search).get("run");
    const actions = {
      newest: () => this.showNewest(),
      leave: () => this.dialog.close(),
      worksheet: () => this.saveWorksheet(),
    };
    const act = (action) => (actions[action] || (() => this.go(moved(this.slides.step, action))))();
    this.dialog.addEventListener("keydown", (event) => {
      const action = actionOf(event);
      if (!action) return;
      event.preventDefault();
      act(action);
    });
    this.dialog.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button?.dataset.go) this.go(button.dataset.go);
      if (button?.dataset.action) act(button.dataset.action);
    });
    this.dialog.addEventListener("close", () => window.qlora.address({ present: "" }));
    window.qlora.onNews((state) => this.dialog.open && this.show(state));
    const draw = () => this.dialog.open && this.show(window.qlora.live.read());
    window.addEventListener("resize", draw);
    new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  open() {
    if (!this.dialog.open) this.dialog.showModal();
    this.go(stepOf(new URLSearchParams(location.search).get("present")));
  }

  go(step) {
    this.slides.choose(step);
    window.qlora.address({ present: step });
    this.show(window.qlora.live.read());
  }

  show(state) {
    this.slides.show(state);
    this.join(state.run);
    const other = newerRun(state);
    this.dialog.querySelector('[data-action="newest"]').hidden = !other;
    if (other && this.followsNewest) this.showNewest();
  }

  showNewest() {
    const other = newerRun(window.qlora.live.read());
    if (other) window.qlora.live.follow(other);
  }

  /** Has the codes lead to the run that is shown; asks once for each run, and again where no answer came. */
  async join(run) {
    if (!run || run === this.joined) return;
    this.joined = run;
    const page = location.origin + location.pathname;
    const found = await this.server.join_by({ run, page }).catch(() => null);
    if (this.joined !== run) return;
    if (!found) this.joined = "";
    for (const name of CODES) {
      const image = this.slides.at(name);
      image.hidden = !found?.picture;
      if (found?.picture) image.src = found.picture;
    }
    this.slides.at("address").textContent = found?.typed || "";
    this.slides.at("join-note").textContent = found ? found.error || (found.is_local ? LOCAL_ONLY : "") : NO_CODE;
  }

  async saveWorksheet() {
    const { run } = window.qlora.live.read();
    const made = await this.server.worksheet({ run }).catch(() => ({ error: NO_WORKSHEET }));
    this.slides.at("worksheet-note").textContent = made.error || "";
    if (made.page) window.qlora.save(made.name, made.page);
  }
}
