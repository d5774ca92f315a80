// The three charts as Plotly takes them: traces and layout, made from the state. `look` is how the page looks now:
// colour(name) of the palette, isNarrow, the weight of the smoothing, and the scale of the letters where it is not 1.

import { _, LANGUAGE, local, SEPARATORS } from "../language.js";
import { lastStepDrawn, shownEvaluations, shownPoints } from "./state.js";
import { answererLabel, BEFORE_MEASURING, BEFORE_TRAINING, chartedMetrics } from "./words.js";

/** Baselines that are drawn as lines across the chart of scores. */
const DASHES = { majority: "dot", untrained_head: "dash", linear_probe: "longdash", started_from: "dashdot" };

/** How the metrics that are drawn are told apart, from the first on; `mark` is what the key has for the symbol. */
export const METRIC_LOOKS = [
  { colour: "accent", mark: "\u25cf", marker: { symbol: "circle", size: 9 }, line: { width: 2.5 } },
  { colour: "same", mark: "\u25a0", marker: { symbol: "square", size: 8 }, line: { width: 2, dash: "dot" } },
  { colour: "different", mark: "\u25b2", marker: { symbol: "triangle-up", size: 8 }, line: { width: 2, dash: "dash" } },
  { colour: "second", mark: "\u25c6", marker: { symbol: "diamond", size: 8 }, line: { width: 2, dash: "dashdot" } },
];
/** Up to so many points of the loss are marked, because a line through one of them is none. */
const FEW_POINTS = 20;
/** Labels stand above what they belong to, this share of the chart's height apart. */
const GAP = 0.08;
/** A label that stands above a height so many gaps under a point is just below that point. */
const BELOW = 1.5;
const ABOVE = { yanchor: "bottom", yshift: 6 };
/** How far apart labels stand on an axis of this length; larger letters need more. */
const gapOf = ({ scale = 1 }, length) => length * GAP * scale;
export const metricLook = (index) => METRIC_LOOKS[index % METRIC_LOOKS.length];

/** What Plotly calls its buttons, by what it would call them. */
const BUTTONS = {
  Zoom: _("Zoom"),
  Pan: _("Pan"),
  "Zoom in": _("Zoom in"),
  "Zoom out": _("Zoom out"),
  "Reset axes": _("Reset axes"),
};

/** No button sends what is drawn to anybody: nothing leaves the machine. */
export const CONFIG = {
  locale: LANGUAGE,
  locales: { [LANGUAGE]: { dictionary: BUTTONS, format: {} } },
  responsive: true,
  displaylogo: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "toImage", "sendChartToCloud"],
};

export function lossChart(state, look) {
  const points = shownPoints(state);
  const seen = shownEvaluations(state);
  const steps = points.map((point) => point[0]);
  const raw = points.map((point) => point[1]);
  const accent = look.colour("accent");
  const ink = look.colour("ink");
  const few = raw.length <= FEW_POINTS ? { mode: "lines+markers", marker: { size: 5, color: accent } } : {};
  const traces = [
    line(_("training, raw"), steps, raw, {
      line: { color: accent, width: 1 },
      opacity: 0.35,
      hoverinfo: "skip",
      hovertemplate: undefined,
    }),
    line(_("training, smoothed"), steps, smooth(raw, look.smoothing), { line: { color: accent, width: 2.5 }, ...few }),
    line(_("validation"), column(seen, "step"), column(seen, "loss"), {
      mode: "lines+markers",
      line: { color: ink, width: 2, dash: "dot" },
      marker: { symbol: "diamond", size: 9, color: ink },
    }),
  ];
  const baselines = drawnBaselines(state);
  const theirs = column(baselines, "loss");
  const range = lossRange([...theirs, ...raw, ...column(seen, "loss")]);
  const yaxis = { range, title: { text: _("cross-entropy (nats)") } };
  const shapes = baselines.map((entry) => baselineShape(look, entry, "loss"));
  const heights = spread(theirs, gapOf(look, range[1] - range[0]));
  const names = [notice(look, BEFORE_TRAINING, 0.12), ...baselineLabels(state, look, baselines, "loss", heights, 3)];
  // from the first step on they would hide the curve, which begins at the same height
  const annotations = points.length ? [] : names;
  return { traces, layout: layout(state, look, { yaxis, shapes, annotations }) };
}

function lossRange(values) {
  return [Math.max(0, Math.min(0.5, ...values) - 0.05), Math.max(0.85, ...values) + 0.05];
}

export function rateChart(state, look) {
  const points = shownPoints(state);
  const steps = points.map((point) => point[0]);
  const rates = points.map((point) => point[2]);
  const options = { line: { color: look.colour("accent"), width: 2 }, hovertemplate: "%{y:.2e}<extra></extra>" };
  return {
    traces: [line(_("learning rate"), steps, rates, options)],
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
  const baselines = drawnBaselines(state);
  const range = scoreRange(metrics, baselines, seen);
  const yaxis = { range, title: { text: _("share") } };
  const labels = scoreLabels(state, look, baselines, seen.at(-1), range);
  const annotations = seen.length ? labels : [notice(look, BEFORE_MEASURING, 0.88), ...labels];
  const shapes = baselines.map((entry) => baselineShape(look, entry, metrics[0].name));
  return { traces, layout: layout(state, look, { yaxis, annotations, shapes }) };
}

const drawnBaselines = (state) => state.baselines.filter(({ name }) => DASHES[name]);

function scoreRange(metrics, baselines, seen) {
  const own = metrics.flatMap(({ name }) => column(seen, name)).filter((value) => value != null);
  const values = [...column(baselines, metrics[0].name), ...own];
  const least = Math.min(...metrics.map(({ low }) => low));
  return [Math.max(least, Math.min(0.4, ...values) - 0.05), Math.min(1, Math.max(0.8, ...values) + 0.08)];
}

/** The baselines' names at the right, where a curve that learns has left them, and the scores of the `last` evaluation, if there is one, at their points. */
function scoreLabels(state, look, baselines, last, [low, high]) {
  const gap = gapOf(look, high - low);
  const metrics = chartedMetrics(state);
  const theirs = column(baselines, metrics[0].name);
  const ends = metrics
    .map(({ name }, index) => ({ value: last?.[name], colour: look.colour(metricLook(index).colour) }))
    .filter(({ value }) => value != null);
  const own = column(ends, "value");
  const areBeside = last && last.step > lastStepDrawn(state) * (look.isNarrow ? 0.3 : 0.55);
  const heights = areBeside
    ? spread([...theirs, ...own], gap)
    : [...spread(theirs, gap), ...spread(lowestBelow(own, gap), gap)];
  const labels = baselineLabels(state, look, baselines, metrics[0].name, heights, 2);
  const beside = ends.map(({ value, colour }, index) => {
    const height = heights[theirs.length + index];
    return label(look, local(value.toFixed(3)), last.step, height, colour, { xanchor: "right", ...ABOVE });
  });
  return [...labels, ...beside];
}

/** The name and score of each baseline at the right of its line, at these heights. */
function baselineLabels(state, look, baselines, metric, heights, digits) {
  return baselines.map((entry, index) => {
    const text = `${answererLabel(state, entry.name)} ${local(entry[metric].toFixed(digits))}`;
    return label(look, text, 0.99, heights[index], look.colour("muted"), { xref: "paper", xanchor: "right", ...ABOVE });
  });
}

function baselineShape(look, entry, metric) {
  const dashes = { color: look.colour(entry.name.replaceAll("_", "-")), width: 1.5, dash: DASHES[entry.name] };
  return { type: "line", xref: "paper", x0: 0, x1: 1, y0: entry[metric], y1: entry[metric], line: dashes };
}

/** What all charts have in common, and `own`: the y axis, annotations and shapes of one. */
function layout(state, look, { yaxis, ...own }) {
  const muted = look.colour("muted");
  const grid = look.colour("line");
  const axis = { color: muted, gridcolor: grid, linecolor: grid, zeroline: false, automargin: true };
  const last = lastStepDrawn(state);
  return {
    uirevision: state.run, // as long as it stays, so does what a visitor has zoomed into
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    showlegend: false,
    hovermode: "x unified",
    separators: SEPARATORS,
    hoverlabel: {
      bgcolor: look.colour("card"),
      bordercolor: grid,
      font: { color: look.colour("ink") },
    },
    font: { family: "IBM Plex Sans, system-ui, sans-serif", size: 12, color: muted },
    margin: { l: 44, r: look.isNarrow ? 12 : 16, t: 8, b: 36 },
    xaxis: { ...axis, showticklabels: last > 0, title: { text: _("step") }, range: [0, (last || 1) * 1.03] },
    yaxis: { ...axis, ...yaxis },
    ...own,
  };
}

function line(name, x, y, options) {
  return { type: "scatter", mode: "lines", name, x, y, hovertemplate: `${name} %{y:.3f}<extra></extra>`, ...options };
}

/** What a chart says while it has nothing to draw, at this height of it, from 0 to 1. */
function notice(look, text, height) {
  return label(look, text, 0.5, height, look.colour("muted"), { xref: "paper", yref: "paper", xanchor: "center" });
}

function label(look, text, x, y, color, options) {
  const ground = { bgcolor: look.colour("card"), borderpad: 1, opacity: 0.9 };
  return { text, x, y, showarrow: false, font: { color, size: 12 }, ...ground, xanchor: "left", ...options };
}

const column = (entries, name) => entries.map((entry) => entry[name]);

const AXES = ["xaxis", "yaxis"];

/** The ranges that a layout gives to its axes, as they will be remembered. */
export const rangesOf = (drawn) => AXES.map((axis) => drawn?.[axis]?.range?.slice());

/** A layout that leaves a visitor's zoom alone: Plotly keeps it for as long as an axis is given the range that it was
 * given before, and `shown` differs from what was `given` where somebody has zoomed. Both as `rangesOf` makes them. */
export function keepingZoom(next, given, shown) {
  const kept = { ...next };
  AXES.forEach((axis, index) => {
    const before = given?.[index];
    if (before && shown[index] && String(shown[index]) !== String(before)) {
      kept[axis] = { ...next[axis], range: before.slice() };
    }
  });
  return kept;
}

/** Exponential moving average, its start corrected as Adam does (Kingma & Ba 2015, arXiv:1412.6980). */
export function smooth(values, weight) {
  let mean = 0;
  return values.map((value, index) => {
    mean = weight * mean + (1 - weight) * value;
    return mean / (1 - weight ** (index + 1));
  });
}

/** Heights for labels of several points in a column: above each, the lowest point's below it, because above it may lie another point. */
export function lowestBelow(values, gap) {
  const lowest = Math.min(...values);
  return values.map((value) => (values.length > 1 && value === lowest ? value - BELOW * gap : value));
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
