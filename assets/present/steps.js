// The steps of the presenter's view, and what a key or the address makes of them. Nothing here touches the page.

/** In the order of a lesson, by what the address calls them. */
export const STEPS = ["join", "guess", "live", "pairs", "result", "judge", "worksheet"];

/** What a key does: presenters' clickers send the page keys. */
const KEYS = {
  ArrowRight: "next",
  ArrowDown: "next",
  PageDown: "next",
  ArrowLeft: "back",
  ArrowUp: "back",
  PageUp: "back",
  Home: "first",
  End: "last",
  n: "newest",
  N: "newest",
};

/** The step that the address asks for; the first one for `present=1` and whatever is none. */
export const stepOf = (present) => (STEPS.includes(present) ? present : STEPS[0]);

/** What a key press asks for, "" for one that is the browser's own. */
export const actionOf = ({ key, ctrlKey, altKey, metaKey }) =>
  ctrlKey || altKey || metaKey || !Object.hasOwn(KEYS, key) ? "" : KEYS[key];

/** The step after an action; the same one where there is nowhere to go. */
export function moved(step, action) {
  const last = STEPS.length - 1;
  const place = STEPS.indexOf(step);
  const places = { next: Math.min(place + 1, last), back: Math.max(place - 1, 0), first: 0, last };
  return STEPS[places[action] ?? place];
}

/** Another run that is at work, "" for none: it is offered, or gone to where the presenter follows the newest. */
export const newerRun = ({ news }) => news?.at_work || "";

/** What a run came to so far: accuracy of the strongest baseline and of the best evaluation, null before both are known. */
export function outcome({ baselines, tables }, seen) {
  const [main] = tables.metrics.filter(({ charted }) => charted);
  const beaten = baselines.filter(({ name }) => tables.compared.includes(name));
  if (!beaten.length || !seen.length) return null;
  const best = seen.reduce((a, b) => (b.is_best ? b : a));
  const before = beaten.reduce((a, b) => (b[main.name] > a[main.name] ? b : a));
  return { before: before.name, from: before[main.name], to: best[main.name], metric: main.label };
}
