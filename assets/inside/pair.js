// The pair of sentences that the panels about answers are asked of, and one change to its second sentence at a time.

import { _, N_ } from "../language.js";
import { html } from "./page.js";

const EXAMPLE = {
  first: "Anna sold the boat to Ben for nine pounds.",
  second: "Ben bought the boat from Anna for nine pounds.",
};
const NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
const AUXILIARY = /\b(is|was|are|were|has|had|have|will|can|could|did|does|do|should|must)\b/i;
const NAME = /\b[A-Z][a-z]+\b/g;
const REST = 350;

export class Pair {
  constructor(place, address) {
    this.listeners = [];
    this.inputs = ["first", "second"].map((name, index) => {
      const value = new URLSearchParams(location.search).get("ab"[index]) || EXAMPLE[name];
      const input = html("input", { type: "text", value, maxlength: 5000 });
      input.addEventListener("input", () => this.later());
      return input;
    });
    this.address = address;
    this.chips = html("div", {
      class: "inside-chips",
      role: "group",
      "aria-label": _("Change one thing in sentence 2"),
    });
    place.replaceChildren(
      ...this.inputs.map((input, index) =>
        html("label", { class: "inside-sentence" }, _("Sentence {place}", { place: index + 1 }), " ", input),
      ),
      this.chips,
    );
    this.offer();
  }

  value() {
    const [first, second] = this.inputs.map((input) => input.value);
    return { first, second };
  }

  /** `then` is called whenever the pair has become another one. */
  changed(then) {
    this.listeners.push(then);
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell(), REST);
  }

  tell() {
    this.offer();
    const { first, second } = this.value();
    this.address({ a: first, b: second });
    for (const then of this.listeners) then();
  }

  offer() {
    const { second } = this.value();
    const chips = Object.entries(CHANGES).map(([label, change]) => {
      const changed = change(second);
      return html(
        "button",
        {
          type: "button",
          class: "live-button",
          disabled: changed === second,
          onclick: () => {
            this.inputs[1].value = changed;
            this.tell();
          },
        },
        _(label),
      );
    });
    this.chips.replaceChildren(_("Change sentence 2:"), " ", ...chips);
  }
}

/** The first two different names change places. */
export function swapNames(sentence) {
  const names = [...new Set(sentence.match(NAME) || [])].filter((name, index) => index > 0 || !ARTICLES.has(name));
  if (names.length < 2) return sentence;
  const [one, other] = names;
  return sentence.replace(NAME, (name) => (name === one ? other : name === other ? one : name));
}

const ARTICLES = new Set([
  "The",
  "A",
  "An",
  "This",
  "That",
  "It",
  "In",
  "On",
  "At",
  "He",
  "She",
  "They",
  "We",
  "There",
]);

/** "not" after the first auxiliary verb, or taken away where it stands. */
export function negate(sentence) {
  if (/\bnot /.test(sentence)) return sentence.replace(/\bnot /, "");
  return AUXILIARY.test(sentence) ? sentence.replace(AUXILIARY, "$1 not") : sentence;
}

/** The first number, in digits or in words, becomes the next one. */
export function anotherNumber(sentence) {
  const words = new RegExp(`\\d+|\\b(${NUMBERS.join("|")})\\b`);
  return sentence.replace(words, (found) => {
    const place = NUMBERS.indexOf(found);
    return place < 0 ? String(Number(found) + 1) : NUMBERS[(place + 1) % NUMBERS.length];
  });
}

const CHANGES = {
  [N_("swap the names")]: swapNames,
  [N_("negate")]: negate,
  [N_("another number")]: anotherNumber,
};
