import assert from "node:assert/strict";
import { test } from "node:test";

import {
  buttons,
  chartsDiffer,
  chosen,
  isOver,
  isUnmeasured,
  question,
  reduce,
  replied,
  shareDone,
  shownEvaluations,
  shownStep,
  silent,
} from "../../assets/live/state.js";
import { answer, answered, baseline, evaluation, fresh, frozen } from "./example.js";

const POINTS = [
  [1, 0.7, 1e-4],
  [2, 0.6, 2e-4],
];
const PAIRS = [{ sentence1: "One.", sentence2: "Two.", label: 1 }];

test("the first answer decides which run is shown where the address asks for none", () => {
  const before = frozen(fresh());
  assert.deepEqual(question(before), { run: "", have: {}, about: true, group: "" });
  const after = answered(before, { points: POINTS, about: { device: "CPU" } });
  assert.equal(after.wanted, "a");
  assert.deepEqual(after.points, POINTS);
  const have = { generation: 1, points: 2, evaluations: 0, baselines: 0, watched: 0 };
  assert.deepEqual(question(after), { run: "a", have, about: false, group: "" });
});

test("an answer's entries come after those that are known, and no array that is known changes", () => {
  const before = frozen(answered(fresh(), { points: POINTS, baselines: [baseline("majority", 0.5)] }));
  const after = answered(before, { points: [[3, 0.5, 3e-4]], evaluations: [evaluation(50)] });
  assert.deepEqual(after.points, [...POINTS, [3, 0.5, 3e-4]]);
  assert.equal(after.evaluations.length, 1);
  assert.equal(after.baselines, before.baselines);
});

test("settings and watched pairs stay where an answer does not repeat them", () => {
  const before = answered(fresh(), { about: { device: "CPU" }, watched_pairs: PAIRS });
  const after = answered(before, {});
  assert.deepEqual([after.about, after.pairs], [{ device: "CPU" }, PAIRS]);
});

test("watched pairs that are sent again are not new, others are", () => {
  const before = answered(fresh(), { watched_pairs: PAIRS });
  assert.equal(answered(before, { watched_pairs: structuredClone(PAIRS) }).pairs, before.pairs);
  const others = [{ ...PAIRS[0], label: 0 }];
  assert.deepEqual(answered(before, { watched_pairs: others }).pairs, others);
});

test("a run at work of which no share is known is unmeasured", () => {
  const unmeasured = (changes) => isUnmeasured(answered(fresh(), { progress: null, ...changes }));
  assert.equal(unmeasured({ phase: "loading" }), true);
  assert.equal(unmeasured({ phase: "loading", progress: 0 }), false);
  assert.equal(unmeasured({ state: "queued", phase: "queued" }), false);
  assert.equal(unmeasured({ state: "finished", phase: "done" }), false);
  assert.equal(unmeasured({ kind: "recorded", state: "finished", phase: "done" }), false);
});

test("a new generation voids what was told before", () => {
  const before = frozen(answered(fresh(), { points: POINTS, evaluations: [evaluation(50)], watched_pairs: PAIRS }));
  const after = answered(before, { generation: 2, points: [POINTS[0]] });
  assert.deepEqual([after.points, after.evaluations, after.generation], [[POINTS[0]], [], 2]);
  assert.deepEqual(after.pairs, PAIRS);
});

test("nothing of the run shown before stays when another is chosen", () => {
  const before = answered(fresh(), { points: POINTS, about: { device: "CPU" }, watched_pairs: PAIRS });
  const after = chosen(frozen(before), "b");
  assert.deepEqual([after.run, after.points, after.pairs, after.news], ["", [], [], null]);
  assert.deepEqual(question(after), { run: "b", have: {}, about: true, group: "" });
  assert.equal(answered(after, { run: "b" }).run, "b");
});

test("an answer about the run shown before does not take the place of the one just chosen", () => {
  const before = answered(fresh(), {});
  const asked = question(before);
  const after = frozen(chosen(before, "b"));
  assert.equal(reduce(after, { ...answer({ points: POINTS }), question: asked, at: 0 }), after);
  assert.equal(reduce(after, { error: "There is no run a.", question: asked, at: 0 }), after);
});

test("the rest of a run is not taken for its beginning when it was left and chosen again meanwhile", () => {
  const before = answered(fresh(), { points: POINTS });
  const again = frozen(chosen(chosen(before, "b"), "a"));
  assert.equal(reduce(again, { ...answer({ points: [[3, 0.5, 3e-4]] }), question: question(before), at: 0 }), again);
});

test("an error is told, and the run that was shown stays", () => {
  const before = frozen(answered(fresh(), { points: POINTS }));
  const after = reduce(before, { error: "The events cannot be read.", question: question(before), at: 0 });
  assert.equal(after.trouble.text, "The events cannot be read.");
  assert.deepEqual([after.run, after.wanted, after.points], ["a", "a", POINTS]);
  assert.equal(answered(after, {}).trouble, null);
});

test("where the address names no run that there is, whichever is to be shown follows", () => {
  const before = frozen(fresh({ wanted: "gone" }));
  const after = reduce(before, { error: "There is no run gone.", question: question(before), at: 0 });
  assert.deepEqual([after.wanted, after.trouble.text], ["", "There is no run gone."]);
});

test("without any run there is something to say and nothing to show", () => {
  const before = frozen(fresh());
  const after = reduce(before, { question: question(before), at: 0 });
  assert.deepEqual([after.trouble.kind, after.news, isOver(after)], ["no run", null, false]);
});

test("no answer loses nothing", () => {
  const before = frozen(answered(fresh(), { points: POINTS }));
  const after = silent(before, "no answer");
  assert.equal(after.points, before.points);
  assert.deepEqual(question(after), question(before));
});

test("why a command was refused stays long enough to be read, and only for this run", () => {
  const before = answered(fresh(), {});
  const after = frozen(replied(before, "Only the browser that started this run may stop it.", 1000));
  assert.equal(answered(after, {}, 2000).trouble.kind, "refused");
  assert.equal(answered(after, {}, 12_000).trouble, null);
  assert.equal(chosen(after, "b").trouble, null);
  assert.equal(replied(after, undefined, 2000).trouble, null);
});

test("a recorded run is replayed from its beginning", () => {
  const after = answered(fresh(), { kind: "recorded", state: "finished", phase: "done", buttons: [] }, 500);
  assert.deepEqual(after.replay, { began: 500, limit: 0 });
  const later = { ...after, replay: { began: 500, limit: 60.4 } };
  assert.deepEqual([shownStep(later), shareDone(later)], [60, 0.604]);
  assert.equal(answered(frozen(later), { kind: "recorded", state: "finished" }).replay, later.replay);
});

test("a recorded run is shown whole to those who want nothing to move", () => {
  const calm = fresh({ calm: true });
  const told = { kind: "recorded", state: "finished", phase: "done", buttons: [], evaluations: [evaluation(50)] };
  const after = answered(calm, told);
  assert.equal(after.replay.limit, Infinity);
  assert.deepEqual([shownEvaluations(after).length, shareDone(after)], [1, 1]);
  assert.deepEqual(buttons(after), ["replay", "results"]);
});

test("a replay offers neither a second one nor the results before it is over", () => {
  const told = { kind: "recorded", state: "finished", phase: "done", buttons: [], evaluations: [evaluation(50)] };
  assert.deepEqual(buttons(answered(fresh(), told)), []);
});

test("results are offered of a run that is done and was measured", () => {
  const done = { state: "finished", phase: "done", buttons: [] };
  assert.deepEqual(buttons(answered(fresh(), done)), []);
  assert.deepEqual(buttons(answered(fresh(), { ...done, evaluations: [evaluation(50)] })), ["results"]);
  assert.deepEqual(buttons(answered(fresh(), { evaluations: [evaluation(50)] })), ["pause", "stop"]);
});

test("a phase is timed from when it was first seen to go on", () => {
  let state = answered(fresh(), { state: "queued", phase: "queued" }, 1000);
  assert.equal(state.phase.name, "");
  state = answered(state, { phase: "saving", progress: null }, 2000);
  assert.deepEqual(state.phase, { name: "saving", began: 2000, share: 0 });
  state = answered(state, { phase: "saving", progress: 0.5 }, 5000);
  assert.equal(state.phase.began, 2000);
  state = answered(state, { phase: "training", progress: 0.1 }, 6000);
  assert.deepEqual(state.phase, { name: "training", began: 6000, share: 0.1 });
});

test("charts are drawn anew when there is something new on them", () => {
  const before = answered(fresh(), { points: POINTS });
  assert.equal(chartsDiffer(fresh(), before), true);
  assert.equal(chartsDiffer(before, answered(before, {})), false);
  assert.equal(chartsDiffer(before, answered(before, { points: [[3, 0.5, 3e-4]] })), true);
  assert.equal(chartsDiffer(before, answered(before, { generation: 2 })), true);
  assert.equal(chartsDiffer(before, { ...before, replay: { began: 0, limit: 5 } }), true);
});

const GROUP = { tag: "1", count: 2, runs: [{ run: "a" }, { run: "b" }] };

test("a group is kept until another one is told, and asked for by its tag", () => {
  const before = frozen(answered(fresh(), { group: GROUP }));
  assert.equal(question(before).group, "1");
  assert.equal(answered(before, {}).group, GROUP);
  const later = { ...GROUP, tag: "2" };
  assert.equal(answered(before, { group: later }).group, later);
  assert.equal(answered(before, { group: null }).group, null);
});

test("a group stays the same object while its runs are looked at one after the other", () => {
  const before = frozen(answered(fresh(), { group: GROUP }));
  const other = frozen(chosen(before, "b"));
  assert.deepEqual([other.group, question(other).group], [GROUP, ""]);
  assert.equal(answered(other, { run: "b", group: structuredClone(GROUP) }).group, before.group);
});

test("nothing of a group stays when a run of none is chosen", () => {
  const before = frozen(answered(fresh(), { group: GROUP }));
  assert.equal(chosen(before, "c").group, null);
  assert.equal(answered(before, { run: "c" }).group, null);
});
