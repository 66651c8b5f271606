// Says truthfully whether the page is live. htmx brings the updates; this file only
// tells a reader when they stop, because a page that stands still at night looks calm.
(() => {
  "use strict";
  const SILENCE_MS = 50_000; // The clocks are refreshed every 15 s.
  let last = Date.now();
  let over = false;
  const say = (state, text) => {
    const live = document.getElementById("live");
    if (live.dataset.state === state) return;
    live.dataset.state = state;
    live.textContent = text;
  };
  const lost = () => {
    if (!over) say("lost", "Not live: the connection is lost. Trying again.");
  };
  document.addEventListener("htmx:sse:after:message", () => {
    last = Date.now();
    if (!over) say("live", "Live");
  });
  document.addEventListener("htmx:sse:error", lost);
  document.addEventListener("htmx:sse:close", lost);
  document.addEventListener("ended", () => {
    over = true;
    say("lost", "Not live: you are signed out. Reload to sign in.");
  });
  setInterval(() => {
    if (Date.now() - last > SILENCE_MS) lost();
  }, 5_000);
})();
