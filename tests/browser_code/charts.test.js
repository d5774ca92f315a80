import assert from "node:assert/strict";
import { test } from "node:test";

import {
  CONFIG,
  keepingZoom,
  lossChart,
  lowestBelow,
  rangesOf,
  rateChart,
  scoreChart,
  smooth,
  spread,
} from "../../assets/live/charts.js";
import { answered, baseline, evaluation, fresh } from "./example.js";

const LOOK = { colour: (name) => `the ${name}`, isNarrow: false, smoothing: 0.9 };
const POINTS = [
  [1, 0.8, 1e-4],
  [2, 0.6, 2e-4],
];
const shown = (changes) => answered(fresh(), changes);

test("no button of a chart sends it away", () => {
  assert.ok(CONFIG.modeBarButtonsToRemove.includes("sendChartToCloud"));
});

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
  assert.deepEqual([layout.uirevision, layout.xaxis.range], ["a", [0, 25 * 1.03]]);
});

test("what a visitor has zoomed into is given again as before, so that Plotly keeps it, until the zoom is undone", () => {
  const at = (x, y) => ({ title: "loss", xaxis: { range: x, color: "grey" }, yaxis: { range: y } });
  const given = rangesOf(at([0, 100], [0, 1]));
  const next = at([0, 200], [0, 2]);
  assert.deepEqual(keepingZoom(next, undefined, rangesOf(undefined)), next);
  assert.deepEqual(keepingZoom(next, given, given), next);
  const zoomed = keepingZoom(next, given, rangesOf(at([20, 30], [0, 1])));
  assert.deepEqual(zoomed, { ...at([0, 100], [0, 2]), title: "loss" });
  const withoutRange = { xaxis: { range: [0, 200] }, yaxis: {} };
  assert.deepEqual(keepingZoom(withoutRange, rangesOf(withoutRange), rangesOf(at([0, 200], [3, 4]))), withoutRange);
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

test("before anything is known a chart has its axes and says when it begins", () => {
  const told = shown({ step: 0, total_steps: 0 });
  const loss = lossChart(told, LOOK).layout;
  const scores = scoreChart(told, LOOK).layout;
  assert.match(loss.annotations[0].text, /first step/);
  assert.match(scores.annotations[0].text, /first measured/);
  for (const { xaxis, yaxis } of [loss, scores]) {
    assert.equal(xaxis.showticklabels, false);
    assert.ok(yaxis.range.every(Number.isFinite) && yaxis.range[0] < yaxis.range[1]);
  }
});

test("before the first step the baselines' losses are lines with their names, afterwards lines alone", () => {
  const told = { step: 0, baselines: [baseline("majority", 0.5), baseline("untrained_head", 0.4)] };
  const before = lossChart(shown(told), LOOK).layout;
  assert.deepEqual(
    before.annotations.slice(1).map(({ text }) => text),
    ["majority class 0.700", "untrained head 0.700"],
  );
  assert.ok(before.annotations[2].y > before.annotations[1].y);
  const after = lossChart(shown({ ...told, step: 1, points: POINTS.slice(0, 1) }), LOOK).layout;
  assert.deepEqual([after.annotations.length, after.shapes.map(({ y0 }) => y0)], [0, [0.7, 0.7]]);
});

test("the first points of the loss can be seen though a line through one is none", () => {
  assert.equal(lossChart(shown({ step: 1, points: POINTS.slice(0, 1) }), LOOK).traces[1].mode, "lines+markers");
  const many = Array.from({ length: 30 }, (_, index) => [index + 1, 0.7, 1e-4]);
  assert.equal(lossChart(shown({ step: 30, points: many }), LOOK).traces[1].mode, "lines");
});

test("the axis has room for what has come, and doubles when it is full", () => {
  const last = (step) => lossChart(shown({ step, total_steps: 800 }), LOOK).layout.xaxis.range[1] / 1.03;
  assert.deepEqual([0, 100, 101, 200, 201, 400, 401, 800].map(last), [100, 100, 200, 200, 400, 400, 800, 800]);
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
      ["majority class 0.50", 0.99],
      ["0.700", 50],
      ["0.800", 50],
    ],
  );
});

test("a baseline's name makes way for the last scores where they are beside it", () => {
  const baselines = [baseline("majority", 0.79)];
  const heights = (step) => {
    const { annotations } = scoreChart(
      shown({ step, total_steps: 100, baselines, evaluations: [evaluation(step)] }),
      LOOK,
    ).layout;
    return [annotations[0].y, annotations[2].y];
  };
  assert.deepEqual(heights(13), [0.79, 0.8]); // of 25 steps that are drawn
  const [name, score] = heights(100);
  assert.ok(score - name > 0.03);
});

test("the lowest of the last scores stands below its point, so that it lies over no other", () => {
  assert.deepEqual(lowestBelow([0.6, 0.65, 0.7], 0.1), [0.6 - 1.5 * 0.1, 0.65, 0.7]);
  assert.deepEqual(lowestBelow([0.6], 0.1), [0.6]);
  const { layout } = scoreChart(
    shown({ step: 100, evaluations: [evaluation(50, { accuracy: 0.62, mcc: 0.64 })] }),
    LOOK,
  );
  const [accuracy, mcc] = layout.annotations.map(({ y }) => y);
  assert.ok(accuracy < 0.6 && mcc === 0.64);
  const large = { ...LOOK, scale: 2 };
  const baselines = [baseline("majority", 0.5), baseline("untrained_head", 0.5)];
  const apart = (look) => scoreChart(shown({ baselines }), look).layout.annotations.map(({ y }) => y);
  const [, first, second] = apart(LOOK);
  const [, low, high] = apart(large);
  assert.ok(Math.abs(high - low - 2 * (second - first)) < 1e-9); // larger letters, further apart
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

test("before the first measurement baselines are shown beside the words", () => {
  const told = { step: 0, total_steps: 0, baselines: [baseline("majority", 0.5)] };
  const { layout } = scoreChart(shown(told), LOOK);
  assert.deepEqual(
    layout.annotations.map(({ text }) => text).filter((text) => !/first/.test(text)),
    ["majority class 0.50"],
  );
});
