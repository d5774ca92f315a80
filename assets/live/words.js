// Every sentence that the live view shows, made from its state.

import { _, LANGUAGE, listed, local, N_, ngettext } from "../language.js";
import { isReplaying, shareDone, shownEvaluations, shownStep, shownWatched } from "./state.js";

export const NONE = "-";
export const STEP = _("Step");
export const EPOCH = _("Epoch");
export const TIME = _("This phase");
const TROUBLES = {
  "no run": N_("No run yet. Choose your settings and press Start."),
  "no answer": N_("The server does not answer. Trying again; nothing is lost."),
  "no reply": N_("The server does not answer. Try again in a moment."),
};

const RIGHT = _("right");
const WRONG = _("wrong");

export const WATCH = _("Watch it");
export const TOGETHER = _("What they say together");
export const GROUP = _("Runs of this group");
export const BEFORE_TRAINING = _("Begins with the first step of training.");
export const BEFORE_MEASURING = _("Begins when the adapter is first measured.");

export function badge({ news, replay, tables }) {
  if (replay) return _("Recorded run, replayed");
  if (news.held) return news.held_until ? _("Waiting for guesses") : _("Held in the queue");
  return news.place ? _("Place {place} in the queue", news) : tables.states[news.state].label;
}

export function title({ wanted, news, about }) {
  if (!news) return wanted ? _("Looking for the run ...") : _("Looking for a run ...");
  const subject = { model: about.base_model || _("A BERT"), pairs: about.dataset || _("pairs"), stored: about.stored };
  return about.stored ? _("{model} learns {pairs}, {stored}", subject) : _("{model} learns {pairs}", subject);
}

/** Settings, machine and date in one line. */
export function settings({ about }) {
  if (!about.created) return "";
  const when = new Date(about.created * 1000).toLocaleString(LANGUAGE, { dateStyle: "medium", timeStyle: "short" });
  const parts = [
    _("LoRA r {r}", about),
    _("learning rate {rate}", { rate: local(about.learning_rate) }),
    ngettext("{n} epoch", "{n} epochs", about.epochs),
    _("seed {seed}", about),
  ];
  if (about.init_from) parts.push(_("started from run {run}", { run: about.init_from.slice(-4) }));
  if (about.device) parts.push(about.device);
  return _("{settings}; {when}", { settings: listed(parts), when });
}

export function phase(state) {
  const { news, tables } = state;
  if (isReplaying(state)) return _("Training (replay)");
  const label = news.state === "queued" ? tables.phases.queued : phaseLabel(state);
  if (!endedEarly(state) || news.phase === "done") return label;
  return _("Ended while {phase}", { phase: LANGUAGE === "en" ? label.toLowerCase() : label });
}

const phaseLabel = ({ news, tables }) => tables.phases[news.phase] || news.phase;

function endedEarly({ news, tables }) {
  const { over, complete } = tables.states[news.state];
  return over && !complete;
}

export function step(state) {
  const total = state.news.total_steps;
  return total ? _("{n} of {total}", { n: shownStep(state), total }) : NONE;
}

export function epoch(state) {
  const { about, news } = state;
  if (!news.total_steps) return NONE;
  const n = local(((shownStep(state) / news.total_steps) * about.epochs).toFixed(1));
  return _("{n} of {total}", { n, total: about.epochs });
}

export const speed = ({ news }) => (news.examples_per_second ? news.examples_per_second.toFixed(0) : NONE);

/** How long the phase will still take, as its pace so far tells, or how long it has been going on. */
export function timeLeft(state) {
  const { news, phase: begun, tables } = state;
  if (isReplaying(state) || !tables.states[news.state].live) return NONE;
  if (news.phase === "training" && news.seconds_left != null) {
    return _("{time} left", { time: duration(news.seconds_left) });
  }
  const share = shareDone(state);
  const done = share - begun.share;
  const seconds = (news.at - begun.began) / 1000;
  if (done > 0.05) return _("{time} left", { time: duration((seconds / done) * (1 - share)) });
  return _("{time} so far", { time: duration(seconds) });
}

export function duration(exactly) {
  const seconds = Math.max(1, Math.round(exactly));
  if (seconds < 60) return _("{seconds} s", { seconds });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return _("{minutes} min {seconds} s", { minutes, seconds: seconds % 60 });
  return _("{hours} h {minutes} min", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

export const stopButton = ({ news }) =>
  news.state === "queued" ? _("Take off the queue") : _("Stop and keep what was learned");

/** A borrowed GPU that rests would be paid for: the run is put off instead. */
export const pauseButton = ({ news }) => (news.on_loan ? _("Give the GPU back") : _("Pause"));

/** Where a GPU can be borrowed instead, a run is resumed without one. */
export function resumeButton(offered, news) {
  if (offered.includes("borrow")) return _("Go on on the CPU");
  return news.held_until ? _("Begin training") : _("Resume");
}

/** The line below the title, "" where there is nothing to say, and the id of a run that can be watched instead. */
export function note(state) {
  const { news, trouble } = state;
  if (trouble) return { text: trouble.text || _(TROUBLES[trouble.kind]), watch: "" };
  if (!news) return { text: "", watch: "" };
  const parts = [
    endedEarly(state) ? news.message : "",
    isReplaying(state) ? "" : news.verdict,
    news.truncation,
    news.baselines_known,
    held(news),
    expectation(state),
    news.at_work ? _("Another run is at work on this machine.") : "",
  ];
  return { text: parts.filter(Boolean).join(" "), watch: news.at_work };
}

function held({ held: isHeld, held_until: until }) {
  if (!isHeld) return "";
  if (!until) return _("This run keeps its place and lets others go first until you resume it.");
  const moment = new Date(until * 1000).toLocaleTimeString(LANGUAGE, { timeStyle: "short" });
  return _("This run waits for guesses, and lets others go first. It begins at {moment} at the latest.", { moment });
}

/** The line about runs that were asked for together: which of them is shown, and how long all of them still take. */
export function group({ group: { count, minutes_left: minutes, runs }, wanted }) {
  const shown = runs.find(({ run }) => run === wanted);
  const which = _("Run {number} of {count} of this group: {changes}.", { ...shown, count });
  return `${which} ${groupLeft(minutes)}`;
}

function groupLeft(minutes) {
  if (minutes === null) return _("How long all of them still take is not known yet.");
  if (minutes === 0) return _("All of them have ended.");
  return ngettext("About {n} minute of work left for all.", "About {n} minutes of work left for all.", minutes);
}

/** What a link to one of them says besides its number. */
export const groupRun = ({ number, changes, state }, tables) =>
  _("Run {number}: {changes} ({state})", { number, changes, state: tables.states[state].label });

function expectation({ about: { estimate }, news }) {
  if (!estimate) return "";
  const [low, high] = estimate.seconds.map(duration);
  if (news.phase !== "done") return _("Expected {low} to {high}.", { low, high });
  return _("Expected {low} to {high}; took {time}.", { low, high, time: duration(news.seconds) });
}

/** Rows of the table of evaluations: a name, then a text for each metric. */
export function rows(state) {
  const { baselines, tables } = state;
  const scores = (entry) => tables.metrics.map(({ name }) => score(entry[name]));
  return [
    ...baselines.map((entry) => [answererLabel(state, entry.name), ...scores(entry)]),
    ...shownEvaluations(state).map((entry) => [
      _("epoch {epoch}, step {step}", { epoch: local(+entry.epoch.toFixed(2)), step: entry.step }),
      ...scores(entry),
    ]),
  ];
}

const score = (value) => (value == null ? "–" : local(value.toFixed(3)));

export const answererLabel = ({ tables }, name) => tables.answerers[name] || name.replaceAll("_", " ");

/** When the watched pairs were answered as they are shown. */
export function watchedWhen(state) {
  const last = shownWatched(state).at(-1);
  if (!state.pairs.length) return _("They are drawn as soon as the pairs are read.");
  if (!last) return _("Nobody has been asked yet.");
  if (last[0] > 0) return _("After step {step}.", { step: last[0] });
  const isFromARun = state.baselines.some(({ name }) => name === "started_from");
  return isFromARun
    ? _("As it starts, before the first step.")
    : _("Before any training: what the untrained head says.");
}

/** What was answered of a watched pair: the probability of "same", and whether that is right. */
export const verdict = (probability, isRight) => `${local(probability.toFixed(2))} ${isRight ? RIGHT : WRONG}`;

export const pairLabel = (label) => (label === 1 ? _("same") : _("different"));

/** What a screen reader says of the run; "" of a recorded one. */
export function spoken(state) {
  const { news, evaluations, replay, tables } = state;
  if (replay) return "";
  const begun = _("{state}: {phase}.", { state: tables.states[news.state].label, phase: phaseLabel(state) });
  const last = evaluations.at(-1);
  if (!last) return begun;
  const known = tables.metrics.filter(({ name }) => last[name] != null);
  const scores = listed(known.map(({ name, text }) => `${text} ${score(last[name])}`));
  const after = _("After epoch {epoch}: {scores}.", { epoch: local(+last.epoch.toFixed(1)), scores });
  return `${begun} ${after}`;
}

/** The metrics that are drawn, that by which baselines are told apart first. */
export const chartedMetrics = ({ tables }) => tables.metrics.filter(({ charted }) => charted);

/** Their names as the beginning of a sentence lists them. */
export function chartedNames(state) {
  const names = chartedMetrics(state).map(({ text, label }, index) => (index ? text : label));
  if (names.length < 2) return names[0];
  return _("{most} and {last}", { most: listed(names.slice(0, -1)), last: names.at(-1) });
}

/** The best evaluation so far, against the strongest baseline. */
export function scoreTitle(state) {
  const seen = shownEvaluations(state);
  const [main] = chartedMetrics(state);
  const before = strongest(state, main.name);
  if (!seen.length || !before) {
    return _("{scores} on the validation pairs (higher is better)", { scores: chartedNames(state) });
  }
  const best = seen.reduce((a, b) => (b.is_best ? b : a))[main.name];
  const found = {
    metric: main.label,
    best: score(best),
    baseline: listed([answererLabel(state, before.name), score(before[main.name])]),
  };
  return best > before[main.name]
    ? _("{metric} {best} (best), above the strongest baseline ({baseline})", found)
    : _("{metric} {best} (best), not above the strongest baseline ({baseline})", found);
}

/** Of the baselines that were measured and are to be beaten, the one with the highest score; of equals the simplest. */
function strongest({ baselines, tables }, metric) {
  const compared = tables.compared.map((wanted) => baselines.find(({ name }) => name === wanted)).filter(Boolean);
  return compared.reduce((a, b) => (b[metric] > a[metric] ? b : a), compared[0]);
}
