// The three charts as Plotly takes them: traces and layout, made from the state. `look` is how the page looks now:
// colour(name) of the palette, isNarrow, and the weight of the smoothing.

import { shownEvaluations, shownPoints } from "./state.js";
import { answererLabel, BEFORE_TRAINING, chartedMetrics } from "./words.js";

/** Baselines that are drawn as lines across the chart of scores. */
const DASHES = { majority: "dot", untrained_head: "dash", linear_probe: "longdash", started_from: "dashdot" };

/** How the metrics that are drawn are told apart, from the first on; `mark` is what the key has for the symbol. */
export const METRIC_LOOKS = [
  { colour: "accent", mark: "\u25cf", marker: { symbol: "circle", size: 9 }, line: { width: 2.5 } },
  { colour: "same", mark: "\u25a0", marker: { symbol: "square", size: 8 }, line: { width: 2, dash: "dot" } },
  { colour: "different", mark: "\u25b2", marker: { symbol: "triangle-up", size: 8 }, line: { width: 2, dash: "dash" } },
  { colour: "second", mark: "\u25c6", marker: { symbol: "diamond", size: 8 }, line: { width: 2, dash: "dashdot" } },
];
export const metricLook = (index) => METRIC_LOOKS[index % METRIC_LOOKS.length];

export const CONFIG = {
  responsive: true,
  displaylogo: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "toImage"],
};

export function lossChart(state, look) {
  const points = shownPoints(state);
  const seen = shownEvaluations(state);
  const steps = points.map((point) => point[0]);
  const raw = points.map((point) => point[1]);
  const accent = look.colour("accent");
  const ink = look.colour("ink");
  const traces = [
    line("training, raw", steps, raw, {
      line: { color: accent, width: 1 },
      opacity: 0.35,
      hoverinfo: "skip",
      hovertemplate: undefined,
    }),
    line("training, smoothed", steps, smooth(raw, look.smoothing), { line: { color: accent, width: 2.5 } }),
    line("validation", column(seen, "step"), column(seen, "loss"), {
      mode: "lines+markers",
      line: { color: ink, width: 2, dash: "dot" },
      marker: { symbol: "diamond", size: 9, color: ink },
    }),
  ];
  return { traces, layout: layout(state, look, { yaxis: { title: { text: "cross-entropy (nats)" } } }) };
}

export function rateChart(state, look) {
  const points = shownPoints(state);
  const steps = points.map((point) => point[0]);
  const rates = points.map((point) => point[2]);
  const options = { line: { color: look.colour("accent"), width: 2 }, hovertemplate: "%{y:.2e}<extra></extra>" };
  return {
    traces: [line("learning rate", steps, rates, options)],
    layout: layout(state, look, { yaxis: { tickformat: ".0e", rangemode: "tozero", nticks: 4 } }),
  };
}

export function scoreChart(state, look) {
  const seen = shownEvaluations(state);
  const steps = column(seen, "step");
  const metrics = chartedMetrics(state);
  const traces = metrics.map(({ name, text }, index) => {
    const { colour, marker, line: drawn } = metricLook(index);
    const options = {
      mode: "lines+markers",
      cliponaxis: false,
      marker,
      line: { color: look.colour(colour), ...drawn },
    };
    return line(text, steps, column(seen, name), options);
  });
  const baselines = state.baselines.filter(({ name }) => DASHES[name]);
  const range = scoreRange(metrics, baselines, seen);
  const yaxis = { range, title: { text: "share" } };
  if (!baselines.length && !seen.length) return { traces, layout: layout(state, look, { yaxis }) };
  const annotations = scoreLabels(state, look, baselines, seen.at(-1), range);
  const shapes = baselines.map((entry) => baselineShape(look, entry, metrics[0].name));
  return { traces, layout: layout(state, look, { yaxis, annotations, shapes }) };
}

function scoreRange(metrics, baselines, seen) {
  const own = metrics.flatMap(({ name }) => column(seen, name)).filter((value) => value != null);
  const values = [...column(baselines, metrics[0].name), ...own];
  const least = Math.min(...metrics.map(({ low }) => low));
  return [Math.max(least, Math.min(0.4, ...values) - 0.05), Math.min(1, Math.max(0.8, ...values) + 0.08)];
}

/** The baselines' names at the left, and the scores of the `last` evaluation, if there is one, at their points. */
function scoreLabels(state, look, baselines, last, [low, high]) {
  const gap = (high - low) * 0.08;
  const metrics = chartedMetrics(state);
  const theirs = column(baselines, metrics[0].name);
  const ends = metrics
    .map(({ name }, index) => ({ value: last?.[name], colour: look.colour(metricLook(index).colour) }))
    .filter(({ value }) => value != null);
  const own = column(ends, "value");
  const areBeside = last && last.step < state.news.total_steps * (look.isNarrow ? 0.7 : 0.45);
  const heights = areBeside ? spread([...theirs, ...own], gap) : [...spread(theirs, gap), ...spread(own, gap)];
  const above = { yanchor: "bottom", yshift: 6 };
  const labels = baselines.map((entry, index) => {
    const text = `${answererLabel(state, entry.name)} ${theirs[index].toFixed(2)}`;
    return label(look, text, 0.01, heights[index], look.colour("muted"), { xref: "paper", ...above });
  });
  const beside = ends.map(({ value, colour }, index) => {
    const height = heights[theirs.length + index];
    return label(look, value.toFixed(3), last.step, height, colour, { xanchor: "right", ...above });
  });
  return [...labels, ...beside];
}

function baselineShape(look, entry, metric) {
  const dashes = { color: look.colour(entry.name.replaceAll("_", "-")), width: 1.5, dash: DASHES[entry.name] };
  return { type: "line", xref: "paper", x0: 0, x1: 1, y0: entry[metric], y1: entry[metric], line: dashes };
}

/** What all charts have in common, and `own`: the y axis, annotations and shapes of one. */
function layout({ run, news }, look, { yaxis, ...own }) {
  const muted = look.colour("muted");
  const grid = look.colour("line");
  const axis = { color: muted, gridcolor: grid, linecolor: grid, zeroline: false, automargin: true };
  const total = news.total_steps;
  const centred = { xref: "paper", yref: "paper", xanchor: "center" };
  return {
    uirevision: run, // as long as it stays, so does what a visitor has zoomed into
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    showlegend: false,
    hovermode: "x unified",
    hoverlabel: {
      bgcolor: look.colour("card"),
      bordercolor: grid,
      font: { color: look.colour("ink") },
    },
    font: { family: "IBM Plex Sans, system-ui, sans-serif", size: 12, color: muted },
    margin: { l: 44, r: look.isNarrow ? 12 : 16, t: 8, b: 36 },
    xaxis: { ...axis, visible: total > 0, title: { text: "step" }, range: [0, (total || 1) * 1.03] },
    yaxis: { ...axis, visible: total > 0 || Boolean(own.shapes), ...yaxis },
    annotations: total ? [] : [label(look, BEFORE_TRAINING, 0.5, 0.5, muted, centred)],
    ...own,
  };
}

function line(name, x, y, options) {
  return { type: "scatter", mode: "lines", name, x, y, hovertemplate: `${name} %{y:.3f}<extra></extra>`, ...options };
}

function label(look, text, x, y, color, options) {
  const ground = { bgcolor: look.colour("card"), borderpad: 1, opacity: 0.9 };
  return { text, x, y, showarrow: false, font: { color, size: 12 }, ...ground, xanchor: "left", ...options };
}

const column = (entries, name) => entries.map((entry) => entry[name]);

/** Exponential moving average, its start corrected as Adam does (Kingma & Ba 2015, arXiv:1412.6980). */
export function smooth(values, weight) {
  let mean = 0;
  return values.map((value, index) => {
    mean = weight * mean + (1 - weight) * value;
    return mean / (1 - weight ** (index + 1));
  });
}

/** Heights for labels at these values, moved up where two would overlap. */
export function spread(values, gap) {
  const order = values.map((value, index) => [value, index]).sort((a, b) => a[0] - b[0]);
  const heights = [];
  let below = -Infinity;
  for (const [value, index] of order) {
    below = Math.max(value, below + gap);
    heights[index] = below;
  }
  return heights;
}
