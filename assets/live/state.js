// What is known of the run that is shown, and what an answer of the server makes of it. Nothing here touches the page,
// asks the server or looks at a clock: every function takes a state and gives a new one, or a part of it.

import { beginning, isUnderway, visible, whole } from "./replay.js";

const SERIES = ["points", "evaluations", "baselines", "watched"];
const READING_TIME = 10_000;
const NOTHING = { points: [], evaluations: [], baselines: [], watched: [] };

/** The state before the first answer. `wanted` is the run that the address asks for, "" for whichever is to be shown;
 * `calm` says that nothing may move by itself; `tables` are the tables of qlora_core/ui/train/live_view.py. */
export function initial({ wanted, calm, tables }) {
  return { wanted, calm, tables, group: null, ...unknown("") };
}

function unknown(run) {
  return {
    run, // its id; "" before the first answer
    generation: 0, // grows when the server takes back what it has told
    ...NOTHING,
    pairs: [], // those that are watched while the model learns
    about: {},
    news: null, // the last answer
    phase: { name: "", began: 0, share: 0 }, // share of the phase that was done when it was first seen
    trouble: null, // {kind, text}: what went wrong last
    replay: null, // {began, limit}: the last step that a replay of a recorded run shows
  };
}

/** What to ask the server: which run, and how much of it is known already. */
export function question({ run, wanted, generation, about, group, ...state }) {
  const isKnown = run !== "" && run === wanted;
  const have = { generation };
  for (const name of SERIES) have[name] = state[name].length;
  return { run: wanted, have: isKnown ? have : {}, about: !about.device, group: (isKnown && group?.tag) || "" };
}

/** The state after an answer, which bears the `question` it answers and the time `at` which it came, in ms. The same
 * state where that is no longer the question: another run was chosen while the answer was on its way. */
export function reduce(state, answer) {
  if (JSON.stringify(answer.question) !== JSON.stringify(question(state))) return state;
  if (answer.error) {
    return { ...state, trouble: { kind: "error", text: answer.error }, wanted: state.run ? state.wanted : "" };
  }
  if (!answer.run) return { ...state, trouble: { kind: "no run" } };
  let known = answer.run === state.run ? state : { ...state, ...unknown(answer.run), wanted: answer.run };
  if (answer.generation !== known.generation) known = { ...known, ...NOTHING, generation: answer.generation };
  return {
    ...known,
    ...grown(known, answer),
    pairs: areNew(answer.watched_pairs, known.pairs) ? answer.watched_pairs : known.pairs,
    about: answer.about || known.about,
    group: groupAfter(state.group, answer),
    news: answer,
    trouble: stillRead(known, answer),
    phase: phaseBegan(known, answer),
    replay: answer.kind === "recorded" && !known.replay ? (known.calm ? whole() : beginning(answer.at)) : known.replay,
  };
}

/** The series to which an answer adds something; the others stay the arrays that they are. */
function grown(known, answer) {
  const series = SERIES.filter((name) => answer[name].length > 0);
  return Object.fromEntries(series.map((name) => [name, [...known[name], ...answer[name]]]));
}

/** The watched pairs are sent until an answer to them is known. */
const areNew = (pairs, known) => pairs.length > 0 && JSON.stringify(pairs) !== JSON.stringify(known);

function phaseBegan({ phase, tables }, answer) {
  if (!tables.states[answer.state].live || answer.phase === phase.name) return phase;
  return { name: answer.phase, began: answer.at, share: answer.progress || 0 };
}

/** The runs that were asked for together with the one that is shown, which are told once and whenever they change. */
function groupAfter(known, { group = known, run }) {
  if (group?.tag === known?.tag) return inGroup(known, run) ? known : null;
  return group;
}

const inGroup = (group, run) => Boolean(group?.runs.some((one) => one.run === run));

/** Why a command was refused has to be read; everything else that went wrong is over when an answer comes. */
function stillRead({ trouble }, answer) {
  return trouble?.kind === "refused" && answer.at - trouble.at < READING_TIME ? trouble : null;
}

/** The state after another run was chosen, of which nothing is known yet. */
export const chosen = (state, run) => ({
  ...state,
  ...unknown(""),
  wanted: run,
  group: inGroup(state.group, run) ? state.group : null,
});

/** The state after the server gave no answer; `kind` is "no answer" to a question, "no reply" to a command. */
export const silent = (state, kind) => ({ ...state, trouble: { kind } });

/** The state after the server carried out a command, or refused it at a time `at` and said why. */
export const replied = (state, error, at) => ({
  ...state,
  trouble: error ? { kind: "refused", text: error, at } : null,
});

export const isReplaying = ({ replay }) => isUnderway(replay);

/** Whether nothing new is to be expected of the run soon. */
export const isOver = ({ news, tables }) => news !== null && tables.states[news.state].over;

/** The last step that is shown. */
const limit = ({ replay }) => (replay ? replay.limit : Infinity);

export const shownPoints = (state) => visible(state.points, (point) => point[0], limit(state));
export const shownEvaluations = (state) => visible(state.evaluations, (entry) => entry.step, limit(state));
export const shownWatched = (state) => visible(state.watched, (entry) => entry[0], limit(state));

/** What is shown of the run, as the rules of signs.js take it. */
export function shownCourse(state) {
  const { baselines, news } = state;
  return {
    points: shownPoints(state),
    evaluations: shownEvaluations(state),
    baselines,
    totalSteps: news.total_steps,
    endedBy: news.ended_by,
    inBoth: news.in_both,
  };
}

/** The step that is shown, of `news.total_steps`. */
export const shownStep = (state) => (isReplaying(state) ? Math.round(state.replay.limit) : state.news.step);

const PARTS = [8, 4, 2, 1];

/** The last step for which the charts have room: an eighth of the run at first, twice as much whenever it is full. */
export function lastStepDrawn(state) {
  const total = state.news.total_steps;
  return total / (PARTS.find((each) => shownStep(state) <= total / each) || 1);
}

/** How much of the phase is done, from 0 to 1. */
export function shareDone(state) {
  const { news, replay } = state;
  if (isReplaying(state)) return replay.limit / news.total_steps || 0;
  return news.phase === "done" ? 1 : news.progress || 0;
}

/** Whether a run is at work of which nobody knows how far its phase has come. */
export const isUnmeasured = ({ news, replay, tables }) =>
  !replay && news.progress == null && tables.states[news.state].live && news.phase !== "done";

/** Names of the buttons that do something now. */
export function buttons(state) {
  const { news, replay, evaluations } = state;
  const names = [...news.buttons];
  if (isReplaying(state)) return names;
  if (replay) names.push("replay");
  if (news.phase === "done" && evaluations.length > 0) names.push("results");
  return names;
}

/** Whether two states differ in what the charts show. */
export function chartsDiffer(before, after) {
  if (!before.news !== !after.news || limit(before) !== limit(after)) return true;
  if (before.news?.total_steps !== after.news?.total_steps) return true;
  return ["run", "points", "evaluations", "baselines"].some((name) => before[name] !== after[name]);
}
