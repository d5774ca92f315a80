// One pair read by base and adapted model: at which layers the two part, and who looks at whom.

import { _, listed } from "../language.js";
import { html, numbers, short, svg } from "./page.js";

const WIDTH = 660;
const HEIGHT = 180;
const LEFT = 62;
const BOTTOM = 22;
const SHOWN = 3;

export class ReadingsPanel {
  constructor(at, ask, { pair }) {
    this.place = at("readings");
    this.ask = ask;
    this.pair = pair;
    pair.changed(() => this.run && this.read().catch((error) => this.fail(error)));
  }

  async show({ run }) {
    if (run === this.run) return;
    this.run = run;
    await this.read();
  }

  fail(error) {
    this.place.replaceChildren(html("p", { role: "status" }, error.message));
  }

  async read() {
    const asked = this.pair.value();
    const data = await this.ask({ what: "readings", ...asked });
    const now = this.pair.value();
    if (asked.first !== now.first || asked.second !== now.second) return;
    this.layer = Math.min(this.layer ?? data.base.length - 1, data.base.length - 1);
    this.token = chosenIn(data, this.data?.tokens[this.token], this.token);
    this.data = data;
    this.build();
    this.draw();
  }

  build() {
    const { data } = this;
    const slider = html("input", { type: "range", min: 1, max: data.base.length, value: this.layer + 1 });
    const name = html("output", {}, _("layer {n}", { n: this.layer + 1 }));
    slider.addEventListener("input", () => {
      this.layer = Number(slider.value) - 1;
      name.textContent = _("layer {n}", { n: this.layer + 1 });
      this.draw();
    });
    this.figure = html("div", { class: "inside-figure" });
    this.apart = html("p", { class: "inside-verdict" });
    this.words = html("div", { class: "inside-words", role: "group", "aria-label": _("Choose a word") });
    this.rows = html("div");
    this.said = html("p", { class: "inside-verdict", "aria-live": "polite" });
    this.table = html("div");
    this.apartTable = html("div");
    this.place.replaceChildren(
      html("h3", {}, _("Where the two models part")),
      this.apart,
      this.figure,
      this.apartTable,
      html("h3", {}, _("Who looks at whom")),
      html("p", {}, _("Choose a word, and see which words of the other sentence it takes in: the darker, the more.")),
      html("label", { class: "inside-control" }, _("In"), " ", slider, name),
      this.words,
      this.rows,
      this.said,
      this.table,
    );
    this.drawApart();
  }

  drawApart() {
    const { apart, tokens } = this.data;
    const first = apart.map((row) => row[0]);
    const mean = apart.map((row) => row.reduce((sum, each) => sum + each, 0) / row.length);
    const largest = Math.max(...first, ...mean, 1e-6);
    const x = (index) => LEFT + ((WIDTH - LEFT - 20) * index) / (apart.length - 1);
    const y = (value) => HEIGHT - BOTTOM - (value / largest) * (HEIGHT - BOTTOM - 12);
    const line = (values, kind) =>
      svg("polyline", { class: kind, points: values.map((value, index) => `${x(index)},${y(value)}`).join(" ") });
    const names = apart.map((row, index) =>
      svg("text", { x: x(index), y: HEIGHT - 5, "text-anchor": "middle" }, index ? String(index) : _("embeddings")),
    );
    this.figure.replaceChildren(
      svg(
        "svg",
        { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" },
        line(mean, "line-mean"),
        line(first, "line-first"),
        svg("text", { x: LEFT - 6, y: 16, "text-anchor": "end" }, short(largest, 2)),
        svg("text", { x: LEFT - 6, y: HEIGHT - BOTTOM, "text-anchor": "end" }, "0"),
        ...names,
      ),
      html(
        "p",
        { class: "inside-key" },
        html("span", { class: "key-first" }, _("[CLS], the token that the classifier reads")),
        html("span", { class: "key-mean" }, _("mean of all word pieces")),
      ),
    );
    const half = first.findIndex((value) => value >= first.at(-1) / 2);
    this.apart.textContent = _(
      "How far apart the hidden states of base and adapted model are (1 - cosine), from the embeddings, where they are the same, to layer {last}. At [CLS] half of the way is reached in layer {half}.",
      { last: apart.length - 1, half },
    );
    const rows = apart.map((row, index) => [index || _("embeddings"), short(first[index]), short(mean[index])]);
    this.apartTable.replaceChildren(
      numbers(_("Base against adapted, {n} word pieces", { n: tokens.length }), [_("layer"), "[CLS]", _("mean")], rows),
    );
  }

  draw() {
    const { tokens, sentences } = this.data;
    const chosen = sentences[this.token] ?? 1;
    const other = chosen === 1 ? 2 : 1;
    const buttons = tokens.map((token, index) => {
      if (sentences[index] === null) return html("i", {}, token);
      const button = html("button", { type: "button", "aria-pressed": String(index === this.token) }, token);
      button.addEventListener("click", () => {
        this.token = index;
        this.draw();
        this.words.querySelectorAll("button")[this.placeOf(index)]?.focus();
      });
      return button;
    });
    this.words.replaceChildren(...buttons);
    const theirs = tokens.map((token, index) => index).filter((index) => sentences[index] === other);
    const of = (model) => theirs.map((index) => this.data[model][this.layer][this.token][index]);
    const [base, adapted] = [of("base"), of("adapted")];
    const largest = Math.max(...base, ...adapted, 1e-6);
    const difference = adapted.map((value, index) => value - base[index]);
    const widest = Math.max(...difference.map(Math.abs), 1e-6);
    const row = (label, values, scale) =>
      html(
        "p",
        { class: "inside-tinted" },
        html("span", {}, label),
        ...values.map((value, index) => tinted(tokens[theirs[index]], value / scale)),
      );
    this.rows.replaceChildren(
      row(_("base"), base, largest),
      row(_("adapted"), adapted, largest),
      row(_("difference"), difference, widest),
    );
    const strongest = (values) => {
      const pairs = values.map((value, index) => [value, tokens[theirs[index]]]).sort((a, b) => b[0] - a[0]);
      return listed(pairs.slice(0, SHOWN).map(([value, token]) => `${token} (${short(100 * value, 2)} %)`));
    };
    this.said.textContent = _('"{word}" looks at: base {base}; adapted {adapted}.', {
      word: tokens[this.token],
      base: strongest(base),
      adapted: strongest(adapted),
    });
    this.table.replaceChildren(
      numbers(
        _('Attention of "{word}" in layer {n}, mean of its heads', { word: tokens[this.token], n: this.layer + 1 }),
        [_("word piece"), _("base"), _("adapted"), _("difference")],
        theirs.map((index, each) => [tokens[index], short(base[each]), short(adapted[each]), short(difference[each])]),
      ),
    );
  }

  /** Which of the buttons belongs to a token. */
  placeOf(index) {
    return this.data.sentences.slice(0, index).filter((sentence) => sentence !== null).length;
  }
}

/** A word piece on a ground as dark as `share`, -1 to 1; what is negative is underlined by dots as well. */
function tinted(token, share) {
  const word = html("span", { class: share < 0 ? "tint less" : "tint" }, token);
  word.style.setProperty("--share", Math.abs(share));
  return word;
}

/** The place of the word that was chosen among those of another pair; the first word where it is gone. */
export function chosenIn({ tokens, sentences }, word, place) {
  const same = tokens[place] === word ? place : tokens.indexOf(word);
  if (same > 0 && sentences[same] !== null) return same;
  return Math.max(1, sentences.indexOf(1));
}
