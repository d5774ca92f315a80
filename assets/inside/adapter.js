// The adapter on the chosen matrix: how many of its r directions it uses, and what it would answer with fewer.

import { _, ngettext } from "../language.js";
import { html, matrixName, named, numbers, short, svg } from "./page.js";

const WIDTH = 660;
const HEIGHT = 190;
const LEFT = 62;
const BOTTOM = 22;

export class AdapterPanel {
  constructor(at, ask, { pair }) {
    this.place = at("adapter");
    this.ask = ask;
    this.pair = pair;
    this.counting = 0;
    pair.changed(() => this.spectrum && this.answer());
  }

  async show({ layer, role, run }) {
    this.spectrum = await this.ask({ what: "spectrum" });
    if (run !== this.run) {
      const { r } = this.spectrum;
      if (this.run !== undefined) window.qlora.addressSoon({ rank: "" });
      this.k = this.run === undefined ? Math.floor(named(location.search, "rank", 0, r, r)) : r;
      this.run = run;
      this.build();
      this.answer();
    }
    this.matrix = { layer, role };
    this.draw();
  }

  build() {
    const { r } = this.spectrum;
    this.figure = html("div", { class: "inside-figure" });
    this.words = html("p", { class: "inside-verdict" });
    this.table = html("div");
    this.kept = html("output");
    const slider = html("input", { type: "range", min: 0, max: r, step: 1, value: this.k });
    const say = () => {
      this.kept.textContent = this.k === r ? _("all {r}", { r }) : _("{n} of {total}", { n: this.k, total: r });
    };
    say();
    slider.addEventListener("input", () => {
      this.k = Number(slider.value);
      say();
      window.qlora.addressSoon({ rank: this.k === r ? "" : String(this.k) });
      this.draw();
      this.answer();
    });
    this.said = html("p", { class: "inside-readout", "aria-live": "polite" });
    this.accuracy = html("p", { class: "inside-readout", "aria-live": "polite" });
    this.count = html(
      "button",
      { type: "button", class: "live-button", onclick: () => this.measure() },
      _("Measure the accuracy"),
    );
    this.place.replaceChildren(
      this.words,
      this.figure,
      html(
        "label",
        { class: "inside-control" },
        _("Keep the strongest directions of every matrix:"),
        " ",
        slider,
        this.kept,
      ),
      this.said,
      this.count,
      this.accuracy,
      this.table,
    );
  }

  draw() {
    const { changes, r, lora_alpha: alpha } = this.spectrum;
    const change = changes.find((one) => one.layer === this.matrix.layer && one.role === this.matrix.role);
    const name = matrixName(this.matrix);
    if (!change) {
      this.words.textContent = _("No adapter stands beside {matrix} in this run.", { matrix: name });
      this.figure.replaceChildren();
      return;
    }
    const values = change.singular_values;
    const step = (WIDTH - LEFT) / values.length;
    const largest = values[0] || 1;
    const bars = values.map((value, index) => {
      const height = (value / largest) * (HEIGHT - BOTTOM - 10);
      return svg("rect", {
        class: index < this.k ? "direction" : "direction left-out",
        x: LEFT + index * step + step * 0.12,
        y: HEIGHT - BOTTOM - height,
        width: step * 0.76,
        height,
      });
    });
    this.figure.replaceChildren(
      svg(
        "svg",
        { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" },
        ...bars,
        svg("text", { x: LEFT - 6, y: 18, "text-anchor": "end" }, short(largest, 2)),
        svg("text", { x: LEFT - 6, y: HEIGHT - BOTTOM, "text-anchor": "end" }, "0"),
        svg("text", { x: LEFT, y: HEIGHT - 5 }, _("direction {n}", { n: 1 })),
        svg("text", { x: WIDTH, y: HEIGHT - 5, "text-anchor": "end" }, _("direction {n}", { n: values.length })),
      ),
    );
    this.words.textContent = _(
      "{matrix}: ({alpha} / {r}) B A is {share} % as large as the matrix itself, and uses about {used} of its {r} directions.",
      {
        matrix: name,
        alpha,
        r,
        share: short((100 * change.norm) / change.base_norm, 2),
        used: short(change.effective_rank, 2),
      },
    );
    const rows = changes.map((one) => [
      matrixName(one),
      `${short((100 * one.norm) / one.base_norm, 3)} %`,
      short(one.effective_rank),
      short(one.singular_values[0]),
      short(one.singular_values.at(-1)),
    ]);
    const table = numbers(
      _("Every adapted matrix"),
      [_("matrix"), _("change against the matrix"), _("directions used"), _("largest singular value"), _("smallest")],
      rows,
    );
    table.open = this.table.querySelector("details")?.open ?? false;
    this.table.replaceChildren(table);
  }

  /** What the adapter says of the pair now; the last question wins. */
  async answer() {
    const k = this.k;
    this.counting += 1; // an accuracy that is being measured is another one's
    this.accuracy.textContent = "";
    try {
      const found = await this.ask({ what: "at_rank", k, ...this.pair.value() });
      if (k !== this.k) return;
      this.said.textContent = ngettext(
        '"Same meaning" with {n} direction: {adapter} (base model: {base}).',
        '"Same meaning" with {n} directions: {adapter} (base model: {base}).',
        k,
        { adapter: percent(found.p_same), base: percent(found.base_p_same) },
      );
    } catch (error) {
      this.said.textContent = error.message;
    }
  }

  /** The validation pairs, some at a time, so that the number can be watched. */
  async measure() {
    this.counting += 1;
    const mine = this.counting;
    const { k } = this;
    let right = 0;
    let start = 0;
    this.accuracy.textContent = _("Asking the validation pairs ...");
    try {
      for (;;) {
        const part = await this.ask({ what: "rank_accuracy", k, start });
        if (mine !== this.counting) return;
        if (!part.n) break;
        right += part.right;
        start += part.n;
        const found = { right, n: start, k, accuracy: short(right / start), left: part.total - start };
        this.accuracy.textContent =
          start < part.total
            ? _("With {k} directions: {right} of {n} right, {accuracy}, so far; {left} pairs left.", found)
            : _("With {k} directions: accuracy {accuracy} ({right} of {n} validation pairs).", found);
      }
    } catch (error) {
      this.accuracy.textContent = error.message;
    }
  }
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}
