import assert from "node:assert/strict";
import { test } from "node:test";

import { refill } from "../../assets/form/refill.js";

// Two settings: r and max_train_samples, target_modules.
const TABLE = {
  quick: { pairs: [16, 5000, ["query", "value"]], mrpc: [32, 5000, ["query", "value"]] },
  standard: { pairs: [16, null, ["query", "key"]], mrpc: [16, null, ["query", "key"]] },
};

test("another preset sets everything", () => {
  const after = refill(TABLE, "standard", "pairs", "quick pairs", 99, 48, ["key"]);
  assert.deepEqual(after, ["standard pairs", 16, null, ["query", "key"]]);
});

test("other pairs set what their recipe has otherwise and leave what a visitor changed", () => {
  const after = refill(TABLE, "quick", "mrpc", "quick pairs", 16, 48, ["query", "value"]);
  assert.deepEqual(after, ["quick mrpc", 32, 48, ["query", "value"]]);
  const back = refill(TABLE, "quick", "pairs", ...after);
  assert.deepEqual(back, ["quick pairs", 16, 48, ["query", "value"]]);
});

test("a value of one's own stays with other pairs, and so does a choice of one's own", () => {
  const after = refill(TABLE, "quick", "mrpc", "quick pairs", 8, 5000, []);
  assert.deepEqual(after, ["quick mrpc", 8, 5000, []]);
});

test("an empty box is no change", () => {
  assert.deepEqual(refill(TABLE, "standard", "mrpc", "standard pairs", 16, 0, ["query", "key"]).slice(1, 3), [
    16,
    null,
  ]);
  assert.deepEqual(refill(TABLE, "standard", "mrpc", "standard pairs", 16, "", ["query", "key"])[2], null);
});

test("what is not known counts as the first", () => {
  assert.deepEqual(refill(TABLE, "of another version", "", "", 1, 2, []).slice(1), TABLE.quick.pairs);
});
