// Be the judge: pairs are answered blind, one after the other, by two keys or two large buttons. Which pairs, and how many
// are answered, the server knows: it goes on wherever it was left.

import { html } from "../inside/page.js";
import * as words from "./words.js";

const READING_AGAIN = 1500;
const LABELS = { 1: 1, 2: 0 }; // by key

export class JudgePanel {
  /** `judged` is told when the last pair was answered. */
  constructor(place, { ask }, judged = () => {}) {
    Object.assign(this, { place, ask, judged, run: "", pair: null });
    document.addEventListener("keydown", (event) => this.pressed(event));
  }

  /** Offers to judge a run's pairs; what is under way for the same run stays. */
  show({ run }) {
    if (run === this.run) return;
    Object.assign(this, { run, pair: null });
    this.place.replaceChildren(
      html(
        "details",
        { class: "class-judge" },
        html("summary", {}, words.JUDGE),
        html("p", {}, words.JUDGE_HOW),
        html("button", { type: "button", class: "class-button", onclick: () => this.next() }, words.BEGIN),
      ),
    );
  }

  /** Shows the pair that is asked now, once the answer to the one before is written down. */
  async next(answer = {}) {
    const { run } = this;
    for (const button of this.place.querySelectorAll("button")) button.disabled = true;
    this.pair = null;
    let asked;
    try {
      asked = await this.ask("judge", { run, ...answer });
    } catch (error) {
      if (run === this.run) this.say(error.message, words.GO_ON);
      return;
    }
    if (run !== this.run) return;
    if (asked.reading) {
      this.say(words.READING);
      setTimeout(() => run === this.run && this.next(), READING_AGAIN);
    } else if (asked.pair === undefined) {
      this.say(`${words.JUDGED} ${words.LATER}`);
      this.judged();
    } else {
      this.showPair(asked);
    }
  }

  showPair({ pair, sentence1, sentence2, done, of }) {
    this.pair = pair;
    const sentence = (text) => html("p", { class: "class-sentence", dir: "auto" }, text);
    const button = (label, name) =>
      html(
        "button",
        { type: "button", class: "class-answer", onclick: () => this.answer(label) },
        name,
        html("kbd", {}, words.KEYS[label]),
      );
    const question = html("p", { class: "class-question", tabindex: -1 }, words.QUESTION);
    this.put(
      html("p", { class: "class-progress" }, words.progress(done, of)),
      html("progress", { value: done, max: of, "aria-hidden": "true" }),
      question,
      sentence(sentence1),
      sentence(sentence2),
      html("div", { class: "class-answers" }, button(1, words.SAME), button(0, words.DIFFERENT)),
    );
    question.focus({ preventScroll: true }); // what is read out next, and away from the button that was pressed
    this.place.scrollIntoView({ block: "nearest" }); // on a phone, both answers would be below the screen's edge
  }

  answer(label) {
    if (this.pair !== null) this.next({ pair: this.pair, label });
  }

  pressed(event) {
    const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable;
    const isMeant = event.key in LABELS && !(event.ctrlKey || event.metaKey || event.altKey || event.repeat);
    const isSeen = this.place.isConnected && this.place.offsetParent !== null;
    if (this.pair === null || isTyping || !isMeant || !isSeen) return;
    event.preventDefault();
    this.answer(LABELS[event.key]);
  }

  say(text, again = "") {
    const button = html("button", { type: "button", class: "class-button", onclick: () => this.next() }, again);
    this.put(html("p", { class: "class-told", role: "status" }, text), ...(again ? [button] : []));
  }

  put(...children) {
    this.place.replaceChildren(
      html("section", { class: "class-judge", "aria-label": words.JUDGE }, html("h3", {}, words.JUDGE), ...children),
    );
  }
}
