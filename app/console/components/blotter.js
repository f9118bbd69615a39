// Orders and fills as they are now: what is in doubt on top, then what lives, then what has ended.
import { html, useEffect, useSignal } from "../vendor/preact.js";
import { isDoubtful, isFinal, isFollowing, keyOf, latestFills, orders, problem, useOrders } from "../lib/orders.js";
import { now } from "../lib/polling.js";
import { Choice } from "./choice.js";
import { Fills } from "./fills.js";
import { OrderRow } from "./order-row.js";

const SHOWN = { live: "Live", doubtful: "In doubt", all: "All", fills: "Fills" };

export function Blotter() {
  const shown = useSignal("live");
  const wanted = useSignal("");
  useEffect(useOrders, []);
  const time = now.value;
  const doubtful = orders.value.filter((order) => isDoubtful(order, time));
  const live = orders.value.filter((order) => !isFinal(order) && !isDoubtful(order, time));
  const ended = orders.value.filter(isFinal);
  const rows = { live: [...doubtful, ...live], doubtful, all: [...doubtful, ...live, ...ended] }[shown.value] ?? [];
  const word = wanted.value.trim().toUpperCase();
  const matches = (row) => !word || [row.trading_pair, row.account_name, row.connector_name, row.order_id].some((text) => text.toUpperCase().includes(word));
  return html`
    <section class="card blotter" data-stale=${!isFollowing.value} aria-labelledby="blotter-title">
      <h2 id="blotter-title">Orders
        <span class="freshness" role="status">${isFollowing.value ? "live" : "STALE: the stream is away"}</span>
        ${doubtful.length > 0 && html`<strong class="doubt">${doubtful.length} in doubt</strong>`}
      </h2>
      <div class="filters">
        <${Choice} name="shown" label="Show" value=${SHOWN[shown.value]} of=${Object.values(SHOWN)}
          onChoose=${(title) => (shown.value = Object.keys(SHOWN).find((name) => SHOWN[name] === title))} />
        <label>Filter <input name="filter" type="search" value=${wanted.value} onInput=${(event) => (wanted.value = event.currentTarget.value)} /></label>
      </div>
      <p class="problem" role="alert">${problem.value}</p>
      ${shown.value === "fills"
        ? html`<${Fills} rows=${latestFills.value.filter(matches)} />`
        : html`<div class="scroll" tabindex="0" role="region" aria-label="Orders">
            <table>
              <thead><tr><th>Order</th><th>State</th><th>Filled</th><th>Age</th><th><span class="visually-hidden">Actions</span></th></tr></thead>
              <tbody>${rows.filter(matches).map((order) => html`<${OrderRow} key=${keyOf(order)} order=${order} isDoubtful=${isDoubtful(order, time)} time=${time} />`)}</tbody>
            </table>
            ${rows.filter(matches).length === 0 && html`<p class="hint">None.</p>`}
          </div>`}
    </section>
  `;
}
