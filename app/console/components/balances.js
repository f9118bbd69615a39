// Balances by account and connector, with what they are worth.
import { html, useSignal } from "../vendor/preact.js";
import { compare, isPositive, rounded } from "../lib/decimals.js";
import { selling } from "../lib/holdings.js";
import { scopes } from "../lib/session.js";
import { Table } from "./table.js";

const NUMBERS = ["Units", "Available", "Price", "Value"];
const COLUMNS = ["Token", ...NUMBERS.map((name) => ({ name, isNumber: true })), { name: "Actions", isHidden: true }];

export function Balances({ rows, open }) {
  const problem = useSignal("");
  async function sell(balance) {
    problem.value = "";
    try {
      const terms = await selling(balance);
      if (terms) open(terms, `Sells ${terms.amount} ${balance.token} of ${balance.account_name}/${balance.connector_name}.`);
      else problem.value = `${balance.connector_name} lists no pair that sells ${balance.token}.`;
    } catch (error) {
      problem.value = error.message;
    }
  }
  return html`
    <section class="card balances" aria-labelledby="balances-title">
      <h2 id="balances-title">Balances</h2>
      <p class="problem" role="alert">${problem.value}</p>
      <${Table} label="Balances" columns=${COLUMNS} rows=${rows.map((balance) => ({ key: `${balance.account_name}/${balance.connector_name}/${balance.token}`, cells: cells(balance, sell) }))} />
    </section>
  `;
}

function cells(balance, sell) {
  const { account_name, connector_name, token, units, available_units, price, price_known, value, problem, as_of } = balance;
  return [
    html`<strong>${token}</strong><small>${account_name}/${connector_name}</small>
      ${problem !== null && html`<small class="stale">STALE, of ${new Date(as_of).toLocaleTimeString()}: ${problem}</small>`}`,
    units,
    available_units ?? "not stated",
    price_known ? price : "unknown",
    price_known ? `${rounded(value, 2)} USD` : "unknown",
    scopes.value.has("orders:place") && balance.isSpot && isPositive(available_units ?? units) && !(price_known && compare(price, "1") === 0) &&
      html`<button type="button" class="quiet" aria-label=${`Sell ${token} of ${account_name}/${connector_name}`} onClick=${() => sell(balance)}>Sell</button>`,
  ];
}
