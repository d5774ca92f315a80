// Guess first: what one expects of a run, until its training begins; then everybody's guesses, and how close they came.

import { Curve, curveOf, curves, withPoint } from "./curve.js";
import { strip } from "./strip.js";
import { html } from "../inside/page.js";
import * as words from "./words.js";

const UNDECIDED = [0.5, 0.5, 0.5, 0.5, 0.5];

export class GuessPanel {
  constructor(place, { ask }) {
    Object.assign(this, { place, ask, key: "" });
  }

  /** `told` says which run is on show, whether it still takes guesses, how many there are, and whether it has ended. */
  async show({ run, open, guesses, ended }) {
    if (this.told && run === this.run) this.counted(guesses);
    const key = `${run} ${open} ${ended}`;
    if (key === this.key) return;
    this.key = key;
    if (run !== this.run) this.place.replaceChildren();
    this.run = run;
    let report;
    try {
      report = await this.ask("guesses", { run });
    } catch (error) {
      if (key !== this.key) return;
      this.say(error.message);
      this.key = ""; // asked again with the next news
      return;
    }
    if (key !== this.key) return; // another run was chosen meanwhile
    if (report.open) this.showForm(report);
    else this.showStrip(report);
  }

  showForm({ mine, count }) {
    this.isDrawn = Boolean(mine?.between);
    this.values = mine ? curveOf(mine) : UNDECIDED;
    this.curve = new Curve((index, share) => this.set(index, share, index > 0 && index < 4));
    this.ends = [this.slider(words.BEFORE, 0), this.slider(words.AFTER, 4)];
    this.told = html("p", { class: "class-told", role: "status" });
    this.write = html("button", { type: "button", class: "class-button", onclick: () => this.send() });
    this.write.textContent = mine ? words.CHANGE : words.WRITE;
    this.place.replaceChildren(
      html("p", {}, words.HOW),
      html(
        "div",
        { class: "class-guess" },
        html("div", { class: "class-ends" }, ...this.ends.map(({ label }) => label)),
        html("figure", {}, html("figcaption", {}, words.CURVE), this.curve.element, this.curve.table),
      ),
      this.write,
      this.told,
    );
    this.draw();
    this.isWritten = Boolean(mine);
    this.counted(count);
  }

  slider(name, index) {
    const output = html("b", { "aria-hidden": "true" }); // the slider says its value itself
    const oninput = () => this.set(index, Number(input.value), false);
    const input = html("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": name, oninput });
    return { input, output, index, label: html("label", {}, html("span", {}, name), output, input) };
  }

  set(index, share, isDrawn) {
    this.isDrawn ||= isDrawn;
    this.values = withPoint(this.values, index, share, this.isDrawn);
    this.draw();
  }

  draw() {
    this.curve.show(this.values);
    for (const { input, output, index } of this.ends) {
      input.value = this.values[index];
      output.textContent = words.two(this.values[index]);
    }
  }

  async send() {
    const [before, ...rest] = this.values;
    const after = rest.pop();
    this.write.disabled = true;
    try {
      const guess = { before, after, ...(this.isDrawn ? { between: rest } : {}) };
      const { count } = await this.ask("guess", { run: this.run, guess });
      this.isWritten = true;
      this.write.textContent = words.CHANGE;
      this.counted(count);
    } catch (error) {
      this.told.textContent = error.message;
    }
    this.write.disabled = false;
  }

  /** How many have guessed by now. */
  counted(guesses) {
    if (guesses === undefined || !this.told?.isConnected) return;
    const said = this.isWritten ? `${words.WRITTEN} ${words.count(guesses)}` : words.count(guesses);
    if (this.told.textContent !== said) this.told.textContent = said;
  }

  showStrip(report) {
    const drawn = curves(report);
    this.place.replaceChildren(
      ...(report.guesses.length ? [strip(report)] : []),
      ...(drawn.length ? [html("figure", {}, html("figcaption", {}, words.CURVES), ...drawn)] : []),
    );
  }

  say(text) {
    this.place.replaceChildren(html("p", { class: "class-told", role: "status" }, text));
  }
}
