import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { NO_SIGN, SIGNS, signWords } from "../../assets/live/sign_words.js";
import { signOf } from "../../assets/live/signs.js";
import { shownCourse } from "../../assets/live/state.js";
import { answered, evaluation, fresh } from "./example.js";

const TOTAL = 200;
const BASELINES = [{ name: "majority", loss: Math.LN2 }];

/** `loss(step)` up to a step, with evaluations. */
function course(loss, evaluations = [], { steps = TOTAL, ...more } = {}) {
  const points = Array.from({ length: steps }, (_, index) => [index + 1, loss(index + 1), 0.001]);
  return { points, evaluations, baselines: BASELINES, totalSteps: TOTAL, endedBy: "", inBoth: null, ...more };
}

const measured = (step, loss, correlation = 0.5, accuracy = 0.75, more = {}) => ({
  step,
  loss,
  accuracy,
  matthews_correlation: correlation,
  ...more,
});
const kind = (...of) => signOf(course(...of))?.kind ?? null;
/** Batches of 16 scatter: the same amount up and down. */
const noisy =
  (mean, by = 0.12) =>
  (step) =>
    mean + (step % 2 ? by : -by);
const falling = (step) => 0.7 - (0.65 * step) / TOTAL;

test("a run that learns shows no sign, at whatever step it is seen", () => {
  for (let steps = 0; steps <= TOTAL; steps += 10) {
    const evaluations = [50, 100, 150, 200].filter((step) => step <= steps).map((step) => measured(step, 0.55));
    assert.equal(kind(falling, evaluations, { steps }), null, `step ${steps}`);
  }
});

test("a loss that runs away is a divergence, and one that comes back is none", () => {
  assert.equal(
    kind((step) => (step < 40 ? 0.7 : 2)),
    "diverged",
  );
  assert.equal(kind(noisy(0.79)), "at chance");
  const back = (step) => (step > 20 && step < 60 ? 2 : 0.65);
  assert.deepEqual([kind(back, [], { steps: 60 }), kind(back, [], { steps: 90 })], ["diverged", null]);
  assert.equal(kind(falling, [], { endedBy: "DivergedError" }), "diverged");
  assert.equal(kind(falling, [], { endedBy: "MemoryExhausted" }), null);
});

test("a validation loss that runs away while training goes well is no divergence", () => {
  assert.equal(kind(falling, [measured(50, 0.6), measured(200, 2.5)]), "overfitted");
});

test("one answer for all is a collapse after the first quarter", () => {
  const only = (step, answer) => measured(step, 0.69, 0, 0.5, { only_answer: answer });
  assert.equal(kind(falling, [only(50, 1)], { steps: 50 }), null);
  assert.deepEqual(signOf(course(falling, [only(51, 0)], { steps: 51 })), { kind: "collapsed", answer: 0 });
  assert.equal(kind(falling, [only(100, 1), measured(150, 0.6)], { steps: 150 }), null);
  assert.equal(signOf(course(falling, [measured(100, 0.69, 0)])).answer, null); // of a run that noted no answer
});

test("nothing learned is told after a third, by training and validation alike", () => {
  assert.equal(kind(noisy(0.7), [], { steps: 60 }), null);
  assert.equal(kind(noisy(0.7), [], { steps: 70 }), "at chance");
  assert.equal(kind(noisy(0.7), [measured(50, 0.689, 0.21)], { steps: 70 }), null);
  assert.equal(kind(noisy(0.7), [measured(50, 0.692, 0.02)], { steps: 70 }), "at chance");
  assert.equal(kind(noisy(0.65), [], { steps: 70 }), null);
  assert.equal(
    kind((step) => (step < 40 ? 0.62 : 0.7), [], { steps: 70 }),
    null,
  ); // what was once learned
  const of = (steps) => signWords(signOf(course(noisy(0.7), [], { steps }))).text;
  assert.match(of(100), /^Nothing learned yet: .* 0\.70.*Wait/);
  assert.doesNotMatch(of(TOTAL), /Wait/);
});

test("chance is what the labels' shares have", () => {
  const uneven = { baselines: [{ name: "majority", loss: 0.624 }], steps: 100 };
  assert.equal(kind(noisy(0.625, 0.05), [], uneven), "at chance");
  assert.equal(kind(noisy(0.59, 0.05), [], uneven), null);
  assert.equal(kind(noisy(0.625, 0.05), [], { steps: 100 }), null);
});

test("training pairs that are known while the others are guessed were learned by heart", () => {
  const guessed = [50, 100, 150, 200].map((step) => measured(step, 1 + step / 100, 0.03));
  assert.equal(kind(falling, guessed), "by heart");
  assert.equal(kind(falling, guessed.slice(0, 1), { steps: 60 }), null);
});

test("overfitting is a validation loss well up from its lowest, and no rise by noise", () => {
  const rising = (to) => [measured(50, 0.6), measured(100, 0.55), measured(150, 0.58), measured(200, to)];
  assert.equal(kind(falling, rising(0.65)), null);
  assert.deepEqual(signOf(course(falling, rising(0.9))), { kind: "overfitted", from: 0.55, to: 0.9, step: 100 });
  assert.equal(kind(noisy(0.6, 0.02), rising(0.9)), null); // the training loss does not fall
});

test("too good is a nearly perfect score, or pairs that are in both", () => {
  assert.equal(kind(falling, [measured(200, 0.02, 0.99, 0.99)]), "too good");
  assert.equal(kind(falling, [measured(200, 0.2, 0.9, 0.95)]), null);
  assert.equal(kind(falling, [], { inBoth: { count: 20, validation: 100 } }), "in both");
  assert.equal(kind(falling, [], { inBoth: { count: 1, validation: 484 } }), null);
});

test("every sign is a sentence with its numbers, what to do, and a failure that was recorded", () => {
  const examples = [
    { kind: "diverged", loss: 3.14159, chance: 0.693 },
    { kind: "diverged", loss: null, chance: 0.693 },
    { kind: "in both", count: 3, validation: 20 },
    { kind: "collapsed", answer: 1 },
    { kind: "collapsed", answer: null },
    { kind: "at chance", loss: 0.69, chance: 0.693, isOver: false },
    { kind: "by heart", loss: 0.04, correlation: -0.02 },
    { kind: "overfitted", from: 0.55, to: 0.9, step: 100 },
    { kind: "too good", accuracy: 0.9941 },
  ];
  for (const sign of examples) {
    const { text, failure } = signWords(sign);
    assert.match(text, /^[A-Z][a-z ]+: .+\. .+\.$/);
    assert.doesNotMatch(text, /undefined|NaN|null/);
    assert.ok(text.length < 260, text);
    assert.ok(failure);
  }
  assert.deepEqual(new Set(examples.map((sign) => sign.kind)), new Set(Object.keys(SIGNS)));
  assert.equal(signWords(null).text, NO_SIGN);
});

test("a replay shows the sign of the steps that it has shown, a live run that of all", () => {
  const points = Array.from({ length: 100 }, (_, index) => [index + 1, index < 30 ? 0.7 : 2, 0.001]);
  const given = { points, evaluations: [evaluation(50)], ended_by: "", in_both: null };
  const recorded = answered(fresh(), { ...given, kind: "recorded", state: "finished", phase: "done" });
  const at = (limit) => signOf(shownCourse({ ...recorded, replay: { began: 0, limit } }))?.kind;
  assert.deepEqual([at(20), at(60), at(Infinity)], [undefined, "diverged", "diverged"]);
  assert.equal(signOf(shownCourse(answered(fresh(), given))).kind, "diverged");
});

/** A run's course as the server tells it, from its events, up to a step. */
function recordedCourse(folder, limit) {
  const lines = readFileSync(new URL(`${folder}/events.jsonl`, RECORDED), "utf-8")
    .trim()
    .split("\n");
  const events = lines.map((line) => JSON.parse(line)).filter((event) => !(event.step > limit));
  const of = (wanted) => events.filter((event) => event.kind === wanted);
  const steps = of("step");
  return {
    points: steps.map(({ step, loss }) => [step, loss]),
    evaluations: of("evaluation"),
    baselines: of("baseline"),
    totalSteps: steps[0].total_steps,
    endedBy: "",
    inBoth: null,
  };
}
const RECORDED = new URL("../../assets/recorded_runs/", import.meta.url);

for (const folder of readdirSync(RECORDED)) {
  test(`the recorded run ${folder} shows no sign at its end, nor too early`, () => {
    const { totalSteps } = recordedCourse(folder, Infinity);
    for (const share of [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1]) {
      assert.equal(signOf(recordedCourse(folder, share * totalSteps)), null, `at ${share}`);
    }
  });
}
