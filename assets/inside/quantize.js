// A block quantised as bitsandbytes does it, for what-ifs: scale to the largest magnitude, then the nearest level. What
// the run's own codes are comes from the server.

/** Index of the level that is nearest to `value`. */
export function nearest(levels, value) {
  let best = 0;
  for (let code = 1; code < levels.length; code += 1) {
    if (Math.abs(levels[code] - value) < Math.abs(levels[best] - value)) best = code;
  }
  return best;
}

/** Codes, scale and what comes back. */
export function quantized(weights, levels) {
  const scale = Math.max(...weights.map(Math.abs));
  const codes = weights.map((weight) => nearest(levels, scale ? weight / scale : 0));
  return { scale, codes, values: codes.map((code) => levels[code] * scale) };
}

/** Root of the mean squared difference, leaving out the index `without`. */
export function rmsError(weights, values, without = -1) {
  const squares = weights.map((weight, index) => (index === without ? 0 : (weight - values[index]) ** 2));
  const n = weights.length - (without >= 0 ? 1 : 0);
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / n);
}

/** The weights with one of them made larger. */
export function withOutlier(weights, index, factor) {
  return weights.map((weight, each) => (each === index ? weight * factor : weight));
}
