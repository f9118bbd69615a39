// Whether the gateway answers now: asked every second, and said within three when it does not.
import { html, useEffect, useMemo } from "../vendor/preact.js";
import { ask } from "../lib/api.js";
import { isStale, now, polled } from "../lib/polling.js";

export function Pulse() {
  const pulse = useMemo(() => polled(() => ask("GET", "/health/live", { patience: 2000 })), []);
  useEffect(() => pulse.stop, [pulse]);
  const { at, error } = pulse.state.value;
  const isLost = Boolean(error) || (at > 0 && isStale(at));
  const seconds = at ? Math.max(0, Math.round((now.value - at) / 1000)) : 0;
  return html`<span class="pulse" role="status" data-state=${isLost ? "lost" : at ? "live" : "asking"}>
    ${isLost ? `No answer for ${seconds} s` : at ? "Live" : "…"}
  </span>`;
}
