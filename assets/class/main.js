// Guessing and judging: beside the live view, whose answers say how many have, and on Results. Gradio's HTML elements
// start them. The panels stand for themselves: whoever shows a run elsewhere can mount them there.

import { SERVER } from "./ask.js";
import { GuessPanel } from "./guess.js";
import { JudgePanel } from "./judge.js";
import { OwnerPanel } from "./owner.js";
import { RoomPanel } from "./room.js";
import * as words from "./words.js";

/** Beside the live view: `element` is the rendered live.html. */
export function live(element) {
  const section = element.querySelector(".class");
  const at = (name) => element.querySelector(`[data-at="${name}"]`);
  const guess = new GuessPanel(at("guess"), SERVER);
  const judge = new JudgePanel(at("judge"), SERVER);
  window.qlora.onNews(({ run, news }) => {
    if (!news || !run) return;
    section.hidden = false;
    at("class-title").textContent = words.title(news);
    const told = { run, ended: Boolean(news.verdict) || news.phase === "done", ...news.class };
    guess.show(told);
    judge.show(told);
  });
}

/** On Results: the element's value is the id of the run on show. */
export function results(element, props, watch) {
  const at = (name) => element.querySelector(`[data-at="${name}"]`);
  let panels = null;
  const make = () => {
    const room = new RoomPanel(at("room"), SERVER);
    const guess = new GuessPanel(at("guess"), SERVER);
    const judge = new JudgePanel(at("judge"), SERVER, () => room.refresh());
    const owner = new OwnerPanel(at("owner"), SERVER, () => show({ anew: true }));
    return { room, guess, judge, owner };
  };
  const show = ({ anew = false } = {}) => {
    const run = props.value;
    element.querySelector(".class").hidden = !run;
    if (!run) return;
    at("class-title").textContent = words.CLASS;
    if (anew || panels?.guess.place !== at("guess")) panels = make(); // Gradio may have drawn the element anew
    for (const panel of Object.values(panels)) panel.show({ run, ended: true, open: false });
  };
  watch("value", () => show());
  show();
}
