// Whether the gateway answers now: known from whatever it answers, else asked every second, and said within three when it does not.
import { html, useEffect, useMemo } from "../vendor/preact.js";
import { ask, silence } from "../lib/api.js";
import { isStale, now, polled } from "../lib/polling.js";

/** Milliseconds within which another answer shows that the gateway is there. */
const RECENT = 1000;

const look = async () => silence() < RECENT || ask("GET", "/health/live", { patience: 2000 });

export function Pulse() {
  const pulse = useMemo(() => polled(look), []);
  useEffect(() => pulse.stop, [pulse]);
  const { at, error } = pulse.state.value;
  const isLost = Boolean(error) || (at > 0 && isStale(at));
  const seconds = at ? Math.max(0, Math.round((now.value - at) / 1000)) : 0;
  return html`<span class="pulse" role="status" data-state=${isLost ? "lost" : at ? "live" : "asking"}>
    ${isLost ? `No answer for ${seconds} s` : at ? "Live" : "…"}
  </span>`;
}
