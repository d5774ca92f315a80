// What every part of the page shares: this browser's secret, and the links between the tabs.

(function () {
  const KEY = "qlora-secret";
  let secret = "";

  function keep(value) {
    secret = value;
    try {
      localStorage.setItem(KEY, value);
    } catch (error) {
      // A browser that keeps nothing: the secret lasts as long as the page.
    }
  }

  // Whoever started a run is known by a secret that only this browser has. The server's owner opens ?owner=KEY once.
  const address = new URL(location.href);
  const owner = address.searchParams.get("owner");
  if (owner) {
    keep(owner);
    address.searchParams.delete("owner");
    history.replaceState(null, "", address);
  }
  window.qloraSecret = function () {
    if (!secret) {
      try {
        secret = localStorage.getItem(KEY) || "";
      } catch (error) {
        secret = "";
      }
    }
    if (!secret) keep(Array.from(crypto.getRandomValues(new Uint8Array(24)), (byte) => byte.toString(16).padStart(2, "0")).join(""));
    return secret;
  };

  window.qloraFollow = function (run) {
    if (!run) return;
    window.qloraAddress({ run });
    window.dispatchEvent(new CustomEvent("qlora:follow", { detail: run }));
    document.querySelector(".live-charts figure")?.scrollIntoView({ block: "nearest" });  // on a phone it is far below
  };

  // "See the results" of the live view opens the tab Results, which asks here for the run it is to show. When it is first
  // opened by hand, that is the address's run.
  let wanted = address.searchParams.get("run") || "";
  window.addEventListener("qlora:results", (event) => {
    wanted = event.detail;
    document.querySelector("#open-results").click();
  });
  window.qloraResultsWanted = function () {
    const run = wanted;
    wanted = "";
    return run;
  };

  // Gradio names each radio button for itself, anew at each choice; the arrow keys move between those that share a name.
  document.addEventListener("keydown", (event) => {
    if (event.target.type !== "radio" || !event.key.startsWith("Arrow")) return;
    const group = event.target.closest("fieldset").querySelectorAll('input[type="radio"]');
    for (const one of group) one.name = group[0].name;
  });

  // A file that was made on demand: press the hidden button that it was put behind.
  window.qloraDownload = function (id) {
    setTimeout(() => document.querySelector(`#${id}`)?.click(), 100);
  };

  // The run and the pair are in the address, so that it can be sent to others.
  window.qloraAddress = function (parameters) {
    const address = new URL(location.href);
    for (const [name, value] of Object.entries(parameters)) {
      if (value) address.searchParams.set(name, value);
      else address.searchParams.delete(name);
    }
    history.replaceState(null, "", address);
  };
})();
