// What the server's owner may do with what a class leaves behind: delete all of it, after one question.

import { html } from "../inside/page.js";
import * as words from "./words.js";

export class OwnerPanel {
  constructor(place, { askAsOwner }, deleted) {
    Object.assign(this, { place, askAsOwner, deleted });
  }

  show() {
    this.offer();
  }

  offer(said = "") {
    const told = html("p", { class: "class-told", role: "status" }, said);
    const first = this.button(words.DELETE, () => this.question());
    this.place.replaceChildren(...(window.qlora.ownersPass() ? [first] : []), ...(said ? [told] : []));
  }

  question() {
    const keep = this.button(words.KEEP, () => this.offer());
    this.place.replaceChildren(
      this.button(words.REALLY, () => this.remove()),
      " ",
      keep,
    );
    keep.focus();
  }

  async remove() {
    const answer = await this.askAsOwner("delete");
    if (answer.error) this.offer(answer.error);
    else this.deleted();
  }

  button(text, onclick) {
    return html("button", { type: "button", class: "class-button class-delete", onclick }, text);
  }
}
