// The latest fills.
import { html } from "../vendor/preact.js";
import { linkTo } from "../lib/route.js";

export function Fills({ rows }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Fills">
    <table>
      <thead><tr><th>Time</th><th>Pair</th><th>Amount</th><th>Price</th><th>Fee</th></tr></thead>
      <tbody>
        ${rows.map(
          (fill) => html`<tr key=${`${fill.connector_name} ${fill.trading_pair} ${fill.trade_id}`}>
            <td><a href=${linkTo("orders", fill.order_id, fill.account_name, fill.connector_name)}>${new Date(fill.at).toLocaleTimeString()}</a></td>
            <td>${fill.trade_type ?? ""} ${fill.trading_pair}</td>
            <td class="num" data-label="Amount">${fill.amount}</td><td class="num" data-label="Price">${fill.price}</td>
            <td class="num" data-label="Fee">${fill.fee ?? "not told"} ${fill.fee_currency ?? ""}</td>
          </tr>`,
        )}
      </tbody>
    </table>
    ${rows.length === 0 && html`<p class="hint">None.</p>`}
  </div>`;
}
