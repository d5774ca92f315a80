// The tab "Inside": which run and which matrix are looked at, and the panels that show them. Gradio's HTML element starts
// it when it is first seen.

import { makeAsk } from "./ask.js";
import { BlockPanel } from "./block.js";
import { MapPanel } from "./map.js";
import { fill, whenSeen } from "./page.js";

const PANELS = [BlockPanel];

/** `element` is the rendered inside.html; `server` has runs and ask of qlora_core/ui/inside/tab.py. */
export async function start(element, server) {
  const at = (name) => element.querySelector(`[data-at="${name}"]`);
  const note = at("note");
  const say = (words) => {
    note.hidden = !words;
    note.textContent = words;
  };
  const chosen = { run: "", ...matrixOf(new URLSearchParams(location.search).get("matrix")) };
  const ask = makeAsk(server, () => chosen.run);
  const panels = PANELS.map((Panel) => new Panel(at, ask, say));
  const seen = new Set();
  const show = (panel) => seen.has(panel) && chosen.run && panel.show(chosen).catch((error) => say(error.message));
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
      say(error.message);
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
    const { runs } = await server.runs({});
    const wanted = new URLSearchParams(location.search).get("run");
    fill(at("runs"), runs, chosen.run || wanted);
    if (at("runs").value !== chosen.run) look(at("runs").value);
  };
  whenSeen(element, refresh, { again: true });
}

/** "0.attention.self.query" is layer 0's; the first matrix where the address names none. */
export function matrixOf(text) {
  const found = /^(\d{1,3})\.([a-z.]{1,40})$/.exec(text || "");
  return found ? { layer: Number(found[1]), role: found[2] } : { layer: 0, role: "attention.self.query" };
}
