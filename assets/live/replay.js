// A recorded run is replayed: its curves grow once more, in half a minute. A replay is {began, limit}: the time when it
// began, in ms, and the last step that it shows, which is Infinity once it is over.

const SECONDS = 24;
const PICTURES = 120;
const PAUSE = 100;

export const beginning = (now) => ({ began: now, limit: 0 });

/** A replay that is over before it begins, for those who want nothing to move. */
export const whole = () => ({ began: 0, limit: Infinity });

/** The replay at this time; the same one until there is enough for the next picture. */
export function advanced(replay, now, totalSteps) {
  const share = (now - replay.began) / 1000 / SECONDS;
  if (share >= 1) return { ...replay, limit: Infinity };
  const limit = share * totalSteps;
  return limit - replay.limit > totalSteps / PICTURES ? { ...replay, limit } : replay;
}

export const isUnderway = (replay) => replay !== null && replay.limit !== Infinity;

/** The entries of a series up to a step. */
export function visible(entries, step, limit) {
  return limit === Infinity ? entries : entries.filter((entry) => step(entry) <= limit);
}

/** Keeps a replay going: `read()` gives the state, `update(state)` sets it. Returns what starts it where there is one. */
export function makePlayer({ read, update }) {
  let isPlaying = false;

  function frame() {
    const state = read();
    isPlaying = isUnderway(state.replay);
    if (!isPlaying) return;
    const replay = advanced(state.replay, performance.now(), state.news.total_steps);
    if (replay !== state.replay) update({ ...state, replay });
    setTimeout(() => requestAnimationFrame(frame), PAUSE);
  }

  return function play() {
    if (isPlaying || !isUnderway(read().replay)) return;
    isPlaying = true;
    requestAnimationFrame(frame);
  };
}
