import assert from "node:assert/strict";
import { test } from "node:test";

import { chosen, silent } from "../../assets/live/state.js";
import * as words from "../../assets/live/words.js";
import { answered, baseline, evaluation, fresh } from "./example.js";

const shown = (changes, at) => answered(fresh(), changes, at);

test("durations are said in the units one would use", () => {
  const said = [0, 0.4, 59.4, 59.6, 60, 90.2, 119.8, 3599, 3600, 7325].map(words.duration);
  assert.deepEqual(said, [
    "1 s",
    "1 s",
    "59 s",
    "1 min 0 s",
    "1 min 0 s",
    "1 min 30 s",
    "2 min 0 s",
    "59 min 59 s",
    "1 h 0 min",
    "2 h 2 min",
  ]);
});

test("the badge says where the run stands", () => {
  assert.equal(words.badge(shown({})), "Running");
  assert.equal(words.badge(shown({ state: "queued", place: 2 })), "Place 2 in the queue");
  assert.equal(words.badge(shown({ state: "queued", place: 2, held: true })), "Held in the queue");
  assert.equal(words.badge(shown({ state: "queued" })), "Waiting in the queue");
  assert.equal(words.badge(shown({ kind: "recorded", state: "finished" })), "Recorded run, replayed");
});

test("the title names model, pairs and scheme as soon as they are known", () => {
  assert.equal(words.title(fresh()), "Looking for a run ...");
  assert.equal(words.title(chosen(fresh(), "b")), "Looking for the run ...");
  const about = { base_model: "minilm", dataset: "pairs", stored: "in NF4" };
  assert.equal(words.title(shown({ about })), "minilm learns pairs, in NF4");
  assert.equal(words.title(shown({ about: { ...about, stored: "unquantised" } })), "minilm learns pairs, unquantised");
});

test("settings are one line that ends with the date", () => {
  const about = { created: 1.7e9, r: 8, learning_rate: 0.0005, epochs: 1, seed: 3, device: "CPU" };
  assert.match(words.settings(shown({ about })), /^LoRA r 8, learning rate 0.0005, 1 epoch, seed 3, CPU; .*2023/);
  assert.match(words.settings(shown({ about: { ...about, epochs: 4, device: "" } })), /, 4 epochs, seed 3; /);
  assert.match(
    words.settings(shown({ about: { ...about, init_from: "a-run-ab12" } })),
    /, started from run ab12, CPU; /,
  );
  assert.equal(words.settings(shown({ about: {} })), "");
});

test("a phase is said in words, and of a run that ended early that it did", () => {
  assert.equal(words.phase(shown({})), "Training");
  assert.equal(words.phase(shown({ state: "queued", phase: "queued" })), "Waiting");
  assert.equal(words.phase(shown({ state: "failed" })), "Ended while training");
  assert.equal(words.phase(shown({ state: "stopped", phase: "done" })), "Done");
  assert.equal(words.phase(shown({ phase: "of a later version" })), "of a later version");
  assert.equal(words.phase(shown({ kind: "recorded", state: "finished", phase: "done" })), "Training (replay)");
});

test("step and epoch are said once there are steps", () => {
  const about = { epochs: 4 };
  assert.deepEqual([words.step(shown({ about })), words.epoch(shown({ about }))], ["20 of 100", "0.8 of 4"]);
  const early = shown({ about, step: 0, total_steps: 0, examples_per_second: null });
  assert.deepEqual([words.step(early), words.epoch(early), words.speed(early)], ["-", "-", "-"]);
});

test("time left is the trainer's own in training and the phase's pace elsewhere", () => {
  assert.equal(words.timeLeft(shown({ seconds_left: 80 })), "1 min 20 s left");
  const saving = shown({ phase: "saving", progress: 0 }, 1000);
  assert.equal(words.timeLeft(answered(saving, { phase: "saving", progress: null }, 6000)), "5 s so far");
  assert.equal(words.timeLeft(answered(saving, { phase: "saving", progress: 0.25 }, 11_000)), "30 s left");
  assert.equal(words.timeLeft(shown({ state: "finished", phase: "done" })), "-");
});

test("the watched pairs say when they were answered as they are shown", () => {
  const pairs = [{ sentence1: "a", sentence2: "b", label: 1 }];
  const drawn = shown({ phase: "loading", watched_pairs: pairs });
  const asked = answered(drawn, { watched_pairs: pairs, watched: [[0, [0.5]]] });
  const learning = answered(asked, { watched: [[20, [0.6]]] });
  assert.match(words.watchedWhen(shown({})), /as soon as the pairs are read/);
  assert.match(words.watchedWhen(drawn), /Nobody has been asked/);
  assert.match(words.watchedWhen(asked), /untrained head/);
  const started = answered(drawn, { baselines: [baseline("started_from", 0.6)], watched: [[0, [0.5]]] });
  assert.match(words.watchedWhen(started), /before the first step/);
  assert.equal(words.watchedWhen(learning), "After step 20.");
});

test("a run that waits is taken off the queue, any other keeps what it learned", () => {
  assert.equal(words.stopButton(shown({ state: "queued" })), "Take off the queue");
  assert.equal(words.stopButton(shown({})), "Stop and keep what was learned");
});

test("a borrowed GPU is given back instead of paused, and where one can be borrowed a run may do without", () => {
  assert.equal(words.pauseButton(shown({})), "Pause");
  assert.equal(words.pauseButton(shown({ on_loan: true })), "Give the GPU back");
  assert.equal(words.resumeButton(["resume"], {}), "Resume");
  assert.equal(words.resumeButton(["resume"], { held_until: 1.8e9 }), "Begin training");
  assert.equal(words.resumeButton(["resume", "borrow"], {}), "Go on on the CPU");
});

test("the note says what ended the run, what was expected of it, and what else goes on", () => {
  const about = { estimate: { seconds: [60, 90] } };
  assert.deepEqual(words.note(shown({})), { text: "", watch: "" });
  assert.equal(words.note(shown({ about })).text, "Expected 1 min 0 s to 1 min 30 s.");
  const failed = words.note(shown({ state: "failed", message: "No memory left.", at_work: "b" }));
  assert.deepEqual(failed, { text: "No memory left. Another run is at work on this machine.", watch: "b" });
  const done = shown({ state: "finished", phase: "done", about, seconds: 70 });
  assert.equal(words.note(done).text, "Expected 1 min 0 s to 1 min 30 s; took 1 min 10 s.");
  assert.match(words.note(shown({ state: "queued", held: true })).text, /keeps its place/);
  const waits = shown({ state: "queued", held: true, held_until: 1.8e9 });
  assert.match(words.note(waits).text, /waits for guesses.+at the latest/);
  assert.equal(words.badge(waits), "Waiting for guesses");
});

test("what went wrong takes the note's place", () => {
  assert.match(words.note(silent(shown({ at_work: "b" }), "no answer")).text, /^The server does not answer\./);
  assert.match(words.note(silent(fresh(), "no run")).text, /press Start/);
});

test("the table has a row for each baseline and evaluation, and a dash for what was not measured", () => {
  const state = shown({ baselines: [baseline("majority", 0.5)], evaluations: [evaluation(50, { mcc: 0.25 })] });
  assert.deepEqual(words.rows(state), [
    ["majority class", "0.700", "0.500", "–"],
    ["epoch 1, step 50", "0.612", "0.700", "0.250"],
  ]);
  assert.equal(words.answererLabel(state, "not_in_the_table"), "not in the table");
});

test("a screen reader is told state, phase and the last scores, and nothing of a replay", () => {
  assert.equal(words.spoken(shown({})), "Running: Training.");
  assert.equal(
    words.spoken(shown({ evaluations: [evaluation(50)] })),
    "Running: Training. After epoch 1: loss 0.612, accuracy 0.700, MCC 0.800.",
  );
  assert.match(
    words.spoken(shown({ evaluations: [evaluation(50, { mcc: null })] })),
    /: loss 0.612, accuracy 0.700\.$/,
  );
  assert.equal(words.spoken(shown({ kind: "recorded", state: "finished", phase: "done" })), "");
});

test("the title of the scores is about the strongest baseline", () => {
  const title = (accuracy, untrained, majority) => {
    const baselines = [baseline("majority", majority), baseline("untrained_head", untrained), baseline("other", 0.99)];
    return words.scoreTitle(shown({ baselines, evaluations: [evaluation(50, { accuracy })] }));
  };
  assert.equal(title(0.7, 0.6, 0.5), "Accuracy 0.700 (best), above the strongest baseline (untrained head, 0.600)");
  assert.equal(title(0.9, 0.1, 0.9), "Accuracy 0.900 (best), not above the strongest baseline (majority class, 0.900)");
  assert.match(title(0.9, 0.6, 0.6), /\(majority class, 0.600\)$/);
  const none = words.scoreTitle(shown({ baselines: [baseline("majority", 0.5)] }));
  assert.equal(none, "Accuracy and MCC on the validation pairs (higher is better)");
});

test("pairs that are cut off are told while the run goes on", () => {
  const truncation = "3 of 4 training pairs are longer than 128 tokens.";
  assert.equal(words.note(shown({ truncation })).text, truncation);
});

test("baselines that another run has measured are said to be", () => {
  const baselines_known = "The baselines were measured on 29 November 2026 in run a.";
  assert.equal(words.note(shown({ baselines_known })).text, baselines_known);
});

test("what a run came to is said when it has ended, and not while it is replayed", () => {
  const ended = { state: "finished", phase: "done", verdict: "No difference beyond chance." };
  assert.equal(words.note(shown(ended)).text, "No difference beyond chance.");
  assert.equal(words.note(shown({ ...ended, kind: "recorded" })).text, "");
});

test("the best evaluation is the last that was the best when it came", () => {
  const evaluations = [evaluation(50, { accuracy: 0.8 }), evaluation(100, { accuracy: 0.7, is_best: false })];
  const state = shown({ baselines: [baseline("untrained_head", 0.5)], evaluations });
  assert.match(words.scoreTitle(state), /^Accuracy 0.800 \(best\)/);
});

test("a watched pair's answer is said to be right or wrong", () => {
  assert.deepEqual([words.verdict(0.912, true), words.verdict(0.5, false)], ["0.91 right", "0.50 wrong"]);
  assert.deepEqual([words.pairLabel(1), words.pairLabel(0)], ["same", "different"]);
});

test("a run of a group says which it is, and how long all of them still take", () => {
  const runs = [
    { number: 1, run: "a", state: "running", changes: "Rank 4" },
    { number: 3, run: "b", state: "queued", changes: "Rank 16" },
  ];
  const said = (minutes) => words.group(shown({ group: { tag: "1", count: 3, minutes_left: minutes, runs } }));
  assert.equal(said(12), "Run 1 of 3 of this group: Rank 4. About 12 minutes of work left for all.");
  assert.equal(said(1), "Run 1 of 3 of this group: Rank 4. About 1 minute of work left for all.");
  assert.equal(said(0), "Run 1 of 3 of this group: Rank 4. All of them have ended.");
  assert.equal(said(null), "Run 1 of 3 of this group: Rank 4. How long all of them still take is not known yet.");
  assert.equal(words.groupRun(runs[1], shown({}).tables), "Run 3: Rank 16 (Waiting in the queue)");
});
