// Every sentence that the live view shows, made from its state.

import { isReplaying, shareDone, shownEvaluations, shownStep, shownWatched } from "./state.js";

const NONE = "-";
const TROUBLES = {
  "no run": "No run yet. Choose your settings and press Start.",
  "no answer": "The server does not answer. Trying again; nothing is lost.",
  "no reply": "The server does not answer. Try again in a moment.",
};

export const WATCH = "Watch it";
export const BEFORE_TRAINING = "Begins with the first step of training.";
export const BEFORE_MEASURING = "Begins when the adapter is first measured.";

export function badge({ news, replay, tables }) {
  if (replay) return "Recorded run, replayed";
  if (news.held) return news.held_until ? "Waiting for guesses" : "Held in the queue";
  return news.place ? `Place ${news.place} in the queue` : tables.states[news.state].label;
}

export function title({ wanted, news, about }) {
  if (!news) return wanted ? "Looking for the run ..." : "Looking for a run ...";
  const learns = `${about.base_model || "A BERT"} learns ${about.dataset || "pairs"}`;
  return about.stored ? `${learns}, ${about.stored}` : learns;
}

/** Settings, machine and date in one line. */
export function settings({ about }) {
  if (!about.created) return "";
  const when = new Date(about.created * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const epochs = about.epochs === 1 ? "1 epoch" : `${about.epochs} epochs`;
  const parts = [`LoRA r ${about.r}`, `learning rate ${about.learning_rate}`, epochs, `seed ${about.seed}`];
  if (about.init_from) parts.push(`started from run ${about.init_from.slice(-4)}`);
  if (about.device) parts.push(about.device);
  return `${parts.join(", ")}; ${when}`;
}

export function phase(state) {
  const { news, tables } = state;
  if (isReplaying(state)) return "Training (replay)";
  const label = news.state === "queued" ? tables.phases.queued : phaseLabel(state);
  return endedEarly(state) && news.phase !== "done" ? `Ended while ${label.toLowerCase()}` : label;
}

const phaseLabel = ({ news, tables }) => tables.phases[news.phase] || news.phase;

function endedEarly({ news, tables }) {
  const { over, complete } = tables.states[news.state];
  return over && !complete;
}

export function step(state) {
  const total = state.news.total_steps;
  return total ? `${shownStep(state)} of ${total}` : NONE;
}

export function epoch(state) {
  const { about, news } = state;
  if (!news.total_steps) return NONE;
  return `${((shownStep(state) / news.total_steps) * about.epochs).toFixed(1)} of ${about.epochs}`;
}

export const speed = ({ news }) => (news.examples_per_second ? news.examples_per_second.toFixed(0) : NONE);

/** How long the phase will still take, as its pace so far tells, or how long it has been going on. */
export function timeLeft(state) {
  const { news, phase: begun, tables } = state;
  if (isReplaying(state) || !tables.states[news.state].live) return NONE;
  if (news.phase === "training" && news.seconds_left != null) return `${duration(news.seconds_left)} left`;
  const share = shareDone(state);
  const done = share - begun.share;
  const seconds = (news.at - begun.began) / 1000;
  return done > 0.05 ? `${duration((seconds / done) * (1 - share))} left` : `${duration(seconds)} so far`;
}

export function duration(exactly) {
  const seconds = Math.max(1, Math.round(exactly));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const stopButton = ({ news }) =>
  news.state === "queued" ? "Take off the queue" : "Stop and keep what was learned";

/** A borrowed GPU that rests would be paid for: the run is put off instead. */
export const pauseButton = ({ news }) => (news.on_loan ? "Give the GPU back" : "Pause");

/** Where a GPU can be borrowed instead, a run is resumed without one. */
export function resumeButton(offered, news) {
  if (offered.includes("borrow")) return "Go on on the CPU";
  return news.held_until ? "Begin training" : "Resume";
}

/** The line below the title, "" where there is nothing to say, and the id of a run that can be watched instead. */
export function note(state) {
  const { news, trouble } = state;
  if (trouble) return { text: trouble.text || TROUBLES[trouble.kind], watch: "" };
  if (!news) return { text: "", watch: "" };
  const parts = [
    endedEarly(state) ? news.message : "",
    isReplaying(state) ? "" : news.verdict,
    news.truncation,
    news.baselines_known,
    held(news),
    expectation(state),
    news.at_work ? "Another run is at work on this machine." : "",
  ];
  return { text: parts.filter(Boolean).join(" "), watch: news.at_work };
}

function held({ held: isHeld, held_until: until }) {
  if (!isHeld) return "";
  if (!until) return "This run keeps its place and lets others go first until you resume it.";
  const moment = new Date(until * 1000).toLocaleTimeString([], { timeStyle: "short" });
  return `This run waits for guesses, and lets others go first. It begins at ${moment} at the latest.`;
}

function expectation({ about: { estimate }, news }) {
  if (!estimate) return "";
  const expected = `Expected ${duration(estimate.seconds[0])} to ${duration(estimate.seconds[1])}`;
  return news.phase === "done" ? `${expected}; took ${duration(news.seconds)}.` : `${expected}.`;
}

/** Rows of the table of evaluations: a name, then a text for each metric. */
export function rows(state) {
  const { baselines, tables } = state;
  const scores = (entry) => tables.metrics.map(({ name }) => score(entry[name]));
  return [
    ...baselines.map((entry) => [answererLabel(state, entry.name), ...scores(entry)]),
    ...shownEvaluations(state).map((entry) => [
      `epoch ${+entry.epoch.toFixed(2)}, step ${entry.step}`,
      ...scores(entry),
    ]),
  ];
}

const score = (value) => (value == null ? "–" : value.toFixed(3));

export const answererLabel = ({ tables }, name) => tables.answerers[name] || name.replaceAll("_", " ");

/** When the watched pairs were answered as they are shown. */
export function watchedWhen(state) {
  const last = shownWatched(state).at(-1);
  if (!state.pairs.length) return "They are drawn as soon as the pairs are read.";
  if (!last) return "Nobody has been asked yet.";
  if (last[0] > 0) return `After step ${last[0]}.`;
  const isFromARun = state.baselines.some(({ name }) => name === "started_from");
  return isFromARun ? "As it starts, before the first step." : "Before any training: what the untrained head says.";
}

/** What was answered of a watched pair: the probability of "same", and whether that is right. */
export const verdict = (probability, isRight) => `${probability.toFixed(2)} ${isRight ? "right" : "wrong"}`;

export const pairLabel = (label) => (label === 1 ? "same" : "different");

/** What a screen reader says of the run; "" of a recorded one. */
export function spoken(state) {
  const { news, evaluations, replay, tables } = state;
  if (replay) return "";
  const begun = `${tables.states[news.state].label}: ${phaseLabel(state)}.`;
  const last = evaluations.at(-1);
  if (!last) return begun;
  const known = tables.metrics.filter(({ name }) => last[name] != null);
  const scores = known.map(({ name, text }) => `${text} ${score(last[name])}`).join(", ");
  return `${begun} After epoch ${+last.epoch.toFixed(1)}: ${scores}.`;
}

/** The metrics that are drawn, that by which baselines are told apart first. */
export const chartedMetrics = ({ tables }) => tables.metrics.filter(({ charted }) => charted);

/** Their names as the beginning of a sentence lists them. */
export function chartedNames(state) {
  const names = chartedMetrics(state).map(({ text, label }, index) => (index ? text : label));
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0];
}

/** The best evaluation so far, against the strongest baseline. */
export function scoreTitle(state) {
  const seen = shownEvaluations(state);
  const [main] = chartedMetrics(state);
  const before = strongest(state, main.name);
  if (!seen.length || !before) return `${chartedNames(state)} on the validation pairs (higher is better)`;
  const best = seen.reduce((a, b) => (b.is_best ? b : a))[main.name];
  const where = best > before[main.name] ? "above" : "not above";
  const baseline = `${answererLabel(state, before.name)}, ${score(before[main.name])}`;
  return `${main.label} ${score(best)} (best), ${where} the strongest baseline (${baseline})`;
}

/** Of the baselines that were measured and are to be beaten, the one with the highest score; of equals the simplest. */
function strongest({ baselines, tables }, metric) {
  const compared = tables.compared.map((wanted) => baselines.find(({ name }) => name === wanted)).filter(Boolean);
  return compared.reduce((a, b) => (b[metric] > a[metric] ? b : a), compared[0]);
}
