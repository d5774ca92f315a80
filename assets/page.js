// What every part of the page shares, as window.qlora: this browser's secret, the owner's pass, and the ways between the
// tabs.

window.qlora = (() => {
  const SECRET = "qlora-secret";
  const OWNER = "qlora-owner";
  const ADDRESS = "qlora-address";
  const PROBE = "qlora-probe";
  const DOWNLOAD_DELAY = 100;
  const FILE_KEPT = 60_000;
  const LANGUAGE = "qlora-language";
  const YEAR = 365 * 86_400;
  const _ = (text) => window.qloraLanguage?.texts[text] ?? text; // as language.js, which only modules can import
  const REST = 300; // browsers refuse an address that is written many times a second
  const NO_ANSWER = _("The server does not answer. Open the link with the owner's key again.");
  const inMemory = {}; // for a browser that keeps nothing: it lasts as long as the page
  let wanted = "";
  let settings = ""; // in which several runs differ
  let key = "";
  let toBorrow = "";
  let threshold = "";
  let soon = {}; // what is to be put into the address
  let writing = 0;
  let touched = false; // whether somebody has done something with the form
  let show = () => {}; // shows the server the key, as soon as there is somebody to ask it
  let news = null; // the live view's state, as it was told last
  const listeners = [];

  // Only to name one of these storages may be refused already.
  const browser = () => localStorage;
  const tab = () => sessionStorage;

  function kept(name, storage = browser) {
    try {
      return storage().getItem(name) || inMemory[name] || "";
    } catch {
      return inMemory[name] || "";
    }
  }

  function keep(name, value, storage = browser) {
    inMemory[name] = value;
    try {
      storage().setItem(name, value);
    } catch {
      // as above
    }
  }

  /** Whether what is kept outlives the page: within another site's page, a browser may refuse it. */
  function keepsAnything() {
    try {
      localStorage.setItem(PROBE, PROBE);
      localStorage.removeItem(PROBE);
      return true;
    } catch {
      return false;
    }
  }

  /** Within another site's page the address is seen by nobody, and lost when that page is loaded again: the tab remembers it. */
  function recallAddress() {
    const named = new URLSearchParams(location.search);
    if (window === window.top || named.has("run")) return;
    const remembered = new URLSearchParams(kept(ADDRESS, tab));
    for (const [name, value] of named) remembered.set(name, value);
    if (remembered.size) history.replaceState(null, "", `${location.pathname}?${remembered}${location.hash}`);
  }

  function drawn() {
    const bytes = Array.from(crypto.getRandomValues(new Uint8Array(24)));
    return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** Takes the owner's key out of the address, where it stands behind the "#": browsers send that part to nobody. */
  function takeKey() {
    const found = /^#owner=(.+)$/.exec(location.hash);
    if (!found) return;
    try {
      key = decodeURIComponent(found[1]);
    } catch {
      key = found[1]; // a percent sign of its own
    }
    history.replaceState(null, "", location.pathname + location.search);
  }

  /** A chart follows the window's width, but not while its tab is hidden: it is told once it is seen again. */
  function fitCharts() {
    const charts = [...document.querySelectorAll(".js-plotly-plot")].filter((chart) => chart.offsetWidth);
    const width = (chart) => chart.querySelector(".main-svg")?.clientWidth ?? chart.offsetWidth;
    const isOff = (chart) => Math.abs(width(chart) - chart.offsetWidth) > 1;
    if (charts.some(isOff)) window.dispatchEvent(new Event("resize"));
  }

  // Gradio names each radio button for itself, anew at each choice; the arrow keys move between those that share a name.
  function joinRadioButtons(event) {
    if (event.target.type !== "radio" || !event.key.startsWith("Arrow")) return;
    const group = event.target.closest("fieldset").querySelectorAll('input[type="radio"]');
    for (const one of group) one.name = group[0].name;
  }

  function notice(event) {
    const isOnTheWay = event.key === "Tab" || event.key === "Shift";
    if (!isOnTheWay && event.target.closest?.(".train-form")) touched = true;
  }

  /** Has the server answer in a language from now on: a cookie, because it has to know before any script runs. */
  function keepLanguage(code) {
    const isSafe = location.protocol === "https:"; // then it is kept in a frame of another site as well
    const rest = isSafe ? "SameSite=None; Secure; Partitioned" : "SameSite=Lax";
    document.cookie = `${LANGUAGE}=${code}; max-age=${YEAR}; path=/; ${rest}`;
  }

  recallAddress();
  const linked = new URLSearchParams(location.search).get("lang");
  if (/^[a-z]{2}$/.test(linked ?? "")) keepLanguage(linked);

  // The tab Results asks for the run it is to show. When it is first opened by hand, that is the address's run.
  const opened = new URLSearchParams(location.search);
  wanted = [opened.get("run"), opened.get("with")].filter(Boolean).join();
  settings = opened.get("vary") || "";
  threshold = opened.get("threshold") || "";
  takeKey();
  if (opened.get("class")) document.documentElement.classList.add("class-mode");
  window.addEventListener("hashchange", () => {
    takeKey();
    show();
  });
  document.addEventListener("keydown", joinRadioButtons);
  new ResizeObserver(fitCharts).observe(document.documentElement); // another tab makes the page as long as itself
  for (const kind of ["pointerdown", "keydown", "input", "change"]) document.addEventListener(kind, notice, true);

  const qlora = {
    /** Whoever started a run is known by a secret that only this browser has. */
    secret() {
      const known = kept(SECRET);
      if (!known) keep(SECRET, drawn());
      return known || kept(SECRET);
    },

    /** What the server knows its owner's browsers by, "" in others. */
    ownersPass() {
      return kept(OWNER);
    },

    /** Shows the server the owner's key that the address bears, now or later, and keeps the pass that it gives for the
     * right one. `claim({key})` asks the server; `say(words)` shows what it answered. */
    becomeOwner(claim, say) {
      show = async () => {
        if (!key) return;
        const shown = key;
        key = "";
        const answer = await claim({ key: shown }).catch(() => ({ error: NO_ANSWER }));
        if (answer.pass) keep(OWNER, answer.pass);
        say(answer.words || answer.error);
      };
      show();
    },

    /** Shows a sentence with a link in it where nothing is kept; the link takes along what is shown here. */
    sayWhetherKept(sentence) {
      sentence.hidden = keepsAnything();
      const link = sentence.querySelector("a");
      link.addEventListener("click", () => {
        link.href = location.href;
      });
    },

    /** Puts parameters into the page's address, so that it can be sent to others, and takes out empty ones. */
    address(parameters) {
      const address = new URL(location.href);
      for (const [name, value] of Object.entries(parameters)) {
        if (value) address.searchParams.set(name, value);
        else address.searchParams.delete(name);
      }
      history.replaceState(null, "", address);
      keep(ADDRESS, address.search, tab);
    },

    /** The same once a slider rests. */
    addressSoon(parameters) {
      soon = { ...soon, ...parameters };
      clearTimeout(writing);
      writing = setTimeout(() => {
        qlora.address(soon);
        soon = {};
      }, REST);
    },

    /** What the form is to hold once it is known what to open with, three names in one text: what it holds already where
     * somebody has touched it. */
    opened(opening, chosen) {
      return touched || !opening ? chosen : opening.split(" ");
    },

    /** Shows the page in another language. */
    speak(code) {
      keepLanguage(code);
      qlora.address({ lang: code });
      location.reload();
    },

    /** Shows a run in the live view. */
    follow(run) {
      if (!run) return;
      qlora.address({ run, with: "" });
      window.dispatchEvent(new CustomEvent("qlora:follow", { detail: run }));
      document.querySelector(".live-charts figure")?.scrollIntoView({ block: "nearest" }); // on a phone it is far below
    },

    /** Tells whoever follows the live view what it knows now, so that nobody else has to ask the server. */
    tell(state) {
      news = state;
      for (const listener of listeners) listener(state);
    },

    /** Calls `listener` with the live view's state: at once where there is one, and whenever it changes. */
    onNews(listener) {
      listeners.push(listener);
      if (news) listener(news);
    },

    /** Borrows a GPU for a run of one's own, where they are lent: presses the hidden button, in this visitor's name. */
    borrow(run) {
      if (!run) return;
      toBorrow = run;
      document.querySelector("#borrow")?.click();
    },

    /** What that button sends: the run, and who asks. */
    borrower() {
      return [toBorrow, qlora.secret(), qlora.ownersPass()];
    },

    /** Opens the tab Results with a run, looking at settings in which others differ from it. */
    openResults(run, varied = []) {
      wanted = run;
      if (varied.length) {
        settings = varied.join();
        qlora.address({ vary: settings });
      }
      document.querySelector("#open-results").click();
    },

    /** Opens the tab Inside at one of the recorded runs that failed. */
    openFailure(name) {
      qlora.address({ failure: name });
      document.querySelector("#open-inside").click();
      window.dispatchEvent(new CustomEvent("qlora:failure", { detail: name }));
    },

    /** The run that Results is to show, "" where it has been told already. */
    resultsWanted() {
      const run = wanted;
      wanted = "";
      return run;
    },

    /** The threshold that Results is to open with, "" where it has been told already. */
    thresholdWanted() {
      const named = threshold;
      threshold = "";
      return named;
    },

    /** The settings that Results is to look at, those on show where it has been told already. */
    settingsWanted(shown) {
      const names = settings;
      settings = "";
      return names ? names.split(",") : shown;
    },

    /** Shows the whole page to somebody who followed a class. */
    leaveClass() {
      document.documentElement.classList.remove("class-mode");
      qlora.address({ class: "" });
    },

    /** Saves a page that the server has made as a file. */
    save(name, page) {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([page], { type: "text/html" }));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), FILE_KEPT);
    },

    /** Hands over a file that was made on demand: presses the hidden button that it was put behind. */
    download(id) {
      setTimeout(() => document.querySelector(`#${id}`)?.click(), DOWNLOAD_DELAY);
    },
  };
  return qlora;
})();
