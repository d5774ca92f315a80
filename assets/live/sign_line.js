// The line that says by which sign a run goes wrong: beside the live charts, and
// on Results.

import { signWords } from "./sign_words.js";

/** Returns what shows a sign, or that there is none, in an element; what is told already is left as it is, because it
 * would be read out again. */
export function signLine(element) {
  let told;
  return function show(sign) {
    const { text } = signWords(sign);
    if (text === told) return;
    told = text;
    element.dataset.sign = sign ? sign.kind : "";
    element.textContent = text;
  };
}
