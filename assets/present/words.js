// Every sentence of the presenter's view that its template does not have.

import { _ } from "../language.js";

/** What the steps are called, by their names. */
export const STEP_NAMES = {
  join: _("Join"),
  guess: _("Guess"),
  live: _("Learning"),
  pairs: _("Six pairs"),
  result: _("Result"),
  judge: _("Judge"),
  worksheet: _("Worksheet"),
};

export const LOCAL_ONLY = _(
  "This address works on this machine alone. Open this page by the machine's name or number in your network: the code then leads there.",
);
export const NO_CODE = _("The server does not answer. The code appears as soon as it does.");
export const ONE_SEED = _(
  "One run, one seed: another seed gives another number. Claim no more than the sentence above says.",
);
export const NO_WORKSHEET = _("The server does not answer. Try again in a moment.");

export const STILL_OPEN = _("Write your guess down on your own screen. You may change it until training begins.");
export const CLOSED = _("Training has begun: no more guesses.");

export const noResult = (phase) => _("The result is not known yet. Now: {phase}", { phase });

export const fact = (name, text) => _("{name}: {text}", { name, text });

export const spoken = (step, number, count) =>
  _("Step {number} of {count}: {step}", { number, count, step: STEP_NAMES[step] });
