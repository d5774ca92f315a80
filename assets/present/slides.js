// Puts the live view's state into the presenter's steps. Text is only ever set as textContent, never as HTML.

import { GuessPanel } from "../class/guess.js";
import { RoomPanel } from "../class/room.js";
import { count, judges } from "../class/words.js";
import { local } from "../language.js";
import { lossChart, scoreChart } from "../live/charts.js";
import { isReplaying, shownEvaluations, shownWatched } from "../live/state.js";
import { scoreKey, showAnswer, watchedRow } from "../live/view.js";
import * as live from "../live/words.js";
import { enlarged } from "./large.js";
import { outcome, STEPS } from "./steps.js";
import { CLOSED, fact, noResult, ONE_SEED, spoken, STEP_NAMES, STILL_OPEN } from "./words.js";

const STILL = { staticPlot: true, displayModeBar: false, responsive: true };
const CHART_FONT = 14; // pixels of the dialog's text at which a chart is as large as in the live view
const DIGITS = 3;

export class Slides {
  /** `phases` explains each phase; `common` is how the panels of a class ask. */
  constructor(dialog, phases, common) {
    this.dialog = dialog;
    this.phases = phases;
    this.strip = new GuessPanel(this.at("strip"), common);
    this.room = new RoomPanel(this.at("room"), common);
    this.roomOf = "";
    this.at("steps").replaceChildren(...STEPS.map(stepButton));
    // a longer sentence above leaves a chart less room, of which Plotly learns from the window alone
    const fit = new ResizeObserver((seen) =>
      seen.forEach(({ target }) => target.data && window.Plotly.Plots.resize(target)),
    );
    for (const name of ["loss", "score"]) fit.observe(this.at(name));
  }

  at(name) {
    return this.dialog.querySelector(`[data-part="${name}"]`);
  }

  /** Shows one step, and where it stands among the others. */
  choose(step) {
    this.step = step;
    this.dialog.dataset.shown = step;
    for (const section of this.dialog.querySelectorAll("[data-step]")) section.hidden = section.dataset.step !== step;
    for (const button of this.dialog.querySelectorAll("[data-go]")) {
      if (button.dataset.go === step) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    }
    const place = STEPS.indexOf(step);
    this.dialog.querySelector('[data-action="back"]').disabled = place === 0;
    this.dialog.querySelector('[data-action="next"]').disabled = place === STEPS.length - 1;
    this.at("spoken").textContent = spoken(step, place + 1, STEPS.length);
  }

  /** Shows a state of the run; the steps that are not seen are filled as well, their charts are not drawn. */
  show(state) {
    this.at("title").textContent = live.title(state);
    if (!state.news) return;
    if (!this.at("score-key").hasChildNodes()) this.at("score-key").append(...scoreKey(state.tables));
    const badge = this.at("badge");
    badge.textContent = live.badge(state);
    badge.dataset.state = state.replay ? "recorded" : state.news.state;
    this.showPhase(state);
    this.showPairs(state);
    this.showResult(state);
    this.showClass(state);
    if (this.step === "live") this.draw(state);
  }

  showPhase(state) {
    this.at("phase").textContent = live.phase(state);
    const phase = state.news.state === "queued" ? "queued" : state.news.phase;
    this.at("explained").textContent = this.phases[isReplaying(state) ? "training" : phase] || "";
    const facts = [
      [live.STEP, live.step(state)],
      [live.EPOCH, live.epoch(state)],
      [live.TIME, live.timeLeft(state)],
    ];
    const known = facts.filter(([, text]) => text !== live.NONE);
    this.at("facts").textContent = known.map(([name, text]) => fact(name, text)).join(" · ");
  }

  showPairs(state) {
    const list = this.at("pairs");
    if (state.pairs !== this.pairs) {
      this.pairs = state.pairs;
      list.replaceChildren(...state.pairs.map(watchedRow));
    }
    this.at("pairs-when").textContent = live.watchedWhen(state);
    const last = shownWatched(state).at(-1);
    if (last) state.pairs.forEach((pair, index) => showAnswer(list.children[index], pair, last[1][index]));
  }

  showResult(state) {
    const isOver = !isReplaying(state) && state.news.phase === "done";
    this.at("verdict").textContent = (isOver && state.news.verdict) || noResult(live.phase(state));
    this.at("caution").textContent = isOver && state.news.verdict ? ONE_SEED : "";
    const found = outcome(state, shownEvaluations(state));
    const numbers = found
      ? [
          bigNumber(live.answererLabel(state, found.before), found.from),
          bigNumber(live.answererLabel(state, "finetuned"), found.to, "own"),
        ]
      : [];
    this.at("numbers").replaceChildren(...numbers);
  }

  /** How many have guessed and judged; the guesses beside the outcome, and the room, once they may be seen. */
  showClass({ run, news }) {
    const { open, guesses, judges: judging } = news.class;
    const ended = Boolean(news.verdict) || news.phase === "done";
    this.at("guessed").textContent = count(guesses);
    this.at("guess-open").textContent = open ? STILL_OPEN : CLOSED;
    this.at("judged").textContent = judges(judging);
    if (!open && this.step === "result") this.strip.show({ run, open, ended, guesses });
    const roomOf = `${run} ${judging} ${ended}`;
    if (this.step !== "judge" || roomOf === this.roomOf) return;
    this.roomOf = roomOf;
    this.room.show({ run });
  }

  /** Draws both charts, once Plotly is there. */
  draw(state) {
    if (!window.Plotly || !state.news) return;
    const palette = getComputedStyle(document.body);
    const scale = parseFloat(getComputedStyle(this.dialog).fontSize) / CHART_FONT;
    const look = {
      colour: (name) => palette.getPropertyValue(`--q-${name}`).trim(),
      isNarrow: false,
      smoothing: 0.9,
      scale,
    };
    for (const [name, chart] of Object.entries({ loss: lossChart, score: scoreChart })) {
      const { traces, layout } = enlarged(chart(state, look), scale);
      window.Plotly.react(this.at(name), traces, layout, STILL);
    }
    this.at("score-title").textContent = live.scoreTitle(state);
  }
}

function stepButton(step) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.go = step;
  button.textContent = STEP_NAMES[step];
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function bigNumber(label, value, kind = "") {
  const figure = document.createElement("p");
  figure.dataset.kind = kind;
  const number = document.createElement("strong");
  number.textContent = local(value.toFixed(DIGITS));
  figure.append(number, ` ${label}`);
  return figure;
}
