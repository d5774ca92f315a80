// The first steps of training, one click at a time: B is 0, so A's gradient is exactly 0, and B's is not.

import { _ } from "../language.js";
import { html, numbers, short } from "./page.js";

const STEPS = 3;

export class FirstStepPanel {
  constructor(at, ask) {
    this.place = at("first-step");
    this.ask = ask;
  }

  async show({ run }) {
    if (run === this.run) return;
    this.run = run;
    this.step = 0;
    this.words = html("p", { class: "inside-verdict", "aria-live": "polite" });
    this.picture = html("div", { class: "inside-steps" });
    this.button = html("button", { type: "button", class: "live-button", onclick: () => this.next() });
    this.table = html("div");
    this.place.replaceChildren(this.words, this.picture, this.button, this.table);
    this.moments = null;
    this.button.textContent = _("Draw a fresh adapter");
    this.words.textContent = _("A fresh adapter is drawn as this run's was, beside the same base model.");
  }

  async next() {
    this.button.disabled = true;
    try {
      if (this.moments) this.step = (this.step + 1) % this.moments.length;
      else {
        this.words.textContent = _("Loading the base model and taking the steps ...");
        this.moments = await this.ask({ what: "first_steps", steps: STEPS });
      }
      this.draw();
    } catch (error) {
      this.words.textContent = error.message;
    }
    this.button.disabled = false;
  }

  draw() {
    const moment = this.moments[this.step];
    const largest = (name) => Math.max(...this.moments.map((one) => one[name])) || 1;
    const meter = (label, name, value) =>
      html(
        "div",
        { class: "inside-meter" },
        html("span", {}, label),
        bar(value / largest(name)),
        html("b", {}, value === 0 ? _("exactly 0") : short(value)),
      );
    this.picture.replaceChildren(
      meter(_("size of A"), "a_norm", moment.a_norm),
      meter(_("size of B"), "b_norm", moment.b_norm),
      meter(_("gradient of A"), "a_gradient", moment.a_gradient),
      meter(_("gradient of B"), "b_gradient", moment.b_gradient),
      meter(_("loss"), "loss", moment.loss),
    );
    this.words.textContent = said(moment);
    const isLast = this.step === this.moments.length - 1;
    this.button.textContent = isLast ? _("From the beginning") : _("Take step {step}", { step: this.step + 1 });
    this.table.replaceChildren(
      numbers(
        _("The first steps, over all adapted matrices (Frobenius norms)"),
        [
          _("steps taken"),
          _("loss"),
          "A",
          "B",
          _("gradient of A"),
          _("gradient of B"),
          _("A has moved"),
          _("B has moved"),
        ],
        this.moments.map((one) => [
          one.step,
          short(one.loss),
          short(one.a_norm),
          short(one.b_norm),
          short(one.a_gradient),
          short(one.b_gradient),
          short(one.a_moved),
          short(one.b_moved),
        ]),
      ),
    );
  }
}

function bar(share) {
  const filled = html("span");
  filled.style.width = `${100 * share}%`;
  return html("span", { class: "inside-bar", "aria-hidden": "true" }, filled);
}

function said({ step, a_gradient: a, b_norm: b }) {
  if (step === 0)
    return _(
      "Before the first step B is {b}, so the adapter changes nothing, and A's gradient, which has B as a factor, is {a}. Only B can move.",
      { a: a === 0 ? _("exactly 0") : short(a), b: b === 0 ? _("exactly 0") : short(b) },
    );
  if (step === 1) return _("After one step B is not 0 any more, and A has a gradient for the first time.");
  return _("After {step} steps both move.", { step });
}
