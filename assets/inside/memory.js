// Memory as a calculator, from this run's measured bytes to models that no classroom has.

import { memory, SHAPES } from "./memory_math.js";
import { fill, html, numbers, short, svg } from "./page.js";

const PARTS = { weights: "weights", gradients: "gradients", optimiser: "optimiser (Adam)", activations: "activations" };
const WIDTH = 600;
const ROW = 30;
const LABEL = 120;
const VALUE = 78;

export class MemoryPanel {
  constructor(at, ask, { about }) {
    this.place = at("memory");
    this.askAbout = about;
    this.choice = { shape: "MiniLM-L6", r: 16, batch: 16, tokens: 64, bytes: 4 };
    this.build();
  }

  build() {
    const shape = html("select", {});
    fill(
      shape,
      Object.keys(SHAPES).map((name) => [name, name]),
    );
    const bytes = html("select", {});
    fill(bytes, [
      ["float32", "4"],
      ["bfloat16", "2"],
    ]);
    const count = (name, label, max) => {
      const input = html("input", { type: "number", min: 1, max, value: this.choice[name] });
      input.addEventListener("input", () => this.set({ [name]: Math.min(max, Math.max(1, Number(input.value) || 1)) }));
      return html("label", {}, `${label} `, input);
    };
    shape.addEventListener("change", () => this.set({ shape: shape.value }));
    bytes.addEventListener("change", () => this.set({ bytes: Number(bytes.value) }));
    this.picture = html("div", { class: "inside-figure" });
    this.words = html("p", { class: "inside-verdict", "aria-live": "polite" });
    this.measured = html("p", { class: "inside-where" });
    this.table = html("div");
    this.place.replaceChildren(
      this.measured,
      html(
        "div",
        { class: "inside-control" },
        html("label", {}, "Model ", shape),
        html("label", {}, "computes in ", bytes),
        count("r", "rank r", 1024),
        count("batch", "pairs a batch", 4096),
        count("tokens", "tokens a pair", 512),
      ),
      this.words,
      this.picture,
      this.table,
    );
    this.draw();
  }

  async show() {
    const about = await this.askAbout();
    if (!about.bytes) {
      this.measured.textContent = "This run has not finished, so nothing of it is measured yet.";
      return;
    }
    this.measured.textContent =
      `Measured in this run: ${mega(about.bytes_total)} of tensors instead of ${mega(about.bytes_float32)} in float32; ` +
      `its process took ${mega(about.peak_rss_bytes)} at its largest, libraries and activations included (${about.device}). ` +
      "Everything below is computed.";
  }

  set(change) {
    Object.assign(this.choice, change);
    this.draw();
  }

  draw() {
    const { shape, ...how } = this.choice;
    const found = memory(SHAPES[shape], how);
    const totals = Object.fromEntries(
      Object.entries(found).map(([name, parts]) => [name, Object.values(parts).reduce((sum, part) => sum + part, 0)]),
    );
    const largest = Math.max(...Object.values(totals));
    const rows = Object.entries(found).flatMap(([name, parts], index) => {
      let x = LABEL;
      const bars = Object.entries(parts).map(([part, size]) => {
        const width = (size / largest) * (WIDTH - LABEL - VALUE);
        const bar = svg("rect", { class: `part-${part}`, x, y: index * ROW + 4, width, height: ROW - 10 });
        x += width;
        return bar;
      });
      return [
        svg("text", { x: LABEL - 8, y: index * ROW + 19, "text-anchor": "end" }, name),
        ...bars,
        svg("text", { x: x + 6, y: index * ROW + 19 }, mega(totals[name])),
      ];
    });
    this.picture.replaceChildren(
      svg("svg", { viewBox: `0 0 ${WIDTH} ${3 * ROW}`, "aria-hidden": "true" }, ...rows),
      html(
        "p",
        { class: "inside-key" },
        ...Object.entries(PARTS).map(([part, label]) => html("span", { class: `key-${part}` }, label)),
      ),
    );
    const share = totals["full fine-tuning"] / totals.QLoRA;
    this.words.textContent = `${shape}: QLoRA needs ${mega(totals.QLoRA)}, and full fine-tuning ${short(share, 2)} times as much.`;
    const isOpen = this.table.querySelector("details")?.open ?? false;
    const table = numbers(
      "Memory, computed",
      ["way", ...Object.values(PARTS), "in all"],
      Object.entries(found).map(([name, parts]) => [name, ...Object.values(parts).map(mega), mega(totals[name])]),
    );
    table.open = isOpen;
    this.table.replaceChildren(table);
  }
}

/** Bytes as people say them. */
export function mega(bytes) {
  if (bytes === null || bytes === undefined) return "an unknown amount";
  return bytes >= 1e9 ? `${short(bytes / 1e9)} GB` : `${short(bytes / 1e6)} MB`;
}
