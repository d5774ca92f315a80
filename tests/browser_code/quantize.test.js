import assert from "node:assert/strict";
import { test } from "node:test";

import { nearest, quantized, rmsError, withOutlier } from "../../assets/inside/quantize.js";

const LEVELS = [-1, -0.5, 0, 0.25, 1];

test("a value becomes the nearest level", () => {
  assert.equal(nearest(LEVELS, 0.1), 2);
  assert.equal(nearest(LEVELS, 0.2), 3);
  assert.equal(nearest(LEVELS, -7), 0);
});

test("the largest magnitude is the scale and comes back as it was", () => {
  const { scale, codes, values } = quantized([0.2, -2, 0.9], LEVELS);
  assert.equal(scale, 2);
  assert.deepEqual(codes, [2, 0, 3]);
  assert.deepEqual(values, [0, -2, 0.5]);
});

test("a block of zeros stays one", () => {
  assert.deepEqual(quantized([0, 0], LEVELS).values, [0, 0]);
});

test("an outlier spoils the others, not itself", () => {
  const weights = [0.5, 0.25, -0.5, 1];
  const before = quantized(weights, LEVELS);
  assert.equal(rmsError(weights, before.values, 3), Math.sqrt(0.25 ** 2 / 3));
  const spoilt = withOutlier(weights, 3, 10);
  const after = quantized(spoilt, LEVELS);
  assert.equal(after.values[3], 10);
  assert.ok(rmsError(spoilt, after.values, 3) > rmsError(weights, before.values, 3));
});
