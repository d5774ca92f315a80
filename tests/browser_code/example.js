// Answers of a server, and states made of them.

import { initial, question, reduce } from "../../assets/live/state.js";

const state = (label, flags) => ({ label, live: false, over: false, complete: false, ...flags });

export const TABLES = {
  states: {
    queued: state("Waiting in the queue"),
    running: state("Running", { live: true }),
    paused: state("Paused", { live: true }),
    stopped: state("Stopped", { over: true }),
    failed: state("Failed", { over: true }),
    finished: state("Finished", { over: true, complete: true }),
  },
  phases: { queued: "Waiting", training: "Training", saving: "Saving the adapter", done: "Done" },
  answerers: { majority: "majority class", untrained_head: "untrained head" },
  compared: ["majority", "untrained_head"],
  metrics: [
    { name: "loss", label: "Loss", text: "loss", charted: false, low: 0 },
    { name: "accuracy", label: "Accuracy", text: "accuracy", charted: true, low: 0 },
    { name: "mcc", label: "MCC", text: "MCC", charted: true, low: -1 },
  ],
};

/** What the server says of run "a" while it trains; `changes` are of this answer alone. */
export function answer(changes = {}) {
  return {
    run: "a",
    kind: "run",
    generation: 1,
    state: "running",
    phase: "training",
    message: "Training",
    progress: 0.2,
    step: 20,
    total_steps: 100,
    examples_per_second: 51.2,
    seconds_left: 80,
    seconds: 20,
    points: [],
    evaluations: [],
    baselines: [],
    watched: [],
    watched_pairs: [],
    held: false,
    place: null,
    at_work: "",
    ended_by: "",
    in_both: null,
    buttons: ["pause", "stop"],
    ...changes,
  };
}

export const evaluation = (step, changes = {}) => ({
  step,
  epoch: step / 50,
  loss: 0.61234,
  accuracy: 0.7,
  mcc: 0.8,
  is_best: true,
  ...changes,
});

export const baseline = (name, accuracy) => ({ name, accuracy, loss: 0.7 });

export const fresh = (options = {}) => initial({ wanted: "", calm: false, tables: TABLES, ...options });

/** The state after an answer to what it would ask now, which came at the time `at`. */
export const answered = (before, changes, at = 0) =>
  reduce(before, { ...answer(changes), question: question(before), at });

/** A state frozen with all that is in it, so that whatever would change it fails. */
export function frozen(value) {
  if (value && typeof value === "object") {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}
