// How fast the gateway is and how it is with it: its own part against the exchange's, outcomes over time, journal and streams.
import { html, useEffect, useMemo, useRef } from "../vendor/preact.js";
import { ask } from "../lib/api.js";
import { isStale, now, polled } from "../lib/polling.js";
import { ageText } from "../lib/times.js";
import { Outcomes } from "./outcomes.js";
import { Table } from "./table.js";

const EVERY = 2000;
/** Milliseconds after which a process that no longer answers is no longer shown. */
const GONE = 60_000;
const PARTS = { gateway: "the gateway", exchange: "the exchange" };

export function Performance() {
  const asked = useMemo(() => polled(() => ask("GET", "/performance"), EVERY), []);
  const ready = useMemo(() => polled(() => ask("GET", "/health/ready").catch(readinessOf), EVERY), []);
  useEffect(() => () => [asked, ready].forEach((each) => each.stop()), [asked, ready]);
  const { value, at, error } = asked.state.value;
  const processes = useProcesses(value);
  const isOld = Boolean(error) || isStale(at, EVERY + 3000);
  return html`
    <h1 class="visually-hidden">Latency and health</h1>
    <section class="card latency" data-stale=${isOld} aria-labelledby="latency-title">
      <h2 id="latency-title">Latency <span class="freshness" role="status">${isOld ? "STALE" : "live"}</span></h2>
      <p class="problem" role="alert">${error?.message}</p>
      <${Table} label="Latency" columns=${["Connector", "Step", "Spent in", ...["p50 ms", "p95 ms", "p99 ms", "Of the last"].map((name) => ({ name, isNumber: true }))]}
        none="No orders since this process began." rows=${processes.flatMap((each) => each.steps.map((step) => row(step, each.process, processes.length > 1)))} />
    </section>
    <${Outcomes} processes=${processes} />
    <div class="halves">
      <${Readiness} state=${ready.state.value} />
      ${processes.map((each) => html`<${Journal} key=${each.process} of=${each} />`)}
    </div>
  `;
}

function row({ part, connector, verb, count, p50_ms, p95_ms, p99_ms }, process, isOneOfMany) {
  return {
    key: `${process} ${part} ${connector} ${verb}`,
    "data-part": part,
    cells: [html`<strong>${connector}</strong>${isOneOfMany && html`<small>process ${process}</small>`}`, verb, PARTS[part] ?? part, p50_ms, p95_ms, p99_ms, count],
  };
}

/** Each answer is of one process; where several serve, the last answer of each counts. */
function useProcesses(answer) {
  const known = useRef(new Map());
  if (answer) known.current.set(answer.process, { ...answer, at: Date.now() });
  for (const [process, { at }] of known.current) if (now.value - at > GONE) known.current.delete(process);
  return [...known.current.values()].sort((one, other) => Number(one.process) - Number(other.process));
}

/** What readiness says also where it says no. */
function readinessOf(error) {
  if (error.problem?.connectors) return error.problem;
  throw error;
}

function Readiness({ state: { value, error } }) {
  return html`
    <section class="card readiness" aria-labelledby="readiness-title">
      <h2 id="readiness-title">Readiness</h2>
      <p class="problem" role="alert">${error?.message}</p>
      ${value && html`<dl>
        <div><dt>Gateway</dt><dd class=${value.status === "ready" ? "good" : "bad"}>${value.status}</dd></div>
        <div><dt>Journal</dt><dd class=${value.journal === "ready" ? "good" : "bad"}>${value.journal}</dd></div>
        ${Object.entries(value.connectors).map(([name, text]) => html`<div key=${name}><dt>${name}</dt><dd class=${text === "ready" ? "good" : "bad"}>${text}</dd></div>`)}
        ${value.without_limits && html`<div><dt>Live without limits</dt><dd class="bad">${value.without_limits.join(", ")}</dd></div>`}
      </dl>`}
    </section>
  `;
}

function Journal({ of: { process, journal, streams } }) {
  const { head, queue, commits, unsettled_orders, oldest_unsettled_seconds } = journal;
  return html`
    <section class="card journal" aria-label=${`Journal and streams of process ${process}`}>
      <h2>Journal and streams <small>process ${process}</small></h2>
      <dl>
        <div><dt>Last event</dt><dd>#${head}</dd></div>
        <div><dt>Writes that wait</dt><dd>${queue}</dd></div>
        <div><dt>A commit, p50 / p95 / p99</dt><dd>${commits ? `${commits.p50_ms} / ${commits.p95_ms} / ${commits.p99_ms} ms` : "none yet"}</dd></div>
        <div><dt>Orders in doubt or on their way</dt><dd class=${unsettled_orders === "0" ? "good" : "bad"}>${unsettled_orders}${oldest_unsettled_seconds === null ? "" : `, the oldest for ${ageText(Number(oldest_unsettled_seconds) * 1000)}`}</dd></div>
        <div><dt>Open streams</dt><dd>${streams}</dd></div>
      </dl>
    </section>
  `;
}
