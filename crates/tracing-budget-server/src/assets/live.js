// Follows what happens: whenever the server tells of something, the page is asked for again and the part that changes is
// put in place of the old one. The server draws everything; without this script the page loads itself every few seconds.
"use strict";
(() => {
  const events = new EventSource("/live");
  let due = false;
  let busy = false;

  const refresh = async () => {
    if (busy) return;
    busy = true;
    due = false;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // The server is away; the stream connects again by itself, and its next event comes back here.
    } finally {
      // Once a second at most, however much happens.
      setTimeout(() => { busy = false; if (due) refresh(); }, 1000);
    }
  };

  const show = (page) => {
    const now = document.querySelector("[data-live]");
    const next = page.querySelector("[data-live]");
    if (!now || !next) return;
    const focused = document.activeElement && now.contains(document.activeElement) ? document.activeElement : null;
    const place = focused && (focused.id ? `#${CSS.escape(focused.id)}` : focused.getAttribute("href") && `[href="${CSS.escape(focused.getAttribute("href"))}"]`);
    for (const open of now.querySelectorAll("details[open][id]")) {
      next.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
    }
    document.title = page.title;
    if (now.isEqualNode(next)) return;
    now.replaceWith(next);
    if (place) next.querySelector(place)?.focus({ preventScroll: true });
    const said = page.querySelector("[data-say]")?.textContent.trim() ?? "";
    const say = document.querySelector("[data-say]");
    if (say && say.textContent.trim() !== said) say.textContent = said;
    if (next.dataset.live === "over") events.close();
  };

  const ask = () => { due = true; refresh(); };
  for (const name of ["snapshot", "run_started", "stage_started", "stage_closed", "cost_moved", "run_ended", "run_stale", "run_deleted"]) {
    events.addEventListener(name, ask);
  }
})();
