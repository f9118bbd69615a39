// What the accounts hold: positions with close and reduce, balances with their value. Every order goes through the ticket.
import { html, useEffect, useMemo, useRef, useSignal } from "../vendor/preact.js";
import { rounded } from "../lib/decimals.js";
import { loadHoldings } from "../lib/holdings.js";
import { holdingsChanged, isFollowing, useOrders } from "../lib/orders.js";
import { isStale, now, polled } from "../lib/polling.js";
import { linkTo } from "../lib/route.js";
import { openWith } from "../lib/ticket.js";
import { Balances } from "./balances.js";
import { Positions } from "./positions.js";

/** Milliseconds between questions while nothing happens: each asks every exchange. */
const EVERY = 15_000;
/** Milliseconds after an event: the gateway's answer about balances serves for three seconds, so one asked now may be older. */
const SETTLED = 3200;

export function Holdings() {
  const asked = useMemo(() => polled(loadHoldings, EVERY), []);
  const problem = useSignal("");
  const changes = holdingsChanged.value;
  useEffect(() => asked.stop, [asked]);
  useEffect(useOrders, []);
  const timer = useRef(0);
  useEffect(() => {
    if (changes && !timer.current) timer.current = setTimeout(askAgain, SETTLED);
  }, [changes]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const { value, at, error } = asked.state.value;
  const isOld = Boolean(error) || !isFollowing.value || isStale(at, EVERY + 5000);

  function askAgain() {
    timer.current = 0;
    asked.again();
  }

  function open(terms, purpose) {
    if (openWith(terms, purpose)) location.hash = linkTo("trade");
    else problem.value = "The ticket has an order without an answer. Ask for its answer first.";
  }

  return html`
    <h1 class="visually-hidden">Positions and balances</h1>
    <section class="card total" data-stale=${isOld}>
      <h2>Worth <strong class="num">${value ? `${value.isPartial ? "at least " : ""}${rounded(value.total, 2)} USD` : "…"}</strong>
        <span class="freshness" role="status">${at ? `${isOld ? "STALE, " : ""}asked ${Math.max(0, Math.round((now.value - at) / 1000))} s ago` : "asking"}</span>
        <button type="button" class="quiet" onClick=${asked.again}>Ask again</button>
      </h2>
      <p class="problem" role="alert">${problem.value || error?.message}</p>
      ${value?.unread.map((text) => html`<p key=${text} class="warning" role="status">${text}</p>`)}
    </section>
    ${value && html`<${Positions} rows=${value.positions} open=${open} /><${Balances} rows=${value.balances} open=${open} />`}
  `;
}
