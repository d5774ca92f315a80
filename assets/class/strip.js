// All guesses as a strip of dots beside the outcome, before and after, and the same as a table.

import { html, numbers, svg } from "../inside/page.js";
import * as words from "./words.js";

export const WIDTH = 640;
const LEFT = 60;
const RIGHT = WIDTH - 16;
const DOT = 5;
const ROW = 64;

export const xOf = (share) => LEFT + share * (RIGHT - LEFT);

/** Where dots stand that may not cover each other: beside the axis, those that are too near stacked upwards. Values are
 * ascending shares; a column that is full grows closer. */
export function stacked(shares, room = ROW - 20) {
  const columns = new Map();
  for (const share of shares) {
    const column = Math.round((xOf(share) - LEFT) / (2 * DOT));
    columns.set(column, (columns.get(column) || 0) + 1);
  }
  const most = Math.max(1, ...columns.values());
  const step = Math.min(2 * DOT, room / most);
  const seen = new Map();
  return shares.map((share) => {
    const column = Math.round((xOf(share) - LEFT) / (2 * DOT));
    const height = seen.get(column) || 0;
    seen.set(column, height + 1);
    return { x: LEFT + column * 2 * DOT, up: height * step };
  });
}

const KINDS = ["before", "after"];
const names = () => ({ before: words.GUESSED_BEFORE, after: words.GUESSED_AFTER });

/** `report` is what the server's `guesses` tells once training has begun. */
export function strip(report) {
  const rows = KINDS.flatMap((kind, place) => row(report, kind, (place + 1) * ROW));
  const axis = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    svg("text", { x: xOf(share), y: 2 * ROW + 24, "text-anchor": "middle" }, words.two(share)),
  ]);
  return html(
    "figure",
    { class: "class-strip" },
    html("figcaption", {}, words.STRIP),
    html("p", {}, ...keys(report)),
    svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${2 * ROW + 30}`, role: "img", "aria-label": words.standing(report) },
      ...rows,
      ...axis,
    ),
    html("p", { class: "class-standing" }, words.standing(report)),
    numbers(words.STRIP, words.STRIP_COLUMNS, table(report)),
  );
}

/** What the marks mean, of those that are there. */
function keys({ outcome, guesses }) {
  const key = (name, text) => [html("span", { class: `class-key-${name}`, "aria-hidden": "true" }, text), " "];
  return [
    ...(outcome ? key("outcome", words.KEY_OUTCOME) : []),
    ...key("median", words.KEY_MEDIAN),
    ...(guesses.some(({ mine }) => mine) ? key("mine", words.KEY_MINE) : []),
  ];
}

function row({ guesses, outcome, median }, kind, y) {
  const sorted = [...guesses].sort((one, other) => one[kind] - other[kind]);
  const places = stacked(sorted.map((guess) => guess[kind]));
  const dots = sorted.map((guess, index) =>
    svg("circle", {
      cx: places[index].x,
      cy: y - DOT - 2 - places[index].up,
      r: DOT,
      class: guess.mine ? "class-dot class-mine" : "class-dot",
    }),
  );
  const mark = (share, name) =>
    share == null ? [] : [svg("line", { x1: xOf(share), x2: xOf(share), y1: y - ROW + 14, y2: y + 5, class: name })];
  return [
    svg("text", { x: LEFT - 10, y: y - 4, "text-anchor": "end" }, names()[kind]),
    svg("line", { x1: LEFT, x2: RIGHT, y1: y, y2: y, class: "class-grid" }),
    ...mark(median?.[kind], "class-median"),
    ...dots.sort((one, other) => one.classList.length - other.classList.length), // one's own above the others
    ...mark(outcome?.[kind], "class-outcome"),
  ];
}

/** Rows: the outcome and the median, then every guess. */
export function table({ guesses, outcome, median }) {
  const cells = (name, { before, after }, about) => [
    name,
    before == null ? "–" : words.three(before),
    words.three(after),
    about,
  ];
  return [
    ...(outcome ? [cells(words.OUTCOME, outcome, "")] : []),
    ...(median ? [cells(words.MEDIAN, median, "")] : []),
    ...guesses.map((guess, index) => cells(String(index + 1), guess, whose(guess))),
  ];
}

function whose({ mine, closest }) {
  if (mine) return closest ? words.YOURS_CLOSEST : words.YOURS;
  return closest ? words.CLOSEST : "";
}
