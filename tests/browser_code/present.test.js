// The presenter's steps, keys and enlarged charts.

import assert from "node:assert/strict";
import { test } from "node:test";

import { lossChart } from "../../assets/live/charts.js";
import { shownEvaluations } from "../../assets/live/state.js";
import { enlarged } from "../../assets/present/large.js";
import { actionOf, moved, newerRun, outcome, stepOf, STEPS } from "../../assets/present/steps.js";
import { STEP_NAMES } from "../../assets/present/words.js";
import { answered, baseline, evaluation, fresh, frozen } from "./example.js";

const key = (name, held = {}) => ({ key: name, ctrlKey: false, altKey: false, metaKey: false, ...held });

test("arrow keys and a clicker's page keys go on and back, and no further than there are steps", () => {
  for (const name of ["ArrowRight", "PageDown"]) assert.equal(moved("join", actionOf(key(name))), STEPS[1]);
  for (const name of ["ArrowLeft", "PageUp"]) assert.equal(moved(STEPS[1], actionOf(key(name))), "join");
  assert.equal(moved("join", "back"), "join");
  assert.equal(moved(STEPS.at(-1), "next"), STEPS.at(-1));
  assert.equal(moved("join", "last"), STEPS.at(-1));
});

test("other keys and those with Ctrl, Alt or Meta are the browser's own", () => {
  for (const name of ["Tab", "Enter", " ", "a", "toString", "Escape"]) assert.equal(actionOf(key(name)), "");
  for (const held of ["ctrlKey", "altKey", "metaKey"]) assert.equal(actionOf(key("ArrowLeft", { [held]: true })), "");
});

test("the address names a step, and whatever it names else is the first", () => {
  assert.equal(stepOf("result"), "result");
  for (const text of ["1", "", null, "no such step", "constructor"]) assert.equal(stepOf(text), "join");
});

test("every step has a name", () => assert.deepEqual(Object.keys(STEP_NAMES), STEPS));

test("another run that is at work is offered", () => {
  assert.equal(newerRun(fresh()), "");
  assert.equal(newerRun(answered(fresh(), {})), "");
  assert.equal(newerRun(answered(fresh(), { at_work: "b" })), "b");
});

test("what a run came to is its best evaluation against the strongest of those it has to beat", () => {
  const baselines = [baseline("majority", 0.6), baseline("untrained_head", 0.4), baseline("unquantised", 0.9)];
  const begun = answered(fresh(), { baselines });
  assert.equal(outcome(begun, shownEvaluations(begun)), null);
  const evaluations = [evaluation(10, { accuracy: 0.8 }), evaluation(20, { accuracy: 0.7, is_best: false })];
  const state = frozen(answered(begun, { evaluations }));
  assert.deepEqual(outcome(state, shownEvaluations(state)), {
    before: "majority",
    from: 0.6,
    to: 0.8,
    metric: "Accuracy",
  });
});

test("a chart is enlarged without changing the one it is made of", () => {
  const state = answered(fresh(), { points: [[5, 0.6, 1e-4]], baselines: [baseline("majority", 0.6)] });
  const chart = frozen(lossChart(state, { colour: () => "#123456", isNarrow: false, smoothing: 0.9 }));
  const { traces, layout } = enlarged(chart, 2);
  assert.equal(layout.font.size, 2 * chart.layout.font.size);
  assert.equal(layout.margin.l, 2 * chart.layout.margin.l);
  assert.equal(layout.shapes[0].line.width, 2 * chart.layout.shapes[0].line.width);
  assert.equal(traces[1].line.width, 2 * chart.traces[1].line.width);
  assert.deepEqual(traces[1].y, chart.traces[1].y);
});
