// The room as one more answerer: its accuracy beside the models' on the same pairs, agreement, phenomena, disagreements.

import { html, numbers } from "../inside/page.js";
import * as words from "./words.js";

const READING_AGAIN = 1500;

export class RoomPanel {
  constructor(place, { ask }) {
    Object.assign(this, { place, ask });
  }

  show({ run }) {
    this.run = run;
    this.place.replaceChildren();
    return this.refresh();
  }

  async refresh() {
    const { run } = this;
    try {
      const report = await this.ask("room", { run });
      if (run !== this.run || !this.place.isConnected) return;
      this.draw(report);
      if (report.reading) setTimeout(() => run === this.run && this.place.isConnected && this.refresh(), READING_AGAIN);
    } catch (error) {
      this.place.replaceChildren(html("p", { role: "status" }, error.message));
    }
  }

  draw(report) {
    const { scores, mine, missing, ended, enough } = report;
    const lines = [words.judged(report)];
    if (mine) lines.push(words.own(mine));
    if (!ended) lines.push(words.NOT_ENDED);
    else if (enough && !scores) lines.push(words.NO_PAIRS);
    if (missing) lines.push(missing);
    const said = html("p", { class: "class-told", role: "status" }, lines.join(" "));
    this.place.replaceChildren(...(scores ? this.scored(scores) : []), said);
  }

  scored(scores) {
    return [
      html("p", { class: "class-headline" }, words.room(scores)),
      html("figure", {}, html("figcaption", {}, words.ON_THESE), ...answerers(scores).map((row) => this.bar(row))),
      html("p", {}, words.agreement(scores), " ", words.INTERVALS),
      numbers(words.ON_THESE, words.ROOM_COLUMNS, answerers(scores).map(cells)),
      ...(scores.phenomena.length
        ? [named(words.PHENOMENA, numbers(words.PHENOMENA, words.PHENOMENON_COLUMNS, scores.phenomena.map(phenomenon)))]
        : []),
      this.disagreements(scores.disagreements),
    ];
  }

  bar({ who, share, isRoom }) {
    const filled = html("span");
    filled.style.width = `${100 * share}%`;
    return html(
      "div",
      { class: isRoom ? "class-bar class-bar-room" : "class-bar" },
      html("span", {}, who),
      html("span", { class: "class-track", "aria-hidden": "true" }, filled),
      html("b", {}, words.three(share)),
    );
  }

  disagreements(pairs) {
    if (!pairs.length) return html("p", {}, words.AGREE);
    const sentence = (text) => html("p", { class: "class-sentence", dir: "auto" }, text);
    const items = pairs.map((pair) =>
      html(
        "li",
        {},
        ...(pair.sentence1 ? [sentence(pair.sentence1), sentence(pair.sentence2)] : []),
        html("p", {}, words.division(pair)),
      ),
    );
    return html("details", { class: "class-disagree" }, html("summary", {}, words.DISAGREE), html("ol", {}, ...items));
  }
}

/** Everybody who answered the judged pairs, the best first. */
export function answerers({
  accuracy,
  accuracy_ci95: ends,
  single_accuracy: single,
  single_accuracy_ci95: of,
  models,
}) {
  const rows = Object.entries(models).map(([name, share]) => ({ who: words.ANSWERERS[name] ?? name, share }));
  rows.push({ who: words.ROOM, share: accuracy, ends, isRoom: true }, { who: words.ALONE, share: single, ends: of });
  return rows.sort((one, other) => other.share - one.share);
}

/** A closed table that says what it holds. */
function named(text, table) {
  table.querySelector("summary").textContent = text;
  return table;
}

const cells = ({ who, share, ends }) => [who, words.three(share), ends ? words.interval(ends) : "–"];

const phenomenon = ({ name, accuracy, finetuned, pairs, judgements }) => [
  name,
  words.two(accuracy),
  words.two(finetuned),
  pairs,
  judgements,
];
