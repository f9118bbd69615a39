// What became of the order: the gateway's answer, or that there is none yet.
import { html, useEffect, useSignal } from "../vendor/preact.js";
import { linkTo } from "../lib/route.js";
import { askAgain, openNext, putAside, ticket } from "../lib/ticket.js";

/** Milliseconds after an answer for which no click opens another ticket: it may be the second half of a double click. */
const SETTLING = 800;

export function Answer() {
  const { phase, answer, sent, refusal } = ticket.value;
  const isSettled = useSignal(false);
  useEffect(() => {
    isSettled.value = false;
    const timer = setTimeout(() => (isSettled.value = true), SETTLING);
    return () => clearTimeout(timer);
  }, [phase]);
  const once = (act) => (event) => isSettled.value && event.detail < 2 && act();
  if (phase === "unanswered") {
    return html`
      <div class="answer" data-state="unanswered" role="alert">
        <h2>No answer yet</h2>
        <p>The order was sent and may be placed. ${refusal?.text}</p>
        <${Terms} body=${sent.body} />
        <p>Asking again uses the same key, so there will be one order at most.</p>
        <button type="button" class="primary" aria-disabled=${!isSettled.value} onClick=${once(askAgain)}>Ask again</button>
        <button type="button" class="quiet" onClick=${once(putAside)}>Put aside</button>
      </div>
    `;
  }
  const { order, replayed } = answer;
  if (order.status === "awaiting_approval") {
    return html`
      <div class="answer" data-state="unanswered" role="status">
        <h2>Another person must approve it</h2>
        <p>Nothing was sent. Approval <code>${order.approval_id}</code> waits until ${new Date(order.expires_at).toLocaleTimeString()}; asking again tells what became of it.</p>
        <${Terms} body=${sent.body} />
        <button type="button" class="primary" aria-disabled=${!isSettled.value} onClick=${once(askAgain)}>Ask again</button>
        <button type="button" class="quiet" onClick=${once(openNext)}>New ticket</button>
      </div>
    `;
  }
  return html`
    <div class="answer" data-state=${order.state} role="status">
      <h2>${headline(order)}</h2>
      <p>Order <a href=${linkTo("orders", order.order_id)}><code>${order.order_id}</code></a>${replayed ? " (placed before, by the same key)" : ""}</p>
      <dl>
        <div><dt>${order.trade_type}</dt><dd>${order.amount ?? sent.body.quote_amount} ${order.trading_pair} ${order.order_type}${order.price === null ? "" : ` at ${order.price}`}</dd></div>
        <div><dt>Filled</dt><dd>${order.filled_amount}${order.average_fill_price ? ` at ${order.average_fill_price} on average` : ""}</dd></div>
        ${order.fee_paid && html`<div><dt>Fee</dt><dd>${order.fee_paid} ${order.fee_currency}</dd></div>`}
      </dl>
      <button type="button" class="primary" aria-disabled=${!isSettled.value} onClick=${once(openNext)}>New ticket</button>
    </div>
  `;
}

function Terms({ body }) {
  return html`<dl>${Object.entries(body).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${String(value)}</dd></div>`)}</dl>`;
}

/** The state in words. */
export function headline({ state }) {
  return (
    {
      filled: "Filled",
      open: "Open at the exchange",
      unknown: "Unknown: the gateway asks the exchange until it is known",
      pending: "On its way",
      canceled: "Canceled",
      rejected: "Rejected",
      expired: "Expired",
    }[state] ?? state
  );
}
