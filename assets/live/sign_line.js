// The line that says by which sign a run goes wrong, with a way to a run that failed like it: beside the live charts, and
// on Results.

import { SEE_FAILURE, signWords } from "./sign_words.js";

/** Returns what shows a sign, or that there is none, in an element; what is told already is left as it is, because it
 * would be read out again. */
export function signLine(element) {
  let told;
  return function show(sign) {
    const { text, failure } = signWords(sign);
    if (text === told) return;
    told = text;
    element.dataset.sign = sign ? sign.kind : "";
    element.textContent = text;
    if (!failure) return;
    const link = document.createElement("button");
    link.type = "button";
    link.className = "live-link";
    link.textContent = SEE_FAILURE;
    link.addEventListener("click", () => window.qlora.openFailure(failure));
    element.append(" ", link);
  };
}
