// BERT's encoder as a map: a row a layer, the last on top; a button a matrix.

import { _ } from "../language.js";
import { html, matrixName, ROLES, short } from "./page.js";

export class MapPanel {
  constructor(place, choose) {
    this.place = place;
    this.choose = choose;
  }

  /** `spectrum` is the change of every adapted matrix; `chosen` the matrix that is looked at. */
  show(spectrum, chosen) {
    this.change = new Map(spectrum.changes.map((one) => [`${one.layer}.${one.role}`, one.norm / one.base_norm]));
    this.largest = Math.max(...this.change.values(), 1e-9);
    const roles = Object.entries(ROLES);
    const head = html("tr", {}, html("td"), ...roles.map(([, name]) => html("th", { scope: "col" }, _(name))));
    const rows = Array.from({ length: spectrum.layers }, (row, number) => spectrum.layers - 1 - number).map((layer) =>
      html(
        "tr",
        {},
        html("th", { scope: "row" }, _("layer {n}", { n: layer + 1 })),
        ...roles.map(([role]) => html("td", {}, this.button({ layer, role }))),
      ),
    );
    this.place.replaceChildren(
      html("div", { class: "inside-scroll" }, html("table", { class: "inside-map" }, head, ...rows)),
    );
    this.mark(chosen);
  }

  button(matrix) {
    const change = this.change.get(`${matrix.layer}.${matrix.role}`);
    const words = change === undefined ? "-" : short(100 * change, 2);
    const button = html(
      "button",
      {
        type: "button",
        "aria-label":
          change === undefined
            ? _("{matrix}: not adapted", { matrix: matrixName(matrix) })
            : _("{matrix}: changed by {share} per cent", { matrix: matrixName(matrix), share: words }),
        onclick: () => {
          this.mark(matrix);
          this.choose(matrix);
        },
      },
      words,
    );
    button.dataset.matrix = `${matrix.layer}.${matrix.role}`;
    button.style.setProperty("--share", change === undefined ? 0 : change / this.largest);
    return button;
  }

  mark({ layer, role }) {
    for (const button of this.place.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", button.dataset.matrix === `${layer}.${role}`);
    }
  }
}
