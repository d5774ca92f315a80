// What a sign means and what to do, in words, and which of the five recorded failures shows it.

const loss = (value) => value.toFixed(2);
const answer = { 0: "different", 1: "same" };

/** By kind: `name`, the recorded `failure`, `seen` (what was seen, with its numbers) and what `todo`. */
export const SIGNS = {
  diverged: {
    name: "Diverged",
    failure: "learning_rate",
    seen: (sign) =>
      sign.loss === null
        ? "the loss became no number at all"
        : `the training loss is ${loss(sign.loss)} and does not come back; answering without reading has ${loss(sign.chance)}`,
    todo: () => "Start again with a smaller learning rate or a longer warm-up.",
  },
  "in both": {
    name: "Too good",
    failure: "leakage",
    seen: (sign) =>
      `${sign.count} of ${sign.validation} validation pairs are trained on as well, so that the score says what was learned by heart`,
    todo: () => "Take them out of one of the two before you believe a number.",
  },
  collapsed: {
    name: "One answer for all",
    failure: "majority",
    seen: ({ answer: only }) =>
      only === null
        ? "Matthews' correlation is exactly 0, what always giving the same answer has"
        : `every validation pair was answered "${answer[only]}", so that the accuracy is only that label's share`,
    todo: () => "Adapt more layers, train longer, or raise the learning rate a little.",
  },
  "at chance": {
    name: "Nothing learned yet",
    failure: "majority",
    seen: (sign) => `the training loss is ${loss(sign.loss)}, and answering without reading has ${loss(sign.chance)}`,
    todo: ({ isOver }) =>
      isOver
        ? "Train longer, on more pairs, or raise the learning rate a little."
        : "Wait: it may let go late, even after half of the steps. If it does not, train longer or on more pairs.",
  },
  "by heart": {
    name: "Learned by heart",
    failure: "shuffled",
    seen: (sign) =>
      `the training loss fell to ${loss(sign.loss)}, but the validation pairs are guessed (Matthews' correlation ${loss(sign.correlation)})`,
    todo: () => "Look at some labels: they may be wrong, or shuffled.",
  },
  overfitted: {
    name: "Overfitting",
    failure: "overfitting",
    seen: (sign) =>
      `the validation loss rose from ${loss(sign.from)} (step ${sign.step}) to ${loss(sign.to)} while the training loss went on falling`,
    todo: () => "The best epoch is kept; next time take fewer epochs or more pairs.",
  },
  "too good": {
    name: "Too good",
    failure: "leakage",
    seen: (sign) =>
      `${(100 * sign.accuracy).toFixed(1)} % of the validation pairs are right, more than people agree on`,
    todo: () => "Look whether validation pairs, or near copies of them, are trained on.",
  },
};

/** What is said of a sign: {text, failure}; of none, which signs there are. */
export function signWords(sign) {
  if (!sign) return { text: NO_SIGN, failure: "" };
  const { name, failure, seen, todo } = SIGNS[sign.kind];
  return { text: `${name}: ${seen(sign)}. ${todo(sign)}`, failure };
}

export const NO_SIGN =
  "No sign of trouble so far. Told here would be: a loss that runs away, one answer for all, nothing learned, learning by heart, overfitting, and what is too good to be true.";
export const SEE_FAILURE = "See a run that failed like this";
