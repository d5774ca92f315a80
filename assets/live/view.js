// Puts the state into the page. Text is only ever set as textContent, never as HTML: sentences and names of files come
// from whoever started a run.

import { _, listed, local } from "../language.js";
import { CONFIG, keepingZoom, lossChart, metricLook, rangesOf, rateChart, scoreChart } from "./charts.js";
import { signLine } from "./sign_line.js";
import { signOf } from "./signs.js";
import { buttons, chartsDiffer, isUnmeasured, shareDone, shownCourse, shownWatched } from "./state.js";
import * as words from "./words.js";

const NARROW = 560;
const FACTS = { phase: words.phase, step: words.step, epoch: words.epoch, speed: words.speed, left: words.timeLeft };

export class View {
  /** Elements of live_view.html are found by the name in their data-at or data-action. */
  constructor(element, { follow, tables }) {
    this.element = element;
    this.follow = follow;
    this.given = {}; // by chart, the ranges that its axes were given last
    this.showSign = signLine(this.at("sign"));
    this.shown = { pairs: [], rows: "", note: "", group: null, wanted: "" };
    this.at("columns").append(...tables.metrics.map(({ label }) => headCell("col", label)));
    const charted = words.chartedMetrics({ tables });
    this.at("score-key").append(...scoreKey(tables));
    this.at("score").ariaLabel = _(
      "Chart of validation scores ({scores}) by step, with the baselines; the table below has the numbers",
      { scores: listed(charted.map(({ text }) => text)) },
    );
  }

  at(name) {
    return this.element.querySelector(`[data-at="${name}"]`);
  }

  button(action) {
    return this.element.querySelector(`[data-action="${action}"]`);
  }

  /** Shows a state, and draws where something new is to be drawn since the one `before`. */
  show(state, before) {
    this.at("title").textContent = words.title(state);
    this.showNote(words.note(state));
    this.showWatched(state);
    this.showTable(state);
    this.showGroup(state);
    if (!state.news) return;
    this.showHead(state);
    this.showProgress(shareDone(state), isUnmeasured(state));
    this.showButtons(state);
    this.speak(words.spoken(state));
    this.showSign(signOf(shownCourse(state)));
    if (chartsDiffer(before, state)) this.draw(state);
  }

  showHead(state) {
    const badge = this.at("badge");
    badge.hidden = false;
    badge.textContent = words.badge(state);
    badge.dataset.state = state.replay ? "recorded" : state.news.state;
    this.at("about").textContent = words.settings(state);
    for (const [name, fact] of Object.entries(FACTS)) this.at(name).textContent = fact(state);
  }

  showProgress(share, isOpen) {
    const percent = Math.round(share * 100);
    const progress = this.element.querySelector('[role="progressbar"]');
    if (isOpen) progress.removeAttribute("aria-valuenow");
    else progress.setAttribute("aria-valuenow", percent);
    progress.dataset.unmeasured = isOpen;
    this.at("bar").style.width = `${percent}%`;
  }

  showButtons(state) {
    const offered = buttons(state);
    for (const button of this.element.querySelectorAll("[data-action]")) {
      button.hidden = !offered.includes(button.dataset.action);
    }
    this.button("stop").textContent = words.stopButton(state);
    this.button("pause").textContent = words.pauseButton(state);
    this.button("resume").textContent = words.resumeButton(offered, state.news);
  }

  showNote({ text, watch }) {
    const key = `${text} ${watch}`;
    if (key === this.shown.note) return; // a link that has the focus keeps it
    this.shown.note = key;
    const line = this.at("note");
    line.hidden = !text;
    line.textContent = text;
    if (!watch) return;
    line.append(
      " ",
      this.link(words.WATCH, () => this.follow(watch)),
    );
  }

  /** Says how far the group is that the run belongs to, with ways to its other runs, and to what they came to. */
  showGroup(state) {
    const { group, wanted } = state;
    if (group === this.shown.group && wanted === this.shown.wanted) return;
    Object.assign(this.shown, { group, wanted });
    const line = this.at("group");
    const hadFocus = line.contains(document.activeElement);
    line.hidden = !group?.runs.some(({ run }) => run === wanted);
    if (line.hidden) return;
    const links = tag("span", "live-group-runs");
    links.role = "group";
    links.ariaLabel = words.GROUP;
    links.append(...group.runs.map((one) => this.groupLink(one, state)));
    line.replaceChildren(tag("span", "", words.group(state)), links);
    if (group.done) line.append(this.link(words.TOGETHER, () => window.qlora.openResults(group.done, group.settings)));
    if (hadFocus) links.querySelector("[aria-current]").focus();
  }

  groupLink(one, { wanted, tables }) {
    const link = this.link(String(one.number), () => {
      window.qlora.address({ run: one.run, with: "" });
      this.follow(one.run);
    });
    link.ariaLabel = words.groupRun(one, tables);
    link.title = link.ariaLabel;
    link.dataset.state = one.state;
    if (one.run === wanted) link.ariaCurrent = "true";
    return link;
  }

  link(text, pressed) {
    const link = tag("button", "live-link", text);
    link.type = "button";
    link.addEventListener("click", pressed);
    return link;
  }

  showOwner(text) {
    const line = this.at("owner");
    line.hidden = false;
    line.textContent = text;
  }

  speak(text) {
    const place = this.at("spoken");
    if (place.textContent !== text) place.textContent = text; // what is set again may be read out again
  }

  showTable(state) {
    const rows = words.rows(state);
    const key = JSON.stringify(rows);
    if (key === this.shown.rows) return;
    this.shown.rows = key;
    this.at("rows").replaceChildren(...rows.map(tableRow));
  }

  showWatched(state) {
    const list = this.at("watched");
    if (state.pairs !== this.shown.pairs) {
      this.shown.pairs = state.pairs;
      list.replaceChildren(...state.pairs.map(watchedRow));
    }
    this.at("watched-when").textContent = words.watchedWhen(state);
    const last = shownWatched(state).at(-1);
    if (!last) return;
    state.pairs.forEach((pair, index) => showAnswer(list.children[index], pair, last[1][index]));
  }

  /** Draws the charts, once Plotly is there. */
  draw(state) {
    if (!window.Plotly || !state.news) return;
    const look = this.look();
    const isLearning = state.points.length > 0;
    this.at("rate-figure").hidden = !isLearning; // before it is drawn: what is hidden has no width
    for (const [name, chart] of Object.entries({ loss: lossChart, score: scoreChart, rate: rateChart })) {
      if (chart === rateChart && !isLearning) continue;
      const { traces, layout } = chart(state, look);
      const plot = this.at(name);
      const next = keepingZoom(layout, this.given[name], rangesOf(plot.layout));
      this.given[name] = rangesOf(next);
      window.Plotly.react(plot, traces, next, CONFIG);
    }
    this.at("score-title").textContent = words.scoreTitle(state);
  }

  look() {
    const palette = getComputedStyle(document.body);
    return {
      colour: (name) => palette.getPropertyValue(`--q-${name}`).trim(),
      isNarrow: this.element.clientWidth < NARROW,
      smoothing: Number(this.at("smoothing").value),
    };
  }

  showSmoothing() {
    this.at("smoothing-value").textContent = local(this.look().smoothing.toFixed(2));
  }
}

/** The key of the chart of scores: each metric that is drawn, and the baselines. */
export function scoreKey(tables) {
  const charted = words.chartedMetrics({ tables });
  const keys = charted.flatMap(({ text }, index) => metricKey(text, metricLook(index)));
  return [...keys, _("· dashed: {metric} of the baselines", { metric: charted[0].text })];
}

function tag(name, className = "", text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

/** A metric's mark and name, for the key of the chart of scores. */
function metricKey(text, { colour, mark }) {
  const symbol = tag("span", "live-mark", mark);
  symbol.style.color = `var(--q-${colour})`;
  return [symbol, ` ${text} `];
}

function headCell(scope, text) {
  const cell = tag("th", "", text);
  cell.scope = scope;
  return cell;
}

function tableRow([name, ...texts]) {
  const row = tag("tr");
  row.append(headCell("row", name), ...texts.map((text) => tag("td", "", text)));
  return row;
}

export function watchedRow(pair) {
  const row = tag("li");
  for (const text of [pair.sentence1, pair.sentence2]) {
    const sentence = tag("p", "", text);
    sentence.dir = "auto";
    sentence.title = text;
    row.append(sentence);
  }
  const fill = tag("span", "watch-fill");
  fill.dataset.label = pair.label;
  const track = tag("span", "watch-track");
  track.append(fill);
  const meter = tag("div", "watch-meter");
  meter.append(tag("span", "watch-label", words.pairLabel(pair.label)), track, tag("span", "watch-value"));
  row.append(meter);
  return row;
}

export function showAnswer(row, pair, probability) {
  const isRight = probability > 0.5 === (pair.label === 1);
  row.querySelector(".watch-fill").style.width = `${probability * 100}%`;
  row.querySelector(".watch-value").textContent = words.verdict(probability, isRight);
  row.dataset.right = isRight;
}
