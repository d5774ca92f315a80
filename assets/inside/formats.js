// The whole matrix, in every format: one axis, one strip a format.

import { _, grouped, listed, N_ } from "../language.js";
import { html, matrixName, numbers, short, svg } from "./page.js";

const WIDTH = 420;
const HEIGHT = 44;
const WORDS = {
  float32: N_("as the base model is shipped"),
  int8: N_("256 levels, a scale a row"),
  NF4: N_("16 levels, closest near 0"),
  "NF4, double quantisation": N_("the same, its scales in 8 bits: what this program uses"),
  FP4: N_("16 levels of a floating-point number"),
  "plain int4": N_("15 levels, evenly spaced"),
};

const NAMES = {
  "NF4, double quantisation": N_("NF4, double quantisation"),
  "plain int4": N_("plain int4"),
};
const called = (name) => _(NAMES[name] ?? name);

export class FormatsPanel {
  constructor(at, ask, { about }) {
    this.place = at("formats");
    this.ask = ask;
    this.about = about;
  }

  async show({ layer, role }) {
    const data = await this.ask({ what: "formats", layer, role });
    const { format_scores: scores } = await this.about();
    const head = [
      _("format"),
      _("values from {low} to {high}", { low: short(data.edges[0], 2), high: short(data.edges.at(-1), 2) }),
      _("bits a weight"),
      _("error"),
    ];
    const rows = data.formats.map((one) =>
      html(
        "tr",
        {},
        html(
          "th",
          { scope: "row" },
          html("b", {}, called(one.name)),
          html("small", {}, one.name in WORDS ? _(WORDS[one.name]) : ""),
        ),
        html("td", { class: "inside-strip" }, strip(one.counts)),
        html("td", {}, short(one.bits, 3)),
        html("td", {}, one.relative_error ? `${short(100 * one.relative_error, 2)} %` : _("none")),
      ),
    );
    this.place.replaceChildren(
      html(
        "p",
        { class: "inside-where" },
        _("{matrix}: {shape} numbers", { matrix: matrixName({ layer, role }), shape: data.shape.join(" × ") }),
      ),
      html("p", { class: "inside-verdict" }, verdict(data.formats)),
      html(
        "div",
        { class: "inside-scroll", tabindex: 0, role: "region", "aria-label": _("The matrix in every format") },
        html(
          "table",
          { class: "inside-table" },
          html("thead", {}, html("tr", {}, ...head.map((name) => html("th", { scope: "col" }, name)))),
          html("tbody", {}, ...rows),
        ),
      ),
      numbers(
        _("The matrix in every format"),
        [_("format"), _("bytes"), _("bits a weight"), _("root mean square error"), _("of the weights' own")],
        data.formats.map((one) => [
          called(one.name),
          grouped(one.bytes),
          short(one.bits, 5),
          short(one.rms_error),
          `${short(100 * one.relative_error)} %`,
        ]),
      ),
      ...(scores ? inAnswers(scores) : []),
    );
  }
}

/** What each format costs in answers, where it was measured of this run: recorded, and not measured again. */
function inAnswers({ n, scores, trained_in: trainedIn, computed_in: computedIn }) {
  const names = Object.keys(scores);
  const accuracies = names.map((name) => scores[name].finetuned);
  const noise = Math.sqrt((0.25 / n) * 2);
  const [low, high] = [Math.min(...accuracies), Math.max(...accuracies)];
  const found = { n, low: short(low), high: short(high), trained: trainedIn.toUpperCase(), computed: computedIn };
  return [
    html("h3", {}, _("And in answers?")),
    html(
      "p",
      {},
      high - low < 2 * noise
        ? _(
            "Recorded: the accuracy of this run's adapter on {n} validation pairs, with the base model's matrices stored in each of the six: {low} to {high}, no more than chance explains. The adapter was trained over {trained}; all of them were computed in {computed}.",
            found,
          )
        : _(
            "Recorded: the accuracy of this run's adapter on {n} validation pairs, with the base model's matrices stored in each of the six: {low} to {high}, more than chance explains. The adapter was trained over {trained}; all of them were computed in {computed}.",
            found,
          ),
    ),
    numbers(
      _("Accuracy on validation by format, recorded"),
      [_("format"), _("fine-tuned"), _("linear probe on the base")],
      names.map((name) => [called(name), short(scores[name].finetuned), short(scores[name].linear_probe)]),
    ),
  ];
}

/** Counts as bars; their square roots, so that a few values far out can be seen beside many near 0. */
function strip(counts) {
  const largest = Math.sqrt(Math.max(...counts));
  const step = WIDTH / counts.length;
  const bars = counts.map((count, index) => {
    const height = (Math.sqrt(count) / largest) * HEIGHT;
    return svg("rect", { x: index * step, y: HEIGHT - height, width: Math.max(1, step - 0.4), height });
  });
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...bars);
}

/** Which of the formats with four bits is nearest to the original, and by how much. */
export function verdict(formats) {
  const four = formats.filter(({ bits }) => bits < 5).sort((a, b) => a.rms_error - b.rms_error);
  const [best, ...others] = four.filter(({ name }) => !name.includes("double"));
  const worse = others.map((one) =>
    _("{format} is {times} times as far off", {
      format: called(one.name),
      times: short(one.rms_error / best.rms_error, 3),
    }),
  );
  const plain = formats.find(({ name }) => name === "NF4");
  const double = formats.find(({ name }) => name.includes("double"));
  const saved = short(plain.bits - double.bits, 2);
  const cost = short(100 * (double.rms_error / plain.rms_error - 1), 2);
  return _(
    "Of four bits, {best} comes nearest to this matrix; {worse}. Double quantisation saves {saved} bits a weight and makes the error {cost} % larger.",
    { best: called(best.name), worse: listed(worse), saved, cost },
  );
}
