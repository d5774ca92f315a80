import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { courseOf, FAILURES, means } from "../../assets/inside/failures.js";
import { SIGNS } from "../../assets/live/sign_words.js";
import { signOf } from "../../assets/live/signs.js";

const RECORDS = JSON.parse(readFileSync(new URL("../../assets/inside/failures.json", import.meta.url), "utf-8"));
const EXPECTED = {
  learning_rate: "diverged",
  majority: "collapsed",
  shuffled: "by heart",
  leakage: "in both",
  overfitting: "overfitted",
};

for (const record of RECORDS) {
  test(`the recorded run "${record.name}" shows the sign that it is there for`, () => {
    const sign = signOf(courseOf(record));
    assert.equal(sign?.kind, EXPECTED[record.name]);
    assert.equal(SIGNS[sign.kind].failure, record.name);
  });
}

test("every failure is recorded once, described, and where a sign leads to", () => {
  const names = RECORDS.map(({ name }) => name);
  assert.deepEqual(names, Object.keys(FAILURES));
  for (const { failure } of Object.values(SIGNS)) assert.ok(names.includes(failure), failure);
});

test("pairs that leak are nearly all right even where nobody counts them", () => {
  const record = RECORDS.find(({ name }) => name === "leakage");
  assert.equal(signOf({ ...courseOf(record), inBoth: null })?.kind, "too good");
});

test("the training loss is drawn as means of ten steps, the rest as one more", () => {
  const points = Array.from({ length: 25 }, (_, index) => [index + 1, index < 10 ? 1 : 3]);
  assert.deepEqual(means(points), [
    [10, 1],
    [20, 3],
    [25, 3],
  ]);
});
