// The sign on Results: found by the rules of the live view, in what the server tells of the finished run.

import { signLine } from "./sign_line.js";
import { signOf } from "./signs.js";

/** `course` is what qlora_core/ui/results/summary_panel.py tells of the run; nothing before one is on show. */
export function show(element, course) {
  const line = element.querySelector(".live-sign");
  if (course?.points) signLine(line)(signOf(course));
}
