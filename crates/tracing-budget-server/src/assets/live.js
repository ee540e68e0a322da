// Follows runs in flight: on each event from the server, requests the page again and replaces the part that changes.
// The server renders everything. Without this script, the page reloads itself every few seconds.
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
      // The server is unreachable. The stream reconnects by itself, and its next event refreshes the page.
    } finally {
      // At most once a second: a run with many calls would otherwise keep the server rendering.
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
    const text = page.querySelector("[data-announce]")?.textContent.trim() ?? "";
    const announcer = document.querySelector("[data-announce]");
    if (announcer && announcer.textContent.trim() !== text) announcer.textContent = text;
    if (next.dataset.live === "over") events.close();
  };

  const onEvent = () => { due = true; refresh(); };
  for (const name of ["snapshot", "run_started", "stage_started", "stage_closed", "cost_moved", "run_ended", "run_stale", "run_deleted"]) {
    events.addEventListener(name, onEvent);
  }
})();
