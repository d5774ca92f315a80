// A curve of five points that is drawn by pointer or by keyboard, and what of it needs no page.

import { numbers, svg } from "../inside/page.js";
import { local } from "../language.js";
import * as words from "./words.js";

export const WIDTH = 320;
export const HEIGHT = 150;
const LEFT = 44;
const TOP = 10;
const BOTTOM = HEIGHT - 24;
const STEPS = { ArrowUp: 0.01, ArrowDown: -0.01, PageUp: 0.1, PageDown: -0.1 };

const rounded = (share) => Math.round(Math.min(1, Math.max(0, share)) * 100) / 100;
export const xOf = (index) => LEFT + (index * (WIDTH - LEFT - 14)) / 4;
export const yOf = (share) => BOTTOM - share * (BOTTOM - TOP);

/** The point and the share that a place in the drawing stands for. */
export function pointAt(x, y) {
  const index = Math.min(4, Math.max(0, Math.round((4 * (x - LEFT)) / (WIDTH - LEFT - 14))));
  return [index, rounded((BOTTOM - y) / (BOTTOM - TOP))];
}

/** The shares after one was set. Until somebody has drawn, what lies between the ends follows them in a straight line. */
export function withPoint(curve, index, share, isDrawn) {
  const next = curve.map((each, place) => (place === index ? rounded(share) : each));
  return isDrawn ? next : next.map((each, place) => rounded(next[0] + ((next[4] - next[0]) * place) / 4));
}

/** The share after a key, null where it moves nothing. */
export function afterKey(key, share) {
  if (key === "Home") return 0;
  if (key === "End") return 1;
  return key in STEPS ? rounded(share + STEPS[key]) : null;
}

const lines = (share) => [
  svg("line", { x1: LEFT, x2: WIDTH - 10, y1: yOf(share), y2: yOf(share), class: "class-grid" }),
  svg("text", { x: LEFT - 18, y: yOf(share) + 4, "text-anchor": "end" }, local(share.toFixed(1))),
];
const grid = () => [0, 0.5, 1].flatMap(lines);

/** A guess as the five shares of its curve; a straight line where none was drawn. */
export function curveOf({ before, between, after }) {
  return [before, ...(between ?? [1, 2, 3].map((place) => rounded(before + ((after - before) * place) / 4))), after];
}

/** The guesses whose curves are shown: those that were drawn, and one's own; none where nobody has drawn one. */
function shownGuesses(guesses) {
  return guesses.some(({ between }) => between) ? guesses.filter(({ between, mine }) => between || mine) : [];
}

/** The curves that were drawn, one's own, and how it really went, as a drawing and as tables; nothing where nobody has
 * drawn one. */
export function curves({ guesses, course }) {
  const drawn = shownGuesses(guesses);
  if (!drawn.length) return [];
  const line = (points, name) => svg("polyline", { points: points.map((at) => at.join(",")).join(" "), class: name });
  const shown = [...drawn]
    .sort((one, other) => one.mine - other.mine) // one's own above the others
    .map((guess) =>
      line(
        curveOf(guess).map((share, index) => [xOf(index), yOf(share)]),
        guess.mine ? "class-curve" : "class-curve class-others",
      ),
    );
  const measured = course.map(([share, accuracy]) => [xOf(4 * share), yOf(accuracy)]);
  return [
    svg(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        class: "class-drawing class-drawn",
        role: "img",
        "aria-label": words.CURVES,
      },
      ...grid(),
      ...shown,
      line(measured, "class-curve class-course"),
    ),
    numbers(words.CURVES, words.CURVE_COLUMNS, curveTable(guesses)),
    ...(course.length ? [numbers(words.COURSE, words.COURSE_COLUMNS, courseTable(course))] : []),
  ];
}

/** Rows: a curve each, its five shares, and whether it is one's own. */
export function curveTable(guesses) {
  return shownGuesses(guesses).map((guess, index) => [
    index + 1,
    ...curveOf(guess).map(words.two),
    guess.mine ? words.YOURS : "",
  ]);
}

/** Rows: how much of the training was done, and the accuracy that was measured then. */
export const courseTable = (course) => course.map(([share, accuracy]) => [words.two(share), words.three(accuracy)]);

/** The drawing, and its numbers as a table; `changed(index, share)` is told where a point was put. */
export class Curve {
  constructor(changed) {
    this.changed = changed;
    this.path = svg("polyline", { class: "class-curve" });
    this.handles = words.POINTS.map((name, index) =>
      svg("circle", {
        r: 9,
        tabindex: 0,
        role: "slider",
        class: "class-handle",
        "aria-orientation": "vertical",
        "aria-label": name,
        "aria-valuemin": 0,
        "aria-valuemax": 1,
        onkeydown: (event) => this.pressed(event, index),
      }),
    );
    this.element = svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "class-drawing", role: "group", "aria-label": words.CURVE },
      ...grid(),
      this.path,
      ...this.handles,
    );
    this.table = numbers(
      words.CURVE,
      words.POINT_COLUMNS,
      words.POINTS.map((name) => [name, ""]),
    );
    this.element.addEventListener("pointerdown", (event) => {
      this.element.setPointerCapture(event.pointerId);
      this.grabbed = this.put(event);
      this.handles[this.grabbed].focus({ preventScroll: true });
    });
    this.element.addEventListener("pointermove", (event) => {
      if (this.element.hasPointerCapture(event.pointerId)) this.put(event, this.grabbed);
    });
  }

  put(event, grabbed) {
    const box = this.element.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    const [index, share] = pointAt(x, ((event.clientY - box.top) / box.height) * HEIGHT);
    const point = grabbed ?? index;
    this.changed(point, share);
    return point;
  }

  pressed(event, index) {
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      this.handles[index + (event.key === "ArrowLeft" ? -1 : 1)]?.focus();
    } else {
      const share = afterKey(event.key, this.curve[index]);
      if (share === null) return;
      this.changed(index, share);
    }
    event.preventDefault();
  }

  show(curve) {
    this.curve = curve;
    this.path.setAttribute("points", curve.map((share, index) => `${xOf(index)},${yOf(share)}`).join(" "));
    this.table.querySelectorAll("td").forEach((cell, index) => (cell.textContent = words.two(curve[index])));
    this.handles.forEach((handle, index) => {
      handle.setAttribute("cx", xOf(index));
      handle.setAttribute("cy", yOf(curve[index]));
      handle.setAttribute("aria-valuenow", curve[index]);
      handle.setAttribute("aria-valuetext", words.point(words.POINTS[index], curve[index]));
    });
  }
}
