// The tab "Inside": which run and which matrix are looked at, and the panels that show them. Gradio's HTML element starts
// it when it is first seen.

import { AdapterPanel } from "./adapter.js";
import { makeAsk, Overtaken, told } from "./ask.js";
import { BlockPanel } from "./block.js";
import { FailuresPanel } from "./failures.js";
import { FirstStepPanel } from "./first_step.js";
import { FormatsPanel } from "./formats.js";
import { MapPanel } from "./map.js";
import { MemoryPanel } from "./memory.js";
import { fill, whenSeen } from "./page.js";
import { Pair } from "./pair.js";
import { ReadingsPanel } from "./readings.js";

const PANELS = [BlockPanel, FormatsPanel, MemoryPanel, AdapterPanel, FirstStepPanel, ReadingsPanel, FailuresPanel];

/** `element` is the rendered inside.html; `server` has runs, about and ask of qlora_core/ui/inside/tab.py. */
export async function start(element, server) {
  const at = (name) => element.querySelector(`[data-at="${name}"]`);
  const note = at("note");
  const say = (words) => {
    note.hidden = !words;
    note.textContent = words;
  };
  const chosen = { run: "", ...matrixOf(new URLSearchParams(location.search).get("matrix")) };
  const ask = makeAsk(server, () => chosen.run);
  const shared = {
    pair: new Pair(at("pair"), window.qlora.address),
    about: () => told(server.about({ run: chosen.run })),
  };
  const panels = PANELS.map((Panel) => new Panel(at, ask, shared));
  const seen = new Set();
  const fail = (error) => error instanceof Overtaken || say(error.message);
  const show = (panel) => seen.has(panel) && chosen.run && panel.show(chosen).catch(fail);
  const map = new MapPanel(at("map"), (matrix) => {
    Object.assign(chosen, matrix);
    window.qlora.address({ matrix: `${matrix.layer}.${matrix.role}` });
    panels.forEach(show);
  });

  async function look(run) {
    chosen.run = run;
    say("");
    try {
      map.show(await ask({ what: "spectrum" }), chosen);
    } catch (error) {
      fail(error);
      return;
    }
    panels.forEach(show);
  }

  at("runs").addEventListener("change", ({ target }) => {
    window.qlora.address({ run: target.value });
    look(target.value);
  });
  for (const panel of panels) {
    whenSeen(panel.place, () => {
      seen.add(panel);
      show(panel);
    });
  }
  const refresh = async () => {
    try {
      const { runs } = await told(server.runs({}));
      const wanted = new URLSearchParams(location.search).get("run");
      fill(at("runs"), runs, chosen.run || wanted);
      if (at("runs").value !== chosen.run) look(at("runs").value);
    } catch (error) {
      fail(error);
    }
  };
  whenSeen(element, refresh, { again: true });
}

/** "0.attention.self.query" is layer 0's; the first matrix where the address names none. */
export function matrixOf(text) {
  const found = /^(\d{1,3})\.([a-z.]{1,40})$/.exec(text || "");
  return found ? { layer: Number(found[1]), role: found[2] } : { layer: 0, role: "attention.self.query" };
}
