// One block of 64 weights: as they were, as they come back, and what one large weight does to the others.

import { _, grouped, listed } from "../language.js";
import { html, matrixName, named, numbers, short, svg } from "./page.js";
import { quantized, rmsError, withOutlier } from "./quantize.js";

const WIDTH = 660;
const HEIGHT = 300;
const LEFT = 62;
const MARGIN = 12;
const LARGEST_FACTOR = 12;
const MOST_BLOCKS = 1e7;

export class BlockPanel {
  constructor(at, ask) {
    this.place = at("block");
    this.ask = ask;
    // The address counts as people do, from 1.
    this.block = Math.floor(named(location.search, "block", 1, MOST_BLOCKS, 1)) - 1;
    this.weight = Math.floor(named(location.search, "weight", 1, 64, 1)) - 1;
    this.factor = named(location.search, "outlier", 1, LARGEST_FACTOR, 1);
  }

  async show({ layer, role }) {
    const key = `${layer}.${role}`;
    if (this.key !== undefined && this.key !== key) this.leave(0);
    if (this.key === undefined && this.block > 0) await this.findBlock({ layer, role });
    this.key = key;
    this.matrix = { layer, role };
    this.data = await this.ask({ what: "block", layer, role, block: this.block });
    this.weight = Math.min(this.weight, this.data.weights.length - 1);
    this.build();
    this.draw();
  }

  /** An address may name a block that this matrix does not have. */
  async findBlock(matrix) {
    const { blocks } = await this.ask({ what: "block", ...matrix, block: 0 });
    this.block = Math.min(this.block, blocks - 1);
  }

  /** To another block, which has no outlier yet. */
  leave(block) {
    this.block = block;
    this.factor = 1;
    window.qlora.addressSoon({ block: block ? String(block + 1) : "", weight: "", outlier: "" });
  }

  /** The outlier and the weight that it is made of, in the address. */
  note() {
    const is = this.factor !== 1;
    window.qlora.addressSoon({ weight: is ? String(this.weight + 1) : "", outlier: is ? String(this.factor) : "" });
  }

  build() {
    const { data } = this;
    const number = html("input", {
      type: "number",
      min: 1,
      max: data.blocks,
      value: this.block + 1,
      onchange: ({ target }) => this.move(Number(target.value) - 1),
    });
    const outlier = html("input", {
      type: "range",
      min: 1,
      max: LARGEST_FACTOR,
      step: 0.25,
      value: this.factor,
      oninput: ({ target }) => {
        this.factor = Number(target.value);
        this.note();
        this.draw();
      },
    });
    this.figure = html("div", {
      class: "inside-figure",
      tabindex: 0,
      role: "slider",
      "aria-label": _("Weight of this block; arrow keys move"),
      "aria-valuemin": 1,
      "aria-valuemax": data.weights.length,
      onkeydown: (event) => this.pressed(event),
    });
    this.readout = html("output", { class: "inside-readout", "aria-live": "polite" });
    this.bytes = html("p", { class: "inside-bytes" });
    this.verdict = html("p", { class: "inside-verdict", "aria-live": "polite" });
    this.table = html("div");
    const where = _("{matrix}: {shape} numbers, row {row}, from column {column}", {
      matrix: matrixName(this.matrix),
      shape: data.shape.join(" × "),
      row: data.row + 1,
      column: data.column + 1,
    });
    this.place.replaceChildren(
      html("p", { class: "inside-where" }, where),
      html("label", { class: "inside-control" }, _("Block (of {n})", { n: grouped(data.blocks) }), " ", number),
      this.figure,
      this.readout,
      this.bytes,
      html("label", { class: "inside-control" }, _("Try: make the chosen weight an outlier"), " ", outlier),
      this.verdict,
      this.table,
    );
  }

  move(block) {
    this.leave(Math.max(0, Math.min(this.data.blocks - 1, Math.round(block) || 0)));
    return this.show(this.matrix);
  }

  pressed(event) {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    this.choose(Math.max(0, Math.min(this.data.weights.length - 1, this.weight + step)));
  }

  choose(index) {
    this.weight = index;
    if (this.factor !== 1) this.note();
    this.draw();
  }

  /** The block as it is, or as it would be with the outlier. */
  now() {
    const { data } = this;
    if (this.factor === 1) return { ...data, isReal: true };
    const weights = withOutlier(data.weights, this.weight, this.factor);
    return { weights, levels: data.levels, ...quantized(weights, data.levels), isReal: false };
  }

  draw() {
    const now = this.now();
    const largest = Math.max(now.scale, ...now.weights.map(Math.abs)) * 1.04;
    const y = (value) => HEIGHT / 2 - (value / largest) * (HEIGHT / 2 - MARGIN);
    const step = (WIDTH - LEFT - MARGIN) / now.weights.length;
    const x = (index) => LEFT + step * (index + 0.5);
    const levels = now.levels.map((level) =>
      svg("line", { class: "level", x1: LEFT, x2: WIDTH - MARGIN, y1: y(level * now.scale), y2: y(level * now.scale) }),
    );
    const bars = now.weights.flatMap((weight, index) => [
      svg("line", { class: "weight", x1: x(index), x2: x(index), y1: y(0), y2: y(weight), "stroke-width": step * 0.5 }),
      svg("circle", { class: "value", cx: x(index), cy: y(now.values[index]), r: Math.min(3.6, step * 0.4) }),
    ]);
    const column = svg("rect", {
      class: "chosen",
      x: x(this.weight) - step / 2,
      width: step,
      y: 0,
      height: HEIGHT,
    });
    const ends = [now.scale, 0, -now.scale].map((value) =>
      svg("text", { x: LEFT - 5, y: y(value) + 4, "text-anchor": "end" }, short(value, 2)),
    );
    const drawing = svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true", onpointermove: (event) => this.pointed(event, step) },
      column,
      ...levels,
      ...bars,
      ...ends,
    );
    this.figure.replaceChildren(drawing);
    this.tell(now);
  }

  pointed(event, step) {
    const box = event.currentTarget.getBoundingClientRect();
    const index = Math.floor((((event.clientX - box.left) / box.width) * WIDTH - LEFT) / step);
    if (this.factor === 1 && index !== this.weight && index >= 0 && index < this.data.weights.length)
      this.choose(index);
  }

  tell(now) {
    const index = this.weight;
    const code = now.codes[index];
    const said = [
      _("weight {place}: {value}", { place: index + 1, value: short(now.weights[index]) }),
      _("code {code} ({bits})", { code, bits: code.toString(2).padStart(4, "0") }),
      _("level {level} × scale {scale} = {value}", {
        level: short(now.levels[code]),
        scale: short(now.scale),
        value: short(now.values[index]),
      }),
      _("error {error}", { error: short(now.values[index] - now.weights[index]) }),
    ];
    this.readout.textContent = said.join(" · ");
    this.figure.setAttribute("aria-valuenow", index + 1);
    this.figure.setAttribute("aria-valuetext", listed(said));
    this.tellBytes(now, index);
    this.verdict.textContent = this.outlierWords(now);
    const rows = now.weights.map((weight, each) => [
      each + 1,
      short(weight),
      now.codes[each],
      short(now.values[each]),
      short(now.values[each] - weight),
    ]);
    const isOpen = this.table.querySelector("details")?.open ?? false;
    const table = numbers(
      _("Weights of this block"),
      [_("weight"), _("was"), _("code"), _("comes back as"), _("error")],
      rows,
    );
    table.open = isOpen;
    this.table.replaceChildren(table);
  }

  tellBytes(now, index) {
    if (!now.isReal) {
      this.bytes.textContent = "";
      return;
    }
    const { packed, codes, scale_code: scaleCode } = this.data;
    const place = index >> 1;
    const byte = packed[place].toString(16).padStart(2, "0");
    const found = {
      place: place + 1,
      byte: `0x${byte}`,
      first: codes[2 * place],
      second: codes[2 * place + 1],
      bytes: packed.length,
      scale: scaleCode,
    };
    this.bytes.textContent =
      scaleCode === null
        ? _(
            "In memory: byte {place} is {byte}, code {first} and code {second} side by side; {bytes} bytes in all, and the scale is kept in 32 bits.",
            found,
          )
        : _(
            "In memory: byte {place} is {byte}, code {first} and code {second} side by side; {bytes} bytes in all, and the scale is kept as one byte too ({scale}): that is double quantisation.",
            found,
          );
  }

  outlierWords(now) {
    const before = rmsError(this.data.weights, this.data.values, this.weight);
    if (now.isReal) {
      return _("The others are off by {error} on average (root of the mean square).", { error: short(before) });
    }
    const after = rmsError(now.weights, now.values, this.weight);
    return _(
      "With this weight {factor} times as large, the scale is {scale}, and the other {n} are off by {after} instead of {before}: {times} times as much.",
      {
        factor: short(this.factor),
        scale: short(now.scale),
        n: now.weights.length - 1,
        after: short(after),
        before: short(before),
        times: short(after / before, 2),
      },
    );
  }
}
