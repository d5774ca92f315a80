// The live view of one run. Runs once, with Gradio's `element` (the rendered live_chart.html) and `server` (poll and
// control of qlora_core/ui/train/live_view.py). Text from a run is only ever set as textContent, never as HTML.

const TICK = 1000;
const REPLAY_SECONDS = 24;
const WORDS = {
  queued: "Waiting in the queue", running: "Running", paused: "Paused", interrupted: "Interrupted",
  stopped: "Stopped", failed: "Failed", finished: "Finished",
};
const PHASES = {
  queued: "Waiting", loading: "Loading model and pairs", baselines: "Measuring the baselines", training: "Training",
  evaluating: "Measuring on the validation pairs", saving: "Saving the adapter",
  verifying: "Reloading in a fresh process", done: "Done",
};
const BASELINES = {
  majority: ["majority class", "--q-majority", "dot"],
  untrained_head: ["untrained head", "--q-untrained-head", "dash"],
  linear_probe: ["linear probe", "--q-linear-probe", "longdash"],
};
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const at = (name) => element.querySelector(`[data-at="${name}"]`);
const button = (action) => element.querySelector(`[data-action="${action}"]`);
const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();

let wanted = new URLSearchParams(location.search).get("run") || "";
let run, have, news, replay, phaseBegan, spoken, busy, timer, failures = 0;
reset("");

function reset(id) {
  run = { id, generation: 0, about: {}, points: [], evaluations: [], baselines: [], watched: [], pairs: [] };
  news = null;
  replay = null;
  phaseBegan = { phase: "", at: 0 };
  spoken = "";
  at("watched").replaceChildren();
  at("rows").replaceChildren();
}

// --- asking ---------------------------------------------------------------------------------------------------------

async function tick() {
  clearTimeout(timer);
  if (!element.isConnected) return;
  if (document.hidden || busy) return again();
  busy = true;
  const asked = wanted;
  try {
    const known = run.id && run.id === wanted;
    const answer = await server.poll({
      run: known ? run.id : wanted,
      secret: window.qloraSecret(),
      have: !known ? {} : {
        generation: run.generation, points: run.points.length, evaluations: run.evaluations.length,
        baselines: run.baselines.length, watched: run.watched.length,
      },
      about: !run.about.device,
    });
    failures = 0;
    if (asked !== wanted) {  // another run was chosen while this answer was on its way
      busy = false;
      return tick();
    }
    take(answer);
  } catch (error) {
    failures += 1;
    note("The server does not answer. Trying again; nothing is lost.");
  }
  busy = false;
  again();
}

function again() {
  const resting = news && !["queued", "running", "paused"].includes(news.state);
  timer = setTimeout(tick, failures ? Math.min(5, failures) * TICK : resting ? 3 * TICK : TICK);
}

function take(answer) {
  if (answer.error) {
    note(answer.error);
    if (wanted && !run.id) wanted = "";
    return;
  }
  if (!answer.run) return note("No run yet. Choose your settings and press Start.");
  if (answer.run !== run.id) {
    reset(answer.run);
    wanted = answer.run;
  }
  if (answer.generation !== run.generation) {
    Object.assign(run, { points: [], evaluations: [], baselines: [], watched: [] });
    run.generation = answer.generation;
  }
  if (answer.about) run.about = answer.about;
  for (const name of ["points", "evaluations", "baselines", "watched"]) run[name].push(...answer[name]);
  if (answer.watched_pairs.length) run.pairs = answer.watched_pairs;
  const changed = answer.points.length + answer.evaluations.length + answer.baselines.length + answer.watched.length;
  const before = news;
  news = answer;
  if (answer.kind === "recorded" && !replay) startReplay();
  show();
  if (changed || !before) draw();
}

async function command(action) {
  if (action === "replay") return startReplay(true);
  if (action === "results") return window.dispatchEvent(new CustomEvent("qlora:results", { detail: run.id }));
  const pressed = button(action);
  pressed.disabled = true;
  try {
    const answer = await server.control({ run: run.id, secret: window.qloraSecret(), action });
    note(answer.error || "");
  } catch (error) {
    note("The server does not answer. Try again in a moment.");
  }
  pressed.disabled = false;
  tick();
}

function follow(id) {
  if (id === wanted) return;
  wanted = id;
  reset("");
  at("title").textContent = "Looking for the run ...";
  tick();
}

// --- replaying a recorded run ---------------------------------------------------------------------------------------

function startReplay(again) {
  replay = { began: performance.now(), limit: 0 };
  if (calm && !again) replay.limit = Infinity;
  else requestAnimationFrame(replayFrame);
}

function replayFrame() {
  if (!replay || !element.isConnected) return;
  const share = (performance.now() - replay.began) / 1000 / REPLAY_SECONDS;
  const limit = share >= 1 ? Infinity : share * (news ? news.total_steps : 0);
  if (limit === Infinity || limit - replay.limit > (news ? news.total_steps : 0) / 120) {
    replay.limit = limit;
    show();
    draw();
  }
  if (share < 1) setTimeout(() => requestAnimationFrame(replayFrame), 100);
}

const limit = () => (replay ? replay.limit : Infinity);
const visible = (entries, step) => (limit() === Infinity ? entries : entries.filter((entry) => step(entry) <= limit()));
const evaluations = () => visible(run.evaluations, (entry) => entry.step);

// --- words ----------------------------------------------------------------------------------------------------------

function show() {
  const { about } = run;
  const replaying = replay && replay.limit !== Infinity;
  const place = news.place ? `Place ${news.place} in the queue` : WORDS[news.state];
  at("badge").hidden = false;
  at("badge").textContent = replay ? "Recorded run, replayed" : news.held ? "Held in the queue" : place;
  at("badge").dataset.state = replay ? "recorded" : news.state;
  at("title").textContent = `${about.base_model || "A BERT"} learns ${about.dataset || "pairs"}, ${scheme(about)}`;
  at("about").textContent = describe(about);
  const step = replaying ? Math.round(replay.limit) : news.step;
  const share = replaying ? replay.limit / news.total_steps : news.phase === "done" ? 1 : news.progress;
  at("phase").textContent = replaying ? "Training (replay)" : phaseWords();
  at("step").textContent = news.total_steps ? `${step} of ${news.total_steps}` : "-";
  at("epoch").textContent = news.total_steps ? `${((step / news.total_steps) * about.epochs).toFixed(1)} of ${about.epochs}` : "-";
  at("speed").textContent = news.examples_per_second ? news.examples_per_second.toFixed(0) : "-";
  at("left").textContent = replaying ? "-" : left(share);
  showProgress(share);
  showButtons(replaying);
  showNote();
  showTable();
  showWatched();
  speak();
}

function phaseWords() {
  const words = news.state === "queued" ? PHASES.queued : PHASES[news.phase] || news.phase;
  const ended = ["interrupted", "failed", "stopped"].includes(news.state) && news.phase !== "done";
  return ended ? `Ended while ${words.toLowerCase()}` : words;
}

const scheme = (about) => (about.quantization === "none" ? "unquantised" : `in ${(about.quantization || "").toUpperCase()}`);

function describe(about) {
  if (!about.created) return "";
  const when = new Date(about.created * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const parts = [`LoRA r ${about.r}`, `learning rate ${about.learning_rate}`, about.epochs === 1 ? "1 epoch" : `${about.epochs} epochs`, `seed ${about.seed}`];
  if (about.device) parts.push(about.device);
  return `${parts.join(", ")}; ${when}`;
}

function left(share) {
  if (!["running", "paused"].includes(news.state)) return "-";
  if (news.phase !== phaseBegan.phase) phaseBegan = { phase: news.phase, at: performance.now(), share: share || 0 };
  if (news.phase === "training" && news.seconds_left != null) return duration(news.seconds_left);
  const done = (share || 0) - phaseBegan.share;
  if (done <= 0.05) return "a moment";
  return duration(((performance.now() - phaseBegan.at) / 1000 / done) * (1 - share));
}

function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function showProgress(share) {
  const bar = element.querySelector('[role="progressbar"]');
  const percent = Math.round((share || 0) * 100);
  bar.setAttribute("aria-valuenow", percent);
  at("bar").style.width = `${percent}%`;
}

function showButtons(replaying) {
  for (const action of ["pause", "resume", "stop"]) button(action).hidden = !news.buttons.includes(action);
  button("stop").textContent = news.state === "queued" ? "Take off the queue" : "Stop and keep what was learned";
  button("replay").hidden = !replay || replaying;
  button("results").hidden = replaying || news.phase !== "done" || run.evaluations.length === 0;
}

function showNote() {
  const ended = ["failed", "interrupted", "stopped"].includes(news.state) ? news.message : "";
  const held = news.held ? "This run keeps its place and lets others go first until you resume it." : "";
  const other = news.at_work ? "Another run is at work on this machine." : "";
  note([ended, held, took(), other].filter(Boolean).join(" "), news.at_work);
}

function took() {
  const { estimate } = run.about;
  if (!estimate) return "";
  const expected = `Expected ${duration(estimate.seconds[0])} to ${duration(estimate.seconds[1])}`;
  return news.phase === "done" ? `${expected}; took ${duration(news.seconds)}.` : `${expected}.`;
}

function note(text, watch) {
  const line = at("note");
  line.hidden = !text;
  if (line.dataset.text === text && line.dataset.watch === (watch || "")) return;
  Object.assign(line.dataset, { text, watch: watch || "" });
  line.textContent = text;
  if (!watch) return;
  const link = document.createElement("button");
  link.type = "button";
  link.className = "live-link";
  link.textContent = "Watch it";
  link.addEventListener("click", () => follow(watch));
  line.append(" ", link);
}

function showTable() {
  const seen = evaluations();
  if (at("rows").childElementCount === seen.length + run.baselines.length) return;
  const rows = run.baselines.map((row) => [row.name.replaceAll("_", " "), row]);
  rows.push(...seen.map((row) => [`epoch ${+row.epoch.toFixed(2)}, step ${row.step}`, row]));
  at("rows").replaceChildren(...rows.map(([name, row]) => {
    const line = document.createElement("tr");
    for (const [index, text] of [name, row.loss.toFixed(3), row.accuracy.toFixed(3), row.f1.toFixed(3)].entries()) {
      const cell = document.createElement(index ? "td" : "th");
      if (!index) cell.scope = "row";
      cell.textContent = text;
      line.append(cell);
    }
    return line;
  }));
}

function showWatched() {
  const list = at("watched");
  at("no-watched").hidden = run.pairs.length > 0;
  if (list.childElementCount !== run.pairs.length) list.replaceChildren(...run.pairs.map(watchedRow));
  const seen = visible(run.watched, (entry) => entry[0]);
  if (!seen.length) return;
  const probabilities = seen[seen.length - 1][1];
  run.pairs.forEach((pair, index) => {
    const row = list.children[index], p = probabilities[index];
    const right = (p > 0.5) === (pair.label === 1);
    row.querySelector(".watch-fill").style.width = `${p * 100}%`;
    row.querySelector(".watch-value").textContent = `${p.toFixed(2)} ${right ? "right" : "wrong"}`;
    row.dataset.right = right;
  });
}

function watchedRow(pair) {
  const row = document.createElement("li");
  for (const text of [pair.sentence1, pair.sentence2]) {
    const sentence = document.createElement("p");
    sentence.dir = "auto";
    sentence.textContent = text;
    sentence.title = text;
    row.append(sentence);
  }
  const meter = document.createElement("div");
  meter.className = "watch-meter";
  const label = document.createElement("span");
  label.className = "watch-label";
  label.textContent = pair.label === 1 ? "same" : "different";
  const track = document.createElement("span");
  track.className = "watch-track";
  const fill = document.createElement("span");
  fill.className = "watch-fill";
  fill.dataset.label = pair.label;
  track.append(fill);
  const value = document.createElement("span");
  value.className = "watch-value";
  meter.append(label, track, value);
  row.append(meter);
  return row;
}

function speak() {
  if (replay) return;
  const seen = run.evaluations[run.evaluations.length - 1];
  const measured = seen
    ? ` After epoch ${+seen.epoch.toFixed(1)}: accuracy ${seen.accuracy.toFixed(3)}, F1 ${seen.f1.toFixed(3)}, validation loss ${seen.loss.toFixed(3)}.`
    : "";
  const text = `${WORDS[news.state]}: ${PHASES[news.phase] || news.phase}.${measured}`;
  if (text === spoken) return;
  spoken = text;
  at("spoken").textContent = text;
}

// --- charts ---------------------------------------------------------------------------------------------------------

const isNarrow = () => element.clientWidth < 560;

function layout(extra) {
  const axis = { color: colour("--q-muted"), gridcolor: colour("--q-line"), linecolor: colour("--q-line"), zeroline: false, automargin: true };
  return {
    uirevision: run.id, paper_bgcolor: "transparent", plot_bgcolor: "transparent", showlegend: false, hovermode: "x unified",
    hoverlabel: { bgcolor: colour("--q-card"), bordercolor: colour("--q-line"), font: { color: colour("--q-ink") } },
    font: { family: "IBM Plex Sans, system-ui, sans-serif", size: 12, color: colour("--q-muted") },
    margin: { l: 44, r: isNarrow() ? 12 : 16, t: 8, b: 36 },
    xaxis: { ...axis, visible: news.total_steps > 0, title: { text: "step" }, range: [0, (news.total_steps || 1) * 1.03] },
    yaxis: { ...axis, visible: news.total_steps > 0 || Boolean(extra.more.shapes), ...extra.yaxis },
    annotations: news.total_steps ? [] : [LABEL("This begins with the first step of training.", 0.5, 0.5, colour("--q-muted"), { xref: "paper", yref: "paper", xanchor: "center" })],
    ...extra.more,
  };
}

const line = (name, x, y, options) => ({
  type: "scatter", mode: "lines", name, x, y, hovertemplate: `${name} %{y:.3f}<extra></extra>`, ...options,
});

function smooth(values, weight) {
  // Exponential moving average, its start corrected as Adam does (Kingma & Ba 2015, arXiv:1412.6980).
  let mean = 0;
  return values.map((value, index) => {
    mean = weight * mean + (1 - weight) * value;
    return mean / (1 - weight ** (index + 1));
  });
}

const LABEL = (text, x, y, color, extra) => ({ text, x, y, showarrow: false, font: { color, size: 12 }, bgcolor: colour("--q-card"), borderpad: 1, opacity: 0.9, xanchor: "left", ...extra });

function draw() {
  if (!window.Plotly || !news) return;
  const config = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "toImage"] };
  const points = visible(run.points, (point) => point[0]);
  const steps = points.map((point) => point[0]);
  const seen = evaluations();
  drawLoss(config, points, steps, seen);
  drawScore(config, seen);
  const rates = points.map((point) => point[2]);
  Plotly.react(at("rate"), [line("learning rate", steps, rates, { line: { color: colour("--q-accent"), width: 2 }, hovertemplate: "%{y:.2e}<extra></extra>" })],
    layout({ yaxis: { tickformat: ".0e", rangemode: "tozero", nticks: 4 }, more: {} }), config);
}

function drawLoss(config, points, steps, seen) {
  const accent = colour("--q-accent"), ink = colour("--q-ink");
  const raw = points.map((point) => point[1]);
  const smoothed = smooth(raw, +at("smoothing").value);
  const traces = [
    line("training, raw", steps, raw, { line: { color: accent, width: 1 }, opacity: 0.35, hoverinfo: "skip", hovertemplate: undefined }),
    line("training, smoothed", steps, smoothed, { line: { color: accent, width: 2.5 } }),
    line("validation", seen.map((e) => e.step), seen.map((e) => e.loss), { mode: "lines+markers", line: { color: ink, width: 2, dash: "dot" }, marker: { symbol: "diamond", size: 9, color: ink } }),
  ];
  Plotly.react(at("loss"), traces, layout({ yaxis: { title: { text: "cross-entropy (nats)" } }, more: {} }), config);
}

function drawScore(config, seen) {
  const accent = colour("--q-accent"), same = colour("--q-same");
  const x = seen.map((e) => e.step);
  const traces = [
    line("accuracy", x, seen.map((e) => e.accuracy), { mode: "lines+markers", line: { color: accent, width: 2.5 }, marker: { symbol: "circle", size: 9 }, cliponaxis: false }),
    line("F1", x, seen.map((e) => e.f1), { mode: "lines+markers", line: { color: same, width: 2, dash: "dot" }, marker: { symbol: "square", size: 8 }, cliponaxis: false }),
  ];
  const known = run.baselines.filter((row) => BASELINES[row.name]);
  const values = [...known.map((row) => row.accuracy), ...seen.flatMap((e) => [e.accuracy, e.f1])];
  const low = Math.max(0, Math.min(0.4, ...values) - 0.05), high = Math.min(1, Math.max(0.8, ...values) + 0.08);
  const last = seen[seen.length - 1];
  const gap = (high - low) * 0.08;
  const own = last ? [last.accuracy, last.f1] : [], theirs = known.map((row) => row.accuracy);
  const isBeside = last && last.step < news.total_steps * (isNarrow() ? 0.7 : 0.45);  // labels of baselines are on the left
  const places = isBeside ? spread([...theirs, ...own], gap) : [...spread(theirs, gap), ...spread(own, gap)];
  const above = { yanchor: "bottom", yshift: 6 };
  const annotations = known.map((row, i) => LABEL(`${BASELINES[row.name][0]} ${row.accuracy.toFixed(2)}`, 0.01, places[i], colour("--q-muted"), { xref: "paper", ...above }));
  if (last) {
    const ends = places.slice(-2), end = { xanchor: "right", ...above };
    annotations.push(LABEL(last.accuracy.toFixed(3), last.step, ends[0], accent, end));
    annotations.push(LABEL(last.f1.toFixed(3), last.step, ends[1], same, end));
  }
  const shapes = known.map((row) => ({
    type: "line", xref: "paper", x0: 0, x1: 1, y0: row.accuracy, y1: row.accuracy,
    line: { color: colour(BASELINES[row.name][1]), width: 1.5, dash: BASELINES[row.name][2] },
  }));
  Plotly.react(at("score"), traces, layout({ yaxis: { range: [low, high], title: { text: "share" } }, more: known.length || last ? { annotations, shapes } : {} }), config);
  at("score-title").textContent = scoreTitle(seen);
}

function scoreTitle(seen) {
  const before = run.baselines.find((row) => row.name === "untrained_head");
  if (!seen.length || !before) return "Accuracy and F1 on the validation pairs (higher is better)";
  const best = seen.reduce((a, b) => (b.is_best ? b : a));
  const verb = best.accuracy > before.accuracy ? "rose" : "went";
  return `Accuracy ${verb} from ${before.accuracy.toFixed(3)} (untrained head) to ${best.accuracy.toFixed(3)} (best)`;
}

function spread(values, gap) {
  // Heights for labels at these values, moved up where two would overlap.
  const order = values.map((value, index) => [value, index]).sort((a, b) => a[0] - b[0]);
  const placed = [];
  let below = -Infinity;
  for (const [value, index] of order) placed[index] = below = Math.max(value, below + gap);
  return placed;
}

// --- wiring ---------------------------------------------------------------------------------------------------------

element.addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-action]");
  if (pressed) command(pressed.dataset.action);
});
at("smoothing").addEventListener("input", () => {
  at("smoothing-value").textContent = (+at("smoothing").value).toFixed(2);
  draw();
});
window.addEventListener("qlora:follow", (event) => follow(event.detail));
document.addEventListener("visibilitychange", () => document.hidden || tick());
new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["class"] });
(function whenPlotlyIsThere() {
  if (window.Plotly) draw();
  else setTimeout(whenPlotlyIsThere, 50);
})();
tick();
