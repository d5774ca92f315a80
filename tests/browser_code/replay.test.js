import assert from "node:assert/strict";
import { test } from "node:test";

import { advanced, beginning, isUnderway, visible, whole } from "../../assets/live/replay.js";

const step = ([number]) => number;

test("a replay takes 24 seconds, whatever it replays", () => {
  const replay = beginning(1000);
  assert.equal(advanced(replay, 13_000, 500).limit, 250);
  assert.equal(advanced(replay, 25_000, 500).limit, Infinity);
});

test("a replay shows something new at most 120 times", () => {
  let replay = beginning(0);
  let pictures = 0;
  for (let now = 0; now <= 24_000; now += 10) {
    const next = advanced(replay, now, 500);
    if (next !== replay) pictures += 1;
    assert.ok(next.limit >= replay.limit);
    replay = next;
  }
  assert.ok(pictures > 100 && pictures <= 120, `${pictures} pictures`);
  assert.equal(replay.limit, Infinity);
});

test("a run without steps is over at the end of its time as well", () => {
  assert.deepEqual(advanced(beginning(0), 5000, 0), beginning(0));
  assert.equal(advanced(beginning(0), 24_000, 0).limit, Infinity);
});

test("only what has a limit goes on", () => {
  assert.equal(isUnderway(null), false);
  assert.equal(isUnderway(beginning(0)), true);
  assert.equal(isUnderway(whole()), false);
});

test("what lies after the limit is not shown", () => {
  const entries = [[1], [5], [9]];
  assert.deepEqual(visible(entries, step, 5), [[1], [5]]);
  assert.deepEqual(visible(entries, step, 0), []);
  assert.equal(visible(entries, step, Infinity), entries);
});
