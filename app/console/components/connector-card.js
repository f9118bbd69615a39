// One connector of an account: its credentials' test, the exchange's health, the last comparison, and what it can do.
import { html, useEffect, useMemo, useSignal } from "../vendor/preact.js";
import { deleteCredential, healthOf, reconciliationOf, testCredential } from "../lib/accounts.js";
import { capabilitiesOf } from "../lib/markets.js";
import { now, polled } from "../lib/polling.js";
import { linkTo } from "../lib/route.js";
import { scopes } from "../lib/session.js";
import { ageText } from "../lib/times.js";
import { DeleteButton } from "./delete-button.js";
import { Environment } from "./environment.js";
import { Table } from "./table.js";

const EVERY = 10_000;
/** Milliseconds of difference between two clocks that are too much: times in the journal are by this machine's. */
const CLOCK_LIMIT = 1000;
const VERDICTS = {
  ok: "The exchange takes them, also for orders.",
  no_orders: "The exchange takes them, but not for orders.",
  orders_untried: "The exchange takes them; whether for orders could not be tried.",
  refused: "The exchange does not take them.",
  untried: "The exchange could not be asked.",
  sealed: "They can't be opened with this gateway's key.",
};

export function ConnectorCard({ account_name, connector_name, onChange }) {
  const health = useAsked(() => healthOf(connector_name), connector_name);
  const compared = useAsked(() => reconciliationOf(account_name, connector_name), `${account_name}/${connector_name}`);
  const can = useSignal(null);
  useEffect(() => {
    capabilitiesOf(connector_name).then((found) => (can.value = found), () => {});
  }, [connector_name]);
  const place = `${account_name}/${connector_name}`;
  return html`
    <article class="connector" aria-label=${place} data-environment=${can.value?.environment}>
      <h3>${connector_name} <${Environment} of=${can.value?.environment} /></h3>
      <${Health} found=${health} />
      <${Compared} found=${compared} place=${place} />
      ${can.value && html`<${Capabilities} can=${can.value} />`}
      ${scopes.value.has("accounts:write") &&
      html`<div class="actions">
        <${Trial} account_name=${account_name} connector_name=${connector_name} />
        <${DeleteButton} what=${`credentials of ${place}`} onDelete=${(force) => deleteCredential(account_name, connector_name, force)} onDone=${onChange} />
      </div>`}
    </article>
  `;
}

function useAsked(load, name) {
  const asked = useMemo(() => polled(load, EVERY), [name]);
  useEffect(() => asked.stop, [asked]);
  return asked.state.value;
}

function Health({ found: { value, error } }) {
  if (error) return html`<p class="problem" role="status">Health not known: ${error.message}</p>`;
  if (!value) return html`<p class="hint">Asking …</p>`;
  const { problem, clock_ahead_ms, clock_problem, request_headroom, unreadable_rows } = value;
  const odd = Object.entries(unreadable_rows);
  const isOff = clock_ahead_ms !== null && Math.abs(Number(clock_ahead_ms)) > CLOCK_LIMIT;
  return html`<dl>
    <div><dt>Health</dt><dd class=${problem ? "bad" : "good"}>${problem ?? "ready"}</dd></div>
    <div><dt>Clock</dt><dd class=${isOff || clock_problem ? "bad" : undefined}>${clockText(clock_ahead_ms, clock_problem)}</dd></div>
    <div><dt>Requests left</dt><dd>${request_headroom === null ? "not counted" : `${Math.round(Number(request_headroom) * 100)} %`}</dd></div>
    ${odd.length > 0 && html`<div><dt>Rows not readable</dt><dd class="bad">${odd.map(([name, count]) => `${name}: ${count}`).join(", ")}</dd></div>`}
  </dl>`;
}

function clockText(ahead, problem) {
  if (problem) return `can't be asked: ${problem}`;
  if (ahead === null) return "none of its own";
  const milliseconds = Number(ahead);
  return milliseconds === 0 ? "as ours" : `${Math.abs(milliseconds)} ms ${milliseconds > 0 ? "ahead of ours" : "behind ours"}`;
}

function Compared({ found: { value, error }, place }) {
  if (error) return html`<p class="problem" role="status">Comparison not known: ${error.message}</p>`;
  if (!value) return null;
  const { last, problem, failed_at } = value;
  const age = (at) => ageText(now.value - Date.parse(at));
  return html`
    <dl>
      <div><dt>Compared with the exchange</dt><dd>${last ? `${age(last.at)} ago, ${last.orders} ${last.orders === "1" ? "order" : "orders"}${last.is_whole === true ? ", the whole book" : ""}` : "not yet"}</dd></div>
      ${last && html`<div><dt>Differences</dt><dd class=${Number(last.difference_count) ? "bad" : "good"}>${last.difference_count}</dd></div>`}
      ${last && Number(last.foreign_orders) > 0 && html`<div><dt>Orders of others</dt><dd>${last.foreign_orders}</dd></div>`}
      ${last?.unasked_pairs?.length > 0 && html`<div><dt>Pairs not compared</dt><dd>${last.unasked_pairs.join(", ")}</dd></div>`}
      ${problem && html`<div><dt>Failed ${age(failed_at)} ago</dt><dd class="bad">${problem}</dd></div>`}
    </dl>
    ${last?.differences.length > 0 &&
    html`<${Table} label=${`Differences of ${place}`} columns=${["Order", "Journal", "Exchange"]} rows=${last.differences.map((each) => ({
      key: each.order_id,
      cells: [
        html`<a href=${linkTo("orders", each.order_id)}>${each.order_id}</a> ${each.trading_pair}`,
        `${each.state}, filled ${each.filled_amount}`,
        each.exchange_state === null ? "not on the book: it is asked about" : `${each.exchange_state}, filled ${each.exchange_filled_amount}`,
      ],
    }))} />`}
  `;
}

function Capabilities({ can }) {
  const settles = { by_id: "asked by our id", by_listing: "looked for in its lists", by_operator: "nothing proves an absence" };
  const rows = [
    ["Order types", can.order_types.join(", ")],
    ["Times in force", can.times_in_force.join(", ")],
    ["Reduce only", can.reduce_only ? "yes" : "no"],
    ["Amount in quote", can.quote_amount ? "yes" : "no"],
    ["Perpetuals", can.is_perpetual ? "yes" : "no"],
    ["After a lost answer", settles[can.settles] ?? can.settles],
    ["Events of the account", can.stream === "push" ? "pushed" : "asked every few seconds"],
    ["Tried against", can.proof === "local_exchange" ? "an exchange that runs locally" : "documented requests and answers"],
  ];
  return html`<details><summary>What it can do</summary><dl>${rows.map(([name, text]) => html`<div key=${name}><dt>${name}</dt><dd>${text}</dd></div>`)}</dl></details>`;
}

function Trial({ account_name, connector_name }) {
  const said = useSignal({ text: "", isBad: false });
  const isBusy = useSignal(false);
  async function run() {
    if (isBusy.value) return;
    isBusy.value = true;
    said.value = { text: "The exchange is asked …", isBad: false };
    try {
      const { verdict, detail } = await testCredential(account_name, connector_name);
      said.value = { text: [VERDICTS[verdict] ?? verdict, detail].filter(Boolean).join(" "), isBad: !["ok", "orders_untried"].includes(verdict) };
    } catch (error) {
      said.value = { text: error.message, isBad: true };
    } finally {
      isBusy.value = false;
    }
  }
  return html`<span class="trial">
    <button type="button" class="quiet" aria-disabled=${isBusy.value} aria-label=${`Test credentials of ${account_name}/${connector_name}`} onClick=${run}>Test credentials</button>
    <span role="status" class=${said.value.isBad ? "bad" : undefined}>${said.value.text}</span>
  </span>`;
}
