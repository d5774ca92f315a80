// Every sentence about guessing and judging that the page shows.

import { _, local, ngettext } from "../language.js";

export const SILENT = _("The server does not answer. Try again in a moment.");
export const CLASS = _("The class");
export const GUESS_FIRST = _("Guess first");
export const WRITE = _("Write my guess down");
export const CHANGE = _("Change my guess");
export const BEFORE = _("Accuracy before training");
export const AFTER = _("Accuracy after training");
export const CURVE = _("The curve you expect: drag its points, or use the arrow keys");
export const CURVES = _("The curves that were drawn, yours in blue, and how it went, in green");
export const POINTS = [
  _("before training"),
  _("after a quarter of the training"),
  _("after half of the training"),
  _("after three quarters of the training"),
  _("after training"),
];
export const POINT_COLUMNS = [_("when"), _("accuracy")];
export const CURVE_COLUMNS = [_("guess"), ...POINTS, _("whose")];
export const COURSE = _("How it went");
export const COURSE_COLUMNS = [_("share of training"), _("accuracy")];
export const HOW = _("A coin comes to one half. Change your guess as often as you like until training begins.");
export const WRITTEN = _("Your guess is written down.");
export const NOT_COUNTED = _("Nobody has guessed this run.");
export const STRIP = _("What was guessed, and what it came to");
export const GUESSED_BEFORE = _("before");
export const GUESSED_AFTER = _("after");
export const STRIP_COLUMNS = [_("guess"), _("before"), _("after"), _("whose")];
export const KEY_OUTCOME = _("┃ outcome");
export const KEY_MEDIAN = _("┆ median");
export const KEY_MINE = _("● yours");
export const OUTCOME = _("outcome");
export const MEDIAN = _("median");
export const YOURS = _("yours");
export const CLOSEST = _("closest");
export const YOURS_CLOSEST = _("yours, closest");

export const JUDGE = _("Be the judge");
export const JUDGE_HOW = _(
  "Do two sentences say the same? You see neither the label nor what a model answers. It takes about two minutes.",
);
export const BEGIN = _("Begin to judge");
export const GO_ON = _("Go on judging");
export const READING = _("The pairs are being read ...");
export const QUESTION = _("Do these two sentences say the same?");
export const SAME = _("Same");
export const DIFFERENT = _("Different");
export const KEYS = { 1: _("key 1"), 0: _("key 2") };
export const JUDGED = _("You have judged all of your pairs. Thank you.");
export const LATER = _("How the room did is told in Results once a run on these pairs has ended.");

export const ROOM = _("This room");
export const ALONE = _("one person of this room, on average");
export const ON_THESE = _("Accuracy on the very pairs that were judged");
export const ANSWERERS = {
  majority: _("majority class"),
  untrained_head: _("untrained head"),
  linear_probe: _("linear probe"),
  started_from: _("earlier run"),
  finetuned: _("fine-tuned"),
};
export const ROOM_COLUMNS = [_("who"), _("accuracy"), _("95 % interval")];
export const INTERVALS = _(
  "Intervals: judged pairs drawn again, each with all of its judgements (a bootstrap of clusters). They are about other pairs, for these judges.",
);
export const PHENOMENA = _("By phenomenon: this room and the fine-tuned model on the same pairs");
export const PHENOMENON_COLUMNS = [_("phenomenon"), _("this room"), _("fine-tuned"), _("pairs"), _("judgements")];
export const DISAGREE = _("Pairs on which people disagree");
export const AGREE = _("On no pair do people disagree.");
export const NO_KAPPA = _("Agreement cannot be computed: it needs pairs with two judges, and both answers.");
export const NOT_ENDED = _("The run has not ended, so nobody knows yet who was right.");
export const NO_PAIRS = _("None of the judged pairs is among those that this run was measured on.");

export const DELETE = _("Delete everything the class has left behind");
export const REALLY = _("Really delete every guess and judgement, of all runs");
export const KEEP = _("Keep it");

const minus = (text) => text.replace("-", "−");
export const two = (share) => local(minus(share.toFixed(2)));
export const three = (share) => local(minus(share.toFixed(3)));
export const interval = ([low, high]) => _("{low} to {high}", { low: three(low), high: three(high) });

/** The heading beside the live view. */
export const title = (news) => (news.class.open ? GUESS_FIRST : CLASS);

export const count = (guesses) =>
  guesses ? ngettext("{n} browser has guessed.", "{n} browsers have guessed.", guesses) : _("Nobody has guessed yet.");

/** A point of the curve, for those who hear it. */
export const point = (name, share) => _("{name}: {share}", { name, share: two(share) });

/** The line below the strip of guesses. */
export function standing({ guesses, median, outcome, closest_off: off, mine }) {
  if (!guesses.length) return NOT_COUNTED;
  const middle = _("Median: {before} before and {after} after.", {
    before: two(median.before),
    after: two(median.after),
  });
  const said = [count(guesses.length), middle];
  if (outcome) {
    said.push(
      _("It came to {after}; the closest guess was off by {off}.", { after: three(outcome.after), off: three(off) }),
    );
    if (mine) said.push(_("Yours was off by {off}.", { off: three(Math.abs(mine.after - outcome.after)) }));
  } else {
    said.push(_("The outcome stands here once the run has ended."));
  }
  return said.join(" ");
}

export const progress = (done, total) => _("Pair {number} of {total}", { number: done + 1, total });

export const judges = (number) =>
  number ? ngettext("{n} browser has judged.", "{n} browsers have judged.", number) : _("Nobody has judged yet.");

/** Who has judged, and whether that is enough to speak of a room. */
export function judged({ judges: number, judgements, pairs, least, enough }) {
  if (number === 0) return judges(0);
  const said = [judges(number), _("Judgements: {judgements}, of pairs: {pairs}.", { judgements, pairs })];
  if (!enough) {
    const few = _("That is too few to speak of a room: it takes {judgements} judgements by {judges} browsers.", least);
    said.push(few);
  }
  return said.join(" ");
}

/** The room's headline. */
export function room({ accuracy, accuracy_ci95: ends, models, finetuned_gain: gain, finetuned_gain_ci95: between }) {
  const values = {
    accuracy: three(accuracy),
    ends: interval(ends),
    finetuned: three(models.finetuned),
    gain: `${gain >= 0 ? "+" : ""}${three(gain)}`,
    between: interval(between),
  };
  const ofRoom = _("This room: {accuracy} (95 % interval {ends}).", values);
  const mayBeLuck = between[0] <= 0 && between[1] >= 0;
  const ofModel = mayBeLuck
    ? _(
        "The fine-tuned model answers {finetuned} of the same pairs right: {gain} against the room, which may be luck ({between}).",
        values,
      )
    : _(
        "The fine-tuned model answers {finetuned} of the same pairs right: {gain} against the room, more than luck ({between}).",
        values,
      );
  return `${ofRoom} ${ofModel}`;
}

export function agreement({ kappa, kappa_pairs: pairs }) {
  if (kappa === null) return NO_KAPPA;
  return _(
    "Agreement beyond chance, where 0 is chance and 1 full agreement: Fleiss' kappa {kappa}, over {pairs} pairs with two or more judges.",
    { kappa: two(kappa), pairs },
  );
}

export const own = ({ right, pairs }) => _("Of your {pairs} pairs you had {right} right.", { right, pairs });

const labels = { 1: _("same"), 0: _("different") };

/** What was said of a pair that divides the room. */
export const division = ({ same, different, label, finetuned }) =>
  _("Said same: {same}, different: {different}. The label: {label}; the fine-tuned model: {finetuned}.", {
    same,
    different,
    label: labels[label],
    finetuned: labels[finetuned],
  });
