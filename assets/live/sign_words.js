// What a sign means and what to do, in words, and which of the five recorded failures shows it.

import { _, local } from "../language.js";

const loss = (value) => local(value.toFixed(2));
const answer = { 0: _("different"), 1: _("same") };

/** By kind: `name`, the recorded `failure`, `seen` (what was seen, with its numbers) and what `todo`. */
export const SIGNS = {
  diverged: {
    name: _("Diverged"),
    failure: "learning_rate",
    seen: (sign) =>
      sign.loss === null
        ? _("the loss became no number at all")
        : _("the training loss is {loss} and does not come back; answering without reading has {chance}", {
            loss: loss(sign.loss),
            chance: loss(sign.chance),
          }),
    todo: () => _("Start again with a smaller learning rate or a longer warm-up."),
  },
  "in both": {
    name: _("Too good"),
    failure: "leakage",
    seen: (sign) =>
      _(
        "{count} of {validation} validation pairs are trained on as well, so that the score says what was learned by heart",
        sign,
      ),
    todo: () => _("Take them out of one of the two before you believe a number."),
  },
  collapsed: {
    name: _("One answer for all"),
    failure: "majority",
    seen: ({ answer: only }) =>
      only === null
        ? _("Matthews' correlation is exactly 0, what always giving the same answer has")
        : _('every validation pair was answered "{answer}", so that the accuracy is only that label\'s share', {
            answer: answer[only],
          }),
    todo: () => _("Adapt more layers, train longer, or raise the learning rate a little."),
  },
  "at chance": {
    name: _("Nothing learned yet"),
    failure: "majority",
    seen: (sign) =>
      _("the training loss is {loss}, and answering without reading has {chance}", {
        loss: loss(sign.loss),
        chance: loss(sign.chance),
      }),
    todo: ({ isOver }) =>
      isOver
        ? _("Train longer, on more pairs, or raise the learning rate a little.")
        : _("Wait: it may let go late, even after half of the steps. If it does not, train longer or on more pairs."),
  },
  "by heart": {
    name: _("Learned by heart"),
    failure: "shuffled",
    seen: (sign) =>
      _(
        "the training loss fell to {loss}, but the validation pairs are guessed (Matthews' correlation {correlation})",
        {
          loss: loss(sign.loss),
          correlation: loss(sign.correlation),
        },
      ),
    todo: () => _("Look at some labels: they may be wrong, or shuffled."),
  },
  overfitted: {
    name: _("Overfitting"),
    failure: "overfitting",
    seen: (sign) =>
      _("the validation loss rose from {from} (step {step}) to {to} while the training loss went on falling", {
        from: loss(sign.from),
        step: sign.step,
        to: loss(sign.to),
      }),
    todo: () => _("The best epoch is kept; next time take fewer epochs or more pairs."),
  },
  "too good": {
    name: _("Too good"),
    failure: "leakage",
    seen: (sign) =>
      _("{share} % of the validation pairs are right, more than people agree on", {
        share: local((100 * sign.accuracy).toFixed(1)),
      }),
    todo: () => _("Look whether validation pairs, or near copies of them, are trained on."),
  },
};

/** What is said of a sign: {text, failure}; of none, which signs there are. */
export function signWords(sign) {
  if (!sign) return { text: NO_SIGN, failure: "" };
  const { name, failure, seen, todo } = SIGNS[sign.kind];
  return { text: _("{name}: {seen}. {todo}", { name, seen: seen(sign), todo: todo(sign) }), failure };
}

export const NO_SIGN = _(
  "No sign of trouble so far. Told here would be: a loss that runs away, one answer for all, nothing learned, learning by heart, overfitting, and what is too good to be true.",
);
export const SEE_FAILURE = _("See a run that failed like this");
