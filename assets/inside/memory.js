// Memory as a calculator, from a run's measured bytes to models that no classroom has.

import { _, N_ } from "../language.js";
import { FORMULAS, memory, parameters, reshaped, SHAPES, SIZES, TRAINING } from "./memory_math.js";
import { fill, html, numbers, short, svg } from "./page.js";

const PARTS = {
  weights: _("weights"),
  gradients: _("gradients"),
  optimiser: _("optimiser (Adam)"),
  activations: _("activations"),
};
const WAYS = { "full fine-tuning": _("full fine-tuning"), LoRA: "LoRA", QLoRA: "QLoRA" };
const OWN = N_("sizes of your own");
const WIDTH = 600;
const ROW = 52; // a line of text, on a phone a large one, and the bar below it
const BAR = 18;
const VALUE = 120;

export class MemoryPanel {
  constructor(at, ask, { about }) {
    this.place = at("memory");
    this.askAbout = about;
    this.name = "MiniLM-L6";
    this.shape = SHAPES[this.name];
    this.how = { r: 16, batch: 16, tokens: 64, bytes: 4 };
    this.build();
  }

  build() {
    this.preset = html("select", { onchange: ({ target }) => this.take(target.value) });
    const bytes = html("select", { onchange: ({ target }) => this.train({ bytes: Number(target.value) }) });
    fill(bytes, [
      ["float32", "4"],
      ["bfloat16", "2"],
    ]);
    const [sizes, training] = [SIZES, TRAINING].map((fields) => this.inputs(fields));
    this.sizes = sizes;
    for (const [name, input] of Object.entries(training)) input.value = this.how[name];
    this.picture = html("div", { class: "inside-figure" });
    this.words = html("p", { class: "inside-verdict", "aria-live": "polite" });
    this.measured = html("p", { class: "inside-where" });
    this.table = html("div");
    this.place.replaceChildren(
      html("h3", {}, _("Measured in this run")),
      this.measured,
      html("h3", {}, _("Computed, for any encoder")),
      html("div", { class: "inside-control" }, html("label", {}, _("Begin with"), " ", this.preset)),
      html("div", { class: "inside-control inside-sizes" }, ...labelled(SIZES, sizes)),
      html(
        "div",
        { class: "inside-control inside-sizes" },
        ...labelled(TRAINING, training),
        html("label", {}, _("computes in"), " ", bytes),
      ),
      this.words,
      this.picture,
      this.table,
      formulas(),
    );
    this.take(this.name);
  }

  /** A number input for each field, which changes the model's shape or its training. */
  inputs(fields) {
    return Object.fromEntries(
      Object.entries(fields).map(([name, [, min, max]]) => {
        const input = html("input", { type: "number", min, max, step: 1 });
        input.addEventListener("input", () => {
          const value = Math.min(max, Math.max(min, Math.round(Number(input.value)) || min));
          if (fields === SIZES) this.resize(name, value);
          else this.train({ [name]: value });
        });
        return [name, input];
      }),
    );
  }

  async show() {
    const about = await this.askAbout();
    if (!about.bytes) {
      this.measured.textContent = _("This run has not finished, so nothing of it is measured yet.");
      return;
    }
    this.measured.textContent = _(
      "{held} of tensors instead of {whole} in float32; its process took {peak} at its largest, libraries and activations included ({device}).",
      {
        held: mega(about.bytes_total),
        whole: mega(about.bytes_float32),
        peak: mega(about.peak_rss_bytes),
        device: about.device,
      },
    );
  }

  /** One of the shapes that the list offers. */
  take(name) {
    if (!Object.hasOwn(SHAPES, name)) return;
    this.name = name;
    this.shape = SHAPES[name];
    this.draw();
  }

  resize(name, value) {
    this.name = OWN;
    this.shape = reshaped(this.shape, name, value);
    this.draw();
  }

  train(change) {
    this.how = { ...this.how, ...change };
    this.draw();
  }

  /** What the boxes hold, but for the one that somebody types into. */
  showSizes() {
    const names = Object.keys(SHAPES);
    const offered = this.name === OWN ? [...names, OWN] : names;
    fill(
      this.preset,
      offered.map((name) => [_(name), name]),
      this.name,
    );
    for (const [name, input] of Object.entries(this.sizes)) {
      if (input !== document.activeElement) input.value = this.shape[name];
    }
  }

  draw() {
    this.showSizes();
    const found = memory(this.shape, this.how);
    const totals = Object.fromEntries(
      Object.entries(found).map(([name, parts]) => [name, Object.values(parts).reduce((sum, part) => sum + part, 0)]),
    );
    const largest = Math.max(...Object.values(totals));
    const rows = Object.entries(found).flatMap(([name, parts], index) => {
      let x = 0;
      const bars = Object.entries(parts).map(([part, size]) => {
        const width = (size / largest) * (WIDTH - VALUE);
        const bar = svg("rect", { class: `part-${part}`, x, y: index * ROW + 28, width, height: BAR });
        x += width;
        return bar;
      });
      return [
        svg("text", { x: 0, y: index * ROW + 21 }, WAYS[name]),
        ...bars,
        svg("text", { x: x + 6, y: index * ROW + 28 + BAR - 3 }, mega(totals[name])),
      ];
    });
    this.picture.replaceChildren(
      svg("svg", { viewBox: `0 0 ${WIDTH} ${3 * ROW}`, "aria-hidden": "true" }, ...rows),
      html(
        "p",
        { class: "inside-key" },
        ...Object.entries(PARTS).map(([part, label]) => html("span", { class: `key-${part}` }, label)),
      ),
    );
    const share = totals["full fine-tuning"] / totals.QLoRA;
    const total = people(parameters(this.shape, this.how.tokens).total);
    const said = _("{model}, {total} parameters: QLoRA needs {size}, and full fine-tuning {times} times as much.", {
      model: _(this.name),
      total,
      size: mega(totals.QLoRA),
      times: short(share, 2),
    });
    const isOdd = this.shape.hidden % this.shape.heads;
    const odd = _("The hidden size has to be a multiple of the heads, or no library builds it.");
    this.words.textContent = isOdd ? `${said} ${odd}` : said;
    const isOpen = this.table.querySelector("details")?.open ?? false;
    const table = numbers(
      _("Memory, computed"),
      [_("way"), ...Object.values(PARTS), _("in all")],
      Object.entries(found).map(([name, parts]) => [WAYS[name], ...Object.values(parts).map(mega), mega(totals[name])]),
    );
    table.open = isOpen;
    this.table.replaceChildren(table);
  }
}

function labelled(fields, inputs) {
  return Object.entries(fields).map(([name, [label]]) => html("label", {}, _(label), " ", inputs[name]));
}

function formulas() {
  const rows = FORMULAS.map(([what, formula, source, href]) =>
    html(
      "li",
      {},
      html("b", {}, _(what)),
      `: ${_(formula)} (`,
      html("a", { href, target: "_blank", rel: "noopener" }, _(source)),
      ")",
    ),
  );
  return html(
    "details",
    { class: "inside-numbers" },
    html("summary", {}, _("How it is computed")),
    html("ul", {}, ...rows),
  );
}

/** A count as people say it. */
function people(count) {
  return count >= 1e9 ? _("{n} billion", { n: short(count / 1e9) }) : _("{n} million", { n: short(count / 1e6) });
}

/** Bytes as people say them. */
export function mega(bytes) {
  if (bytes === null || bytes === undefined) return _("an unknown amount");
  if (bytes >= 1e12) return _("{n} TB", { n: short(bytes / 1e12) });
  return bytes >= 1e9 ? _("{n} GB", { n: short(bytes / 1e9) }) : _("{n} MB", { n: short(bytes / 1e6) });
}
