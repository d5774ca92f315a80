// Small things that every panel makes: elements, drawings, tables. Text is only ever set as textContent.

import { _, local, N_ } from "../language.js";

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element: attributes, then children, which may be text. */
export function html(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** An SVG element. */
export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** The options of a select, `[label, value]` each; keeps to `value` where there is one. */
export function fill(select, options, value) {
  select.replaceChildren(...options.map(([label, each]) => html("option", { value: each }, label)));
  if (options.some(([, each]) => each === value)) select.value = value;
}

/** The same numbers as a table, closed at first: for screen readers, and for whoever wants to copy them. */
export function numbers(caption, columns, rows) {
  const head = html("tr", {}, ...columns.map((column) => html("th", { scope: "col" }, column)));
  const body = rows.map(([first, ...others]) =>
    html("tr", {}, html("th", { scope: "row" }, String(first)), ...others.map((each) => html("td", {}, String(each)))),
  );
  return html(
    "details",
    { class: "inside-numbers" },
    html("summary", {}, _("The numbers as a table")),
    html(
      "div",
      { class: "inside-scroll", tabindex: 0, role: "region", "aria-label": caption },
      html("table", {}, html("caption", {}, caption), html("thead", {}, head), html("tbody", {}, ...body)),
    ),
  );
}

/** Calls `then` when an element is first seen, or `again` each time that it comes into sight. */
export function whenSeen(element, then, { again = false } = {}) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    if (!again) observer.disconnect();
    then();
  });
  observer.observe(element);
}

/** A whole or broken number that an address (its part from the "?" on) names, within limits; else `otherwise`. */
export function named(address, name, least, most, otherwise) {
  const text = new URLSearchParams(address).get(name);
  const value = Number(text);
  return text?.trim() && value >= least && value <= most ? value : otherwise;
}

/** A number in as few digits as say it. */
export function short(value, digits = 3) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e5 ? local(Number(value.toPrecision(digits))) : local(value.toExponential(digits - 1));
}

export const ROLES = {
  "attention.self.query": N_("query"),
  "attention.self.key": N_("key"),
  "attention.self.value": N_("value"),
  "attention.output.dense": N_("attention output"),
  "intermediate.dense": N_("feed-forward in"),
  "output.dense": N_("feed-forward out"),
};

/** What a matrix is called. */
export function matrixName({ layer, role }) {
  return _("layer {n}, {role}", { n: layer + 1, role: _(ROLES[role] ?? role) });
}
