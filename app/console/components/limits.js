// The limits that are set, and what is left of each.
import { html, useEffect, useMemo } from "../vendor/preact.js";
import { loadLimits } from "../lib/accounts.js";
import { polled } from "../lib/polling.js";
import { Table } from "./table.js";

const EVERY = 10_000;

export function Limits() {
  const asked = useMemo(() => polled(loadLimits, EVERY), []);
  useEffect(() => asked.stop, [asked]);
  const { value, error } = asked.state.value;
  const rows = (value?.limits ?? []).flatMap(({ scope, limits, used, unlimited, reason }) => {
    const place = Object.values(scope).filter(Boolean).join("/") || "everything";
    if (unlimited) return [{ key: place, cells: [place, "none, deliberately", "", reason ?? ""] }];
    return Object.entries(limits)
      .filter(([, most]) => most !== null)
      .map(([name, most]) => ({ key: `${place} ${name}`, cells: [place, name.replaceAll("_", " "), used?.[name] ?? "", typeof most === "object" ? JSON.stringify(most) : most] }));
  });
  return html`
    <section class="card limits" aria-labelledby="limits-title">
      <h2 id="limits-title">Limits</h2>
      <p class="problem" role="alert">${error?.message}</p>
      ${value && html`<${Table} label="Limits" columns=${["Scope", "Limit", { name: "Used", isNumber: true }, { name: "At most", isNumber: true }]} none="No limits are set." rows=${rows} />`}
    </section>
  `;
}
