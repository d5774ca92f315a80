import assert from "node:assert/strict";
import { test } from "node:test";

import { afterKey, courseTable, curveOf, curveTable, pointAt, withPoint, xOf, yOf } from "../../assets/class/curve.js";
import { answerers } from "../../assets/class/room.js";
import { stacked, table } from "../../assets/class/strip.js";
import * as words from "../../assets/class/words.js";

const FLAT = [0.5, 0.5, 0.5, 0.5, 0.5];

test("until the curve is drawn, what lies between its ends is a straight line", () => {
  assert.deepEqual(withPoint(FLAT, 4, 0.9, false), [0.5, 0.6, 0.7, 0.8, 0.9]);
  assert.deepEqual(withPoint(FLAT, 2, 0.9, true), [0.5, 0.5, 0.9, 0.5, 0.5]);
});

test("a guess without a curve is a straight line", () => {
  assert.deepEqual(curveOf({ before: 0.5, after: 0.9, between: null }), [0.5, 0.6, 0.7, 0.8, 0.9]);
  assert.deepEqual(curveOf({ before: 0.5, after: 0.9, between: [0.5, 0.5, 0.8] }), [0.5, 0.5, 0.5, 0.8, 0.9]);
});

test("drawn curves and how it went are tables of numbers, too", () => {
  const straight = { before: 0.5, after: 0.9, between: null, mine: false };
  const drawn = { ...straight, between: [0.5, 0.5, 0.8] };
  assert.deepEqual(curveTable([straight, drawn, { ...straight, mine: true }]), [
    [1, "0.50", "0.50", "0.50", "0.80", "0.90", ""],
    [2, "0.50", "0.60", "0.70", "0.80", "0.90", "yours"],
  ]);
  assert.deepEqual(curveTable([straight, { ...straight, mine: true }]), []);
  assert.equal(words.CURVE_COLUMNS.length, 7);
  assert.deepEqual(
    courseTable([
      [0, 0.492],
      [0.5, 0.75],
    ]),
    [
      ["0.00", "0.492"],
      ["0.50", "0.750"],
    ],
  );
});

test("a share stays between 0 and 1, in hundredths", () => {
  assert.equal(withPoint(FLAT, 4, 1.7, true)[4], 1);
  assert.equal(withPoint(FLAT, 0, -1, true)[0], 0);
  assert.equal(withPoint(FLAT, 0, 0.333, true)[0], 0.33);
});

test("keys move a point by a hundredth, a tenth or to an end", () => {
  const keys = ["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", "x"];
  assert.deepEqual(
    keys.map((key) => afterKey(key, 0.5)),
    [0.51, 0.49, 0.6, 0.4, 0, 1, null],
  );
  assert.equal(afterKey("PageUp", 0.95), 1);
});

test("a pointer sets the nearest point to where it is", () => {
  for (const index of [0, 1, 2, 3, 4]) assert.deepEqual(pointAt(xOf(index) + 3, yOf(0.75)), [index, 0.75]);
  assert.deepEqual(pointAt(-50, -50), [0, 1]);
  assert.deepEqual(pointAt(5000, 5000), [4, 0]);
});

test("equal guesses are stacked, and many of them grow closer and stay in their row", () => {
  const [one, other, apart] = stacked([0.5, 0.5, 0.9], 40);
  assert.equal(one.x, other.x);
  assert.ok(other.up > one.up);
  assert.equal(apart.up, 0);
  const many = stacked(Array(30).fill(0.8), 40);
  assert.ok(Math.max(...many.map(({ up }) => up)) <= 40);
});

const guess = (after, marks = {}) => ({ before: 0.5, after, mine: false, closest: false, ...marks });
const report = {
  guesses: [guess(0.7), guess(0.8, { mine: true, closest: true })],
  median: { before: 0.5, after: 0.75 },
  outcome: { before: 0.49, after: 0.81 },
  closest_off: 0.01,
  mine: guess(0.8),
};

test("the strip's table says outcome, median and whose guess it is", () => {
  assert.deepEqual(table(report), [
    ["outcome", "0.490", "0.810", ""],
    ["median", "0.500", "0.750", ""],
    ["1", "0.500", "0.700", ""],
    ["2", "0.500", "0.800", "yours, closest"],
  ]);
  assert.equal(table({ ...report, outcome: { before: null, after: 0.8 } })[0][1], "–");
});

test("how guesses stand is said before and after the outcome is known", () => {
  assert.match(
    words.standing(report),
    /^2 browsers have guessed\. Median: .+ off by 0\.010\. Yours was off by 0\.010\.$/,
  );
  assert.match(words.standing({ ...report, outcome: null }), /stands here once the run has ended/);
  assert.equal(words.standing({ guesses: [] }), words.NOT_COUNTED);
});

const scores = {
  accuracy: 0.91,
  accuracy_ci95: [0.85, 0.96],
  single_accuracy: 0.8,
  single_accuracy_ci95: [0.75, 0.86],
  models: { majority: 0.5, finetuned: 0.95 },
  finetuned_gain: 0.04,
  finetuned_gain_ci95: [-0.02, 0.1],
};

test("the room stands among the answerers by its accuracy, and a gain over it may be luck", () => {
  assert.deepEqual(
    answerers(scores).map(({ who }) => who),
    ["fine-tuned", words.ROOM, words.ALONE, "majority class"],
  );
  assert.match(
    words.room(scores),
    /^This room: 0\.910 .+\+0\.040 against the room, which may be luck \(−0\.020 to 0\.100\)/,
  );
  assert.match(words.room({ ...scores, finetuned_gain_ci95: [0.01, 0.1] }), /more than luck/);
});

test("too few judgements are said to be too few, with how many it takes", () => {
  const few = { judges: 1, judgements: 10, pairs: 10, least: { judges: 3, judgements: 30 }, enough: false };
  assert.match(words.judged(few), /too few .+ 30 judgements by 3 browsers/);
  assert.doesNotMatch(words.judged({ ...few, enough: true }), /too few/);
});
