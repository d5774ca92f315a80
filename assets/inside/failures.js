// Five ways to fail: recorded runs, each with its curves, the sign by which the live view knows it, and the cure.

import { _, listed } from "../language.js";
import { signWords } from "../live/sign_words.js";
import { chanceLoss, FEWEST_POINTS, mean, recentLoss, signOf } from "../live/signs.js";
import { html, numbers, short, svg, whenSeen } from "./page.js";

const WIDTH = 340;
const HEIGHT = 190;
const LEFT = 34;
const RIGHT = 8;
const TOP = 16;
const BOTTOM = 26;
const LIBRARIES = ["torch", "transformers", "peft", "bitsandbytes"];

export const FAILURES = {
  learning_rate: {
    title: _("The learning rate is too high"),
    what: _("A learning rate of 0.05, two hundred times what this program starts with."),
    why: _("Each step overshoots: it answers one label for all, then the other, surer each time and as often wrong."),
    cure: _("A hundredth of it. If a loss jumps in its first steps, a longer warm-up helps too."),
  },
  majority: {
    title: _("The majority class"),
    what: _(
      "What notebooks often do: little of the model is adapted (query and value), and few steps are taken, on pairs of which two in three mean the same.",
    ),
    why: _(
      "Saying the commoner label is the first thing there is to learn, and here nothing more was learned. An accuracy of two thirds, and an F1 of 0.8, say nothing.",
    ),
    cure: _(
      "Adapt all linear layers, train longer, and look at Matthews' correlation, which is 0 for whoever always says the same.",
    ),
  },
  shuffled: {
    title: _("Shuffled labels"),
    what: _("160 training pairs whose labels were drawn from a hat; the validation pairs have their own."),
    why: _("There is nothing to understand, so the model learns the pairs by heart. The training loss looks splendid."),
    cure: _(
      "Read twenty training pairs with their labels. A column that was sorted by itself, or labels with 0 and 1 exchanged, looks just like this.",
    ),
  },
  leakage: {
    title: _("Leakage"),
    what: _("The validation pairs are trained on."),
    why: _(
      "The score says how well pairs are remembered that were seen with their labels. Of new pairs it says nothing.",
    ),
    cure: _("Take out what is in both, near copies too: pairs that share a sentence belong on one side."),
  },
  overfitting: {
    title: _("Overfitting"),
    what: _("A model that had learned something goes on with 160 training pairs, each seen eight times."),
    why: _(
      "Once the training pairs are known, each further step makes the model surer of itself, on new pairs without being right more often.",
    ),
    cure: _(
      "More pairs, fewer epochs, dropout; or keep the epoch with the best validation score, as this program does.",
    ),
  },
};

export class FailuresPanel {
  constructor(at) {
    this.place = at("failures");
    this.page = this.place.closest(".inside");
    window.addEventListener("qlora:failure", ({ detail }) => this.open(detail));
    this.open(new URLSearchParams(location.search).get("failure"));
  }

  show() {
    this.shown ??= this.build();
    return this.shown;
  }

  async build() {
    const records = await fetch(new URL("./failures.json", import.meta.url)).then((answer) => answer.json());
    const told = (record) => signWords(signOf(courseOf(record))).text;
    const links = records.map(({ name }) =>
      html("a", { href: `#failure-${name}`, onclick: (event) => this.follow(event, name) }, FAILURES[name].title),
    );
    this.place.replaceChildren(
      html("nav", { class: "inside-chips", "aria-label": _("The five failures") }, ...links),
      ...records.map((record) => article(record, told(record))),
    );
  }

  follow(event, name) {
    event.preventDefault();
    window.qlora.address({ failure: name });
    this.open(name);
  }

  /** Shows one of them, as soon as the tab is open. */
  open(name) {
    if (!Object.hasOwn(FAILURES, name ?? "")) return;
    whenSeen(this.page, async () => {
      await this.show();
      const heading = this.place.querySelector(`#failure-${name} h3`);
      heading.scrollIntoView({ block: "start" });
      heading.focus({ preventScroll: true });
    });
  }
}

/** A record as the rules of the live view take it. */
export const courseOf = (record) => ({
  points: record.points,
  evaluations: record.evaluations,
  baselines: record.baselines,
  totalSteps: record.total_steps,
  endedBy: record.ended_by,
  inBoth: record.in_both,
});

function article(record, told) {
  const { title, what, why, cure } = FAILURES[record.name];
  const settings = Object.entries(record.settings).map(([name, value]) => `${name} ${value}`);
  const versions = LIBRARIES.map((name) => `${name} ${record.versions[name]}`);
  return html(
    "article",
    { id: `failure-${record.name}`, class: "failure" },
    html("h3", { tabindex: -1 }, title),
    html("p", {}, what, " ", why),
    html("div", { class: "failure-charts" }, lossChart(record), accuracyChart(record)),
    html("p", { class: "inside-verdict" }, html("span", {}, _("The live view says:"), " "), told),
    html("p", {}, html("b", {}, _("The cure:"), " "), cure),
    html("p", { class: "inside-where" }, _("Make it yourself:"), " ", html("code", {}, record.command)),
    html(
      "p",
      { class: "inside-where" },
      _("Recorded on {date}: {machine}; {n} validation pairs, {settings}, seed {seed}; {versions}.", {
        date: record.date,
        machine: record.machine,
        n: record.validation_pairs,
        settings: listed(settings),
        seed: record.seed,
        versions: listed(versions),
      }),
    ),
    numbers(
      _("{failure}: after each measurement", { failure: title }),
      [_("step"), _("training loss"), _("validation loss"), _("accuracy"), _("Matthews' correlation")],
      record.evaluations.map((entry) => [
        entry.step,
        orDash(recentLoss(record.points, entry.step)),
        short(entry.loss),
        short(entry.accuracy),
        short(entry.matthews_correlation),
      ]),
    ),
  );
}

const orDash = (loss) => (loss === null ? "–" : short(loss));

/** The training loss as means of ten steps, [step, loss] each. */
export function means(points) {
  const losses = points.map(([, loss]) => loss);
  return points
    .map(([step], index) => [step, index + 1])
    .filter(([, count]) => count % FEWEST_POINTS === 0 || count === points.length)
    .map(([step, count]) => [step, mean(losses.slice(Math.max(0, count - FEWEST_POINTS), count))]);
}

function lossChart(record) {
  const training = means(record.points);
  const validation = record.evaluations.map(({ step, loss }) => [step, loss]);
  const largest = Math.max(1, ...training.map(([, loss]) => loss), ...validation.map(([, loss]) => loss)) * 1.05;
  const scale = scales(record, 0, largest);
  return chart(
    scale,
    _("Loss"),
    [_("training"), _("validation")],
    [
      level(scale, chanceLoss(record.baselines), _("chance")),
      curve(scale, training, "curve-training"),
      curve(scale, validation, "curve-validation"),
      ...validation.map((point) => mark(scale, point, "curve-validation")),
    ],
  );
}

function accuracyChart(record) {
  const accuracy = record.evaluations.map((entry) => [entry.step, entry.accuracy]);
  const majority = record.baselines.find(({ name }) => name === "majority").accuracy;
  const scale = scales(record, Math.min(0.4, majority - 0.05), 1);
  return chart(
    scale,
    _("Validation accuracy"),
    [_("fine-tuned")],
    [
      level(scale, majority, _("majority")),
      curve(scale, accuracy, "curve-training"),
      ...accuracy.map((point) => mark(scale, point, "curve-training")),
    ],
  );
}

function scales(record, low, high) {
  return {
    low,
    high,
    last: record.total_steps,
    x: (step) => LEFT + (step / record.total_steps) * (WIDTH - LEFT - RIGHT),
    y: (value) => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - BOTTOM - TOP),
  };
}

function chart(scale, title, names, drawn) {
  const key = names.map((name, index) => html("span", { class: index ? "key-second" : "key-first" }, name));
  const ends = [scale.low, scale.high].map((value) =>
    svg("text", { x: LEFT - 5, y: scale.y(value) + 4, "text-anchor": "end" }, short(value, 2)),
  );
  return html(
    "figure",
    { class: "inside-figure" },
    html("figcaption", { class: "inside-key" }, html("b", {}, `${title} `), ...key),
    svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" },
      svg("line", { class: "level", x1: LEFT, x2: WIDTH - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }),
      ...ends,
      svg("text", { x: LEFT, y: HEIGHT - 8 }, _("step {step}", { step: 0 })),
      svg("text", { x: WIDTH - RIGHT, y: HEIGHT - 8, "text-anchor": "end" }, _("step {step}", { step: scale.last })),
      ...drawn,
    ),
  );
}

const curve = ({ x, y }, points, look) =>
  svg("polyline", { class: look, points: points.map(([step, value]) => `${x(step)},${y(value)}`).join(" ") });

const mark = ({ x, y }, [step, value], look) => svg("circle", { class: look, cx: x(step), cy: y(value), r: 3.5 });

function level({ y }, value, label) {
  return svg(
    "g",
    {},
    svg("line", { class: "curve-baseline", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
    svg("text", { x: LEFT + 4, y: y(value) + 14 }, `${label} ${short(value, 2)}`),
  );
}
