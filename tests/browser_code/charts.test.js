import assert from "node:assert/strict";
import { test } from "node:test";

import { lossChart, rateChart, scoreChart, smooth, spread } from "../../assets/live/charts.js";
import { answered, baseline, evaluation, fresh } from "./example.js";

const LOOK = { colour: (name) => `the ${name}`, isNarrow: false, smoothing: 0.9 };
const POINTS = [
  [1, 0.8, 1e-4],
  [2, 0.6, 2e-4],
];
const shown = (changes) => answered(fresh(), changes);

test("smoothing by nothing changes nothing", () => {
  assert.deepEqual(smooth([3, 1, 2], 0), [3, 1, 2]);
});

test("a smoothed curve begins where the raw one does, and stays at a constant", () => {
  const smoothed = smooth([5, 5, 5], 0.9);
  smoothed.forEach((value) => assert.ok(Math.abs(value - 5) < 1e-12));
  assert.ok(Math.abs(smooth([5, 1], 0.9)[0] - 5) < 1e-12);
});

test("a smoothed value is the corrected mean of all before it", () => {
  const [, second] = smooth([1, 3], 0.5);
  assert.ok(Math.abs(second - (0.25 * 1 + 0.5 * 3) / 0.75) < 1e-12);
});

test("labels that would overlap are moved up, the others stay", () => {
  assert.deepEqual(spread([0.1, 0.5], 0.2), [0.1, 0.5]);
  const [high, low] = spread([0.5, 0.45], 0.25);
  assert.deepEqual([high, low], [0.7, 0.45]);
});

test("raw and smoothed loss and the validation's are drawn by step", () => {
  const { traces, layout } = lossChart(shown({ points: POINTS, evaluations: [evaluation(2)] }), LOOK);
  assert.deepEqual(traces[0].x, [1, 2]);
  assert.deepEqual(traces[0].y, [0.8, 0.6]);
  assert.equal(traces[1].y.length, 2);
  assert.deepEqual([traces[2].x, traces[2].y], [[2], [0.61234]]);
  assert.deepEqual([layout.uirevision, layout.xaxis.range], ["a", [0, 103]]);
});

test("the learning rate is drawn by step", () => {
  const { traces } = rateChart(shown({ points: POINTS }), LOOK);
  assert.deepEqual(
    [traces[0].x, traces[0].y],
    [
      [1, 2],
      [1e-4, 2e-4],
    ],
  );
});

test("before the first step a chart says when it begins", () => {
  const { layout } = lossChart(shown({ step: 0, total_steps: 0 }), LOOK);
  assert.match(layout.annotations[0].text, /first step/);
  assert.deepEqual([layout.xaxis.visible, layout.yaxis.visible], [false, false]);
});

test("baselines are lines with their names, and the last scores stand at their points", () => {
  const baselines = [baseline("majority", 0.5), baseline("of another kind", 0.6)];
  const { layout } = scoreChart(shown({ baselines, evaluations: [evaluation(50)] }), LOOK);
  assert.deepEqual(
    layout.shapes.map((shape) => [shape.y0, shape.line.dash, shape.line.color]),
    [[0.5, "dot", "the majority"]],
  );
  assert.deepEqual(
    layout.annotations.map(({ text, x }) => [text, x]),
    [
      ["majority class 0.50", 0.01],
      ["0.700", 50],
      ["0.800", 50],
    ],
  );
});

test("every charted metric of the table is drawn, each with a look of its own", () => {
  const { traces } = scoreChart(shown({ evaluations: [evaluation(50, { mcc: -0.2 })] }), LOOK);
  assert.deepEqual(
    traces.map(({ name, y, line }) => [name, y[0], line.color]),
    [
      ["accuracy", 0.7, "the accent"],
      ["MCC", -0.2, "the same"],
    ],
  );
  assert.notEqual(traces[0].marker.symbol, traces[1].marker.symbol);
});

test("an axis of scores reaches from below the worst to above the best", () => {
  const baselines = [baseline("majority", 0.2)];
  const { layout } = scoreChart(shown({ baselines, evaluations: [evaluation(50, { accuracy: 0.99 })] }), LOOK);
  const [low, high] = layout.yaxis.range;
  assert.ok(low < 0.2 && low > 0.1);
  assert.equal(high, 1);
});

test("before the first step baselines are shown instead of the words", () => {
  const told = { step: 0, total_steps: 0, baselines: [baseline("majority", 0.5)] };
  const { layout } = scoreChart(shown(told), LOOK);
  assert.deepEqual([layout.annotations.length, layout.annotations[0].text], [1, "majority class 0.50"]);
  assert.equal(layout.yaxis.visible, true);
});
