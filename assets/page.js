// What every part of the page shares, as window.qlora: this browser's secret, and the ways between the tabs.

window.qlora = (() => {
  const KEY = "qlora-secret";
  const DOWNLOAD_DELAY = 100;
  let secret = "";
  let wanted = "";

  function kept() {
    try {
      return localStorage.getItem(KEY) || "";
    } catch {
      return ""; // a browser that keeps nothing: the secret lasts as long as the page
    }
  }

  function keep(value) {
    secret = value;
    try {
      localStorage.setItem(KEY, value);
    } catch {
      // as above
    }
  }

  function drawn() {
    const bytes = Array.from(crypto.getRandomValues(new Uint8Array(24)));
    return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function takeOwnersKey() {
    const address = new URL(location.href);
    const owner = address.searchParams.get("owner");
    if (!owner) return;
    keep(owner);
    address.searchParams.delete("owner");
    history.replaceState(null, "", address);
  }

  // Gradio names each radio button for itself, anew at each choice; the arrow keys move between those that share a name.
  function joinRadioButtons(event) {
    if (event.target.type !== "radio" || !event.key.startsWith("Arrow")) return;
    const group = event.target.closest("fieldset").querySelectorAll('input[type="radio"]');
    for (const one of group) one.name = group[0].name;
  }

  // The tab Results asks for the run it is to show. When it is first opened by hand, that is the address's run.
  wanted = new URLSearchParams(location.search).get("run") || "";
  takeOwnersKey();
  document.addEventListener("keydown", joinRadioButtons);

  const qlora = {
    /** Whoever started a run is known by a secret that only this browser has; the server's owner opens ?owner=KEY once. */
    secret() {
      if (!secret) secret = kept();
      if (!secret) keep(drawn());
      return secret;
    },

    /** Puts parameters into the page's address, so that it can be sent to others, and takes out empty ones. */
    address(parameters) {
      const address = new URL(location.href);
      for (const [name, value] of Object.entries(parameters)) {
        if (value) address.searchParams.set(name, value);
        else address.searchParams.delete(name);
      }
      history.replaceState(null, "", address);
    },

    /** Shows a run in the live view. */
    follow(run) {
      if (!run) return;
      qlora.address({ run });
      window.dispatchEvent(new CustomEvent("qlora:follow", { detail: run }));
      document.querySelector(".live-charts figure")?.scrollIntoView({ block: "nearest" }); // on a phone it is far below
    },

    /** Opens the tab Results with a run. */
    openResults(run) {
      wanted = run;
      document.querySelector("#open-results").click();
    },

    /** The run that Results is to show, "" where it has been told already. */
    resultsWanted() {
      const run = wanted;
      wanted = "";
      return run;
    },

    /** Hands over a file that was made on demand: presses the hidden button that it was put behind. */
    download(id) {
      setTimeout(() => document.querySelector(`#${id}`)?.click(), DOWNLOAD_DELAY);
    },
  };
  return qlora;
})();
