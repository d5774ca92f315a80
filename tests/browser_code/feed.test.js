import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { makeFeed } from "../../assets/live/feed.js";
import { chosen } from "../../assets/live/state.js";
import { answer, fresh } from "./example.js";

let state, asked, reply, now, timers;

beforeEach(() => {
  globalThis.document = { hidden: false };
  [now, timers] = [0, []];
  mock.method(globalThis, "setTimeout", (act, delay) => timers.push({ act, due: now + delay }));
  mock.method(globalThis, "clearTimeout", (number) => number && (timers[number - 1].due = Infinity));
  [state, asked] = [fresh(), []];
  reply = async () => answer();
});

afterEach(() => {
  mock.restoreAll();
  delete globalThis.document;
});

function feed() {
  const poll = async (question) => {
    asked.push(question.run);
    return reply(question);
  };
  return makeFeed({ poll, read: () => state, update: (next) => (state = next), isShown: () => true });
}

/** Lets everything happen that waits for no timer. */
async function settled() {
  for (let turn = 0; turn < 20; turn += 1) await null;
}

/** Lets so much time pass, and what is due at its end happen. */
async function pass(milliseconds) {
  now += milliseconds;
  for (const timer of timers.filter(({ due }) => due <= now)) {
    timer.due = Infinity;
    timer.act();
  }
  await settled();
}

test("a run that goes on is asked for once a second", async () => {
  feed()();
  await settled();
  assert.deepEqual([asked, state.run], [[""], "a"]);
  await pass(999);
  assert.equal(asked.length, 1);
  await pass(1);
  assert.deepEqual(asked, ["", "a"]);
});

test("one that is over is asked for every three seconds", async () => {
  reply = async () => answer({ state: "finished", phase: "done" });
  feed()();
  await settled();
  await pass(2999);
  assert.equal(asked.length, 1);
  await pass(1);
  assert.equal(asked.length, 2);
});

test("where many ask, each asks as seldom as the server says", async () => {
  reply = async () => answer({ again_in: 3.75 });
  feed()();
  await settled();
  await pass(3749);
  assert.equal(asked.length, 1);
  await pass(1);
  assert.equal(asked.length, 2);
  reply = async () => answer({ again_in: 1 });
  await pass(3750);
  await pass(1000);
  assert.equal(asked.length, 4);
});

test("a server that does not answer is asked again, less and less often", async () => {
  reply = async () => Promise.reject(new Error("no connection"));
  feed()();
  await settled();
  assert.equal(state.trouble.kind, "no answer");
  for (const [wait, count] of [
    [1000, 2],
    [2000, 3],
    [3000, 4],
    [4000, 5],
    [5000, 6],
    [5000, 7],
  ]) {
    await pass(wait - 1);
    assert.equal(asked.length, count - 1);
    await pass(1);
    assert.equal(asked.length, count);
  }
  reply = async () => answer();
  await pass(5000);
  assert.equal(state.trouble, null);
  await pass(1000);
  assert.equal(asked.length, 9);
});

test("nothing is asked while nobody looks", async () => {
  globalThis.document.hidden = true;
  const ask = feed();
  ask();
  await pass(5000);
  assert.deepEqual(asked, []);
  globalThis.document.hidden = false;
  ask();
  await settled();
  assert.deepEqual(asked, [""]);
});

test("a run chosen while an answer is on its way is asked for at once", async () => {
  let arrive;
  reply = () => new Promise((resolve) => (arrive = resolve));
  const ask = feed();
  ask();
  await settled();
  state = chosen(state, "b");
  ask(); // which waits for the answer
  await settled();
  assert.deepEqual(asked, [""]);
  reply = async () => answer({ run: "b" });
  arrive(answer());
  await settled();
  assert.deepEqual([asked, state.run], [["", "b"], "b"]);
});

test("a mistake in drawing does not end the asking", async () => {
  const update = mock.fn(() => {});
  update.mock.mockImplementationOnce(() => {
    throw new Error("cannot draw");
  });
  const poll = async () => asked.push("") && answer();
  const ask = makeFeed({ poll, read: () => state, update, isShown: () => true });
  await assert.rejects(ask(), /cannot draw/);
  await pass(1000);
  assert.deepEqual([asked.length, update.mock.callCount()], [2, 2]);
});
