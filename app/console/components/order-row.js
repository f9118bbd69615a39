// One order of the blotter.
import { html, useEffect, useMemo, useSignal } from "../vendor/preact.js";
import { cancel, isFinal, orderWithEvents } from "../lib/orders.js";
import { now, polled } from "../lib/polling.js";
import { linkTo } from "../lib/route.js";
import { scopes } from "../lib/session.js";
import { ageText } from "../lib/times.js";

export function OrderRow({ order, isDoubtful, time }) {
  const asked = useSignal("");
  async function ask() {
    asked.value = "Cancelling …";
    try {
      const { state } = await cancel(order);
      asked.value = state === "canceled" ? "" : `Asked: ${state}`;
    } catch (error) {
      asked.value = `Not cancelled: ${error.message}`;
    }
  }
  const price = order.price === null ? "market" : order.price;
  return html`
    <tr data-state=${order.state} data-doubtful=${isDoubtful}>
      <td>
        <a href=${linkTo("orders", order.order_id, order.account_name, order.connector_name)}>
          <span class="side" data-side=${order.trade_type}>${order.trade_type}</span> ${order.amount ?? `for ${order.quote_amount}`} ${order.trading_pair}
        </a>
        <small>${order.order_type} ${price} · ${order.account_name}/${order.connector_name}</small>
      </td>
      <td data-label="State"><strong class="state" data-state=${order.state}>${isDoubtful ? "UNKNOWN" : order.state}</strong>
        ${isDoubtful && html`<${NextCheck} order=${order} />`}
        ${order.error_message && html`<small>${order.error_message}</small>`}</td>
      <td class="num" data-label="Filled">${order.filled_amount}</td>
      <td class="num" data-label="Age">${ageText(time - Date.parse(order.created_at))}</td>
      <td>
        ${!isFinal(order) && scopes.value.has("orders:cancel") &&
        html`<button type="button" class="quiet" onClick=${ask} aria-label=${`Cancel ${order.trade_type} ${order.amount ?? order.quote_amount} ${order.trading_pair} ${order.order_id}`}>Cancel</button>`}
        <small role="status">${isFinal(order) ? "" : asked.value}</small>
      </td>
    </tr>
  `;
}

/** Milliseconds between looks at when the gateway asks next. */
const LOOK = 2000;

/** When the exchange is asked about the order next. */
function NextCheck({ order }) {
  const { order_id, account_name, connector_name } = order;
  const asked = useMemo(() => polled(() => orderWithEvents(order_id, account_name, connector_name), LOOK), [order_id, account_name, connector_name]);
  useEffect(() => asked.stop, [asked]);
  const next = asked.state.value.value?.next_check_at;
  const seconds = next ? Math.max(0, Math.ceil((Date.parse(next) - now.value) / 1000)) : 0;
  return html`<small class="next-check">The gateway asks the exchange until it is known${next ? `, next in ${seconds} s` : ""}</small>`;
}
