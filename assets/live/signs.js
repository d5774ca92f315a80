// The signs by which one sees that a run goes wrong, from its numbers alone: live, replayed or finished. Nothing here
// touches the page. Losses are cross-entropies in nats; `chance` is the loss of whoever always states the labels' shares,
// which learns nothing: ln 2 where both labels are equally common.

/** A mean over the last tenth of the steps taken, and over ten of them at least: that of one batch is noise. */
const RECENT = 0.1;
export const FEWEST_POINTS = 10;

/** Runs that learn had 1.15 times chance at most (mean of 15 steps, ten runs). */
const DIVERGED = 1.3;
/** An answer that is the same for every pair is common in the first steps, and passes. */
const COLLAPSED_AFTER = 1 / 4;
/** Runs that learn well have stayed at chance for the first third of their steps. */
const LEARNS_BY = 1 / 3;
/** Whoever learns brings the mean of so many steps so many nats below chance; that of 20 batches of 16 scatters by 0.02. */
const WINDOW = 20;
const BELOW_CHANCE = 0.03;
/** The same of a validation loss, which is a mean over hundreds of pairs, and of a training loss that goes on falling. */
const NOISE = 0.01;
/** Matthews' correlation of guessing has a standard deviation of 1 / sqrt(n): 0.05 for the 484 bundled pairs. */
const GUESSING = 0.1;
/** Half of what chance has: the training pairs are known by heart, or understood. */
const KNOWN = 0.5;
/** The recorded `standard` run's validation loss rises by 0.07 while its accuracy still grows: that is no overfitting. The
 * standard error of such a loss is about 0.03, over 484 pairs. */
const WELL_UP = 0.15;
/** Even people who labelled these pairs agree less (83 % on MRPC). */
const NEARLY_PERFECT = 0.985;
/** Pairs on both sides can move the accuracy by their share: below a hundredth nobody would see it. */
const SHARE_IN_BOTH = 0.01;

/** The sign that a run shows, {kind, ...numbers}, or null.
 *
 * points: [last step, mean training loss, ...] in order; evaluations: {step, loss, accuracy, matthews_correlation,
 * only_answer}; baselines: {name, loss}; totalSteps; endedBy: the class of the error that ended it; inBoth: {count,
 * validation} of validation pairs that are trained on. */
export function signOf({ points, evaluations, baselines, totalSteps, endedBy, inBoth }) {
  const run = { points, evaluations, totalSteps, endedBy, inBoth, chance: chanceLoss(baselines) };
  for (const rule of [diverged, trainedOnValidation, collapsed, atChance, byHeart, overfitted, tooGood]) {
    const found = rule(run);
    if (found) return found;
  }
  return null;
}

export const chanceLoss = (baselines) => baselines.find(({ name }) => name === "majority")?.loss ?? Math.LN2;

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The mean training loss of the latest steps up to `step`; null while there are too few. */
export function recentLoss(points, step = Infinity) {
  const losses = points.filter(([at]) => at <= step).map(([, loss]) => loss);
  const size = Math.max(FEWEST_POINTS, Math.round(losses.length * RECENT));
  return losses.length < FEWEST_POINTS ? null : mean(losses.slice(-size));
}

/** The lowest mean training loss of a tenth of the run, counted from its start, so that what was once seen stays seen. */
function lowestLoss({ points, totalSteps }) {
  const perPoint = Math.max(1, points[0]?.[0] ?? 1);
  const size = Math.max(WINDOW, Math.round((totalSteps / perPoint) * RECENT));
  const windows = Array.from({ length: Math.floor(points.length / size) }, (window, index) =>
    points.slice(index * size, (index + 1) * size),
  );
  return Math.min(...windows.map((window) => mean(window.map(([, loss]) => loss))));
}

const shareDone = ({ points, totalSteps }) => (points.at(-1)?.[0] ?? 0) / totalSteps;

function diverged({ points, chance, endedBy }) {
  if (endedBy === "DivergedError") return { kind: "diverged", loss: null, chance };
  const loss = recentLoss(points);
  return loss !== null && loss >= DIVERGED * chance ? { kind: "diverged", loss, chance } : null;
}

function trainedOnValidation({ inBoth }) {
  if (!inBoth || inBoth.count < SHARE_IN_BOTH * inBoth.validation) return null;
  return { kind: "in both", ...inBoth };
}

function collapsed({ evaluations, totalSteps }) {
  const last = evaluations.at(-1);
  if (!last || last.step <= COLLAPSED_AFTER * totalSteps) return null;
  const answer = last.only_answer ?? null;
  return answer !== null || last.matthews_correlation === 0 ? { kind: "collapsed", answer } : null;
}

function atChance(run) {
  const { evaluations, chance } = run;
  if (shareDone(run) < LEARNS_BY || lowestLoss(run) < chance - BELOW_CHANCE) return null;
  const hasLearned = (entry) => entry.loss < chance - NOISE || entry.matthews_correlation > GUESSING;
  const loss = recentLoss(run.points);
  if (loss === null || evaluations.some(hasLearned)) return null;
  return { kind: "at chance", loss, chance, isOver: shareDone(run) >= 1 };
}

/** The training pairs are known, and the validation pairs are guessed as on the first day. */
function byHeart({ points, evaluations, chance }) {
  const loss = recentLoss(points);
  const known = evaluations.map((entry) => entry.matthews_correlation).filter((value) => value != null);
  if (loss === null || known.length < 2 || loss > KNOWN * chance) return null;
  const later = mean(known.slice(Math.floor(known.length / 2)));
  return later < GUESSING ? { kind: "by heart", loss, correlation: later } : null;
}

function overfitted({ points, evaluations, chance }) {
  const last = evaluations.at(-1);
  if (!last) return null;
  const lowest = evaluations.reduce((a, b) => (b.loss < a.loss ? b : a));
  const then = recentLoss(points, lowest.step) ?? chance;
  const now = recentLoss(points, last.step);
  if (now === null || now > then - NOISE || last.loss - lowest.loss < WELL_UP) return null;
  return { kind: "overfitted", from: lowest.loss, to: last.loss, step: lowest.step };
}

function tooGood({ evaluations }) {
  const last = evaluations.at(-1);
  return last && last.accuracy >= NEARLY_PERFECT ? { kind: "too good", accuracy: last.accuracy } : null;
}
