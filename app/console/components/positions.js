// Open positions on perpetuals.
import { html } from "../vendor/preact.js";
import { absolute, compare, rounded } from "../lib/decimals.js";
import { closing, valueOf } from "../lib/holdings.js";
import { assetsOf } from "../lib/markets.js";
import { scopes } from "../lib/session.js";
import { Table } from "./table.js";

const NUMBERS = ["Amount", "Value", "Entry", "Mark", "Profit", "Leverage", "Liquidation", "Margin"];
const COLUMNS = ["Position", ...NUMBERS.map((name) => ({ name, isNumber: true })), { name: "Actions", isHidden: true }];

export function Positions({ rows, open }) {
  return html`
    <section class="card positions" aria-labelledby="positions-title">
      <h2 id="positions-title">Positions</h2>
      <${Table} label="Positions" columns=${COLUMNS} none="No open positions." rows=${rows.map((position) => ({ key: keyOf(position), "data-side": position.position_side, cells: cells(position, open) }))} />
    </section>
  `;
}

const keyOf = (position) => [position.account_name, position.connector_name, position.trading_pair, position.side].join("/");

function cells(position, open) {
  const { account_name, connector_name, trading_pair, position_side, amount, entry_price, mark_price, unrealized_pnl, leverage, liquidation_price, margin } = position;
  const { base, quote } = assetsOf(trading_pair);
  const value = valueOf(position);
  const size = absolute(amount);
  const what = `${position_side} ${size} ${base} of ${trading_pair} on ${account_name}/${connector_name}`;
  return [
    html`<strong class="side" data-side=${position_side === "SHORT" ? "SELL" : "BUY"}>${position_side}</strong> ${trading_pair}<small>${account_name}/${connector_name}</small>`,
    `${size} ${base}`,
    value === null ? "unknown" : `${rounded(value, 2)} ${quote}`,
    entry_price ?? "unknown",
    mark_price ?? "unknown",
    html`<span class="side" data-side=${unrealized_pnl === null || compare(unrealized_pnl, "0") === 0 ? undefined : compare(unrealized_pnl, "0") < 0 ? "SELL" : "BUY"}>${unrealized_pnl === null ? "unknown" : rounded(unrealized_pnl, 4)}</span>`,
    leverage === null ? "unknown" : `${leverage}×`,
    liquidation_price ?? "none",
    margin === null ? "unknown" : rounded(margin, 4),
    scopes.value.has("orders:place") &&
      html`<span class="actions">
        <button type="button" class="quiet" aria-label=${`Close ${what}`} onClick=${() => open(closing(position), `Closes ${what}.`)}>Close</button>
        <button type="button" class="quiet" aria-label=${`Reduce ${what}`} onClick=${() => open({ ...closing(position), amount: "" }, `Reduces ${what}: enter by how much.`)}>Reduce</button>
      </span>`,
  ];
}
