// Stores the browser's time zone in a cookie and reloads the page once, so that the server shows times in that zone.
// Does nothing on pages with a zone in their URL. If the server does not know the zone, the cookie is there already and
// the page keeps UTC.
"use strict";
(() => {
  const shown = document.documentElement.dataset.zone;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!shown || !zone || shown === zone) return;
  const cookie = `tracing_budget_tz=${encodeURIComponent(zone)}`;
  const stored = () => document.cookie.split("; ").includes(cookie);
  if (stored()) return;
  document.cookie = `${cookie}; path=/; max-age=31536000; samesite=strict`;
  if (stored()) location.reload();
})();
