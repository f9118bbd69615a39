// The life of one order: every event, its source, how we know, what the exchange said, and how long each step took.
import { html, useEffect, useSignal } from "../vendor/preact.js";
import { headline } from "./answer.js";
import { isFollowing, orderWithEvents, orders, useOrders } from "../lib/orders.js";
import { between } from "../lib/times.js";

export function Timeline({ parts }) {
  const [order_id, account_name, connector_name] = parts;
  const found = useSignal({ order: null, problem: "" });
  useEffect(useOrders, []);
  // Whatever changes the order in the blotter's list is a reason to read its events again.
  const changed = orders.value.find((order) => order.order_id === order_id)?.updated_at;
  useEffect(() => {
    let isCurrent = true;
    orderWithEvents(order_id, account_name, connector_name).then(
      (order) => isCurrent && (found.value = { order, problem: "" }),
      (error) => isCurrent && (found.value = { ...found.value, problem: error.message }),
    );
    return () => {
      isCurrent = false;
    };
  }, [order_id, account_name, connector_name, changed]);
  const { order, problem } = found.value;
  return html`
    <section class="card timeline" data-stale=${!isFollowing.value}>
      <h1>Order <code>${order_id}</code></h1>
      <p class="problem" role="alert">${problem}</p>
      ${order && html`<${Summary} order=${order} />
        <ol class="events">${order.events.map((event, index) => html`<${Event} key=${event.seq} event=${event} before=${order.events[index - 1]} />`)}</ol>`}
    </section>
  `;
}

function Summary({ order }) {
  function save() {
    const file = URL.createObjectURL(new Blob([JSON.stringify(order, null, 2)], { type: "application/json" }));
    const link = Object.assign(document.createElement("a"), { href: file, download: `${order.order_id}.json` });
    link.click();
    URL.revokeObjectURL(file);
  }
  return html`
    <p><strong class="state" data-state=${order.state}>${headline(order)}</strong>
      ${" "}${order.trade_type} ${order.amount ?? `for ${order.quote_amount}`} ${order.trading_pair} ${order.order_type} ${order.price === null ? "" : `at ${order.price}`}
      · ${order.account_name}/${order.connector_name}</p>
    <p class="num">Filled ${order.filled_amount}${order.average_fill_price === null ? "" : ` at ${order.average_fill_price} on average`}
      ${order.exchange_order_id === null ? "" : ` · the exchange's id ${order.exchange_order_id}`}</p>
    <button type="button" class="quiet" onClick=${save}>Export as JSON</button>
  `;
}

function Event({ event, before }) {
  return html`
    <li data-kind=${event.kind}>
      <div><strong>${event.kind}</strong> <span class="state" data-state=${event.state}>${event.state}</span> <small class="num">#${event.seq}</small></div>
      <div class="num"><time datetime=${event.at}>${event.at.replace("T", " ").replace("+00:00", " UTC")}</time>${before ? ` · ${between(before.at, event.at)} after the event before` : ""}</div>
      <dl>
        <div><dt>Source</dt><dd>${event.source}${event.actor ? ` · ${event.actor.name}${event.actor.address ? ` from ${event.actor.address}` : ""}` : ""}</dd></div>
        ${event.evidence && html`<div><dt>How we know</dt><dd>${event.evidence}</dd></div>`}
        ${event.exchange_at && html`<div><dt>The exchange's time</dt><dd>${event.exchange_at}</dd></div>`}
        ${event.reason && html`<div><dt>In its words</dt><dd>${event.reason_code ? `${event.reason_code}: ` : ""}${event.reason}</dd></div>`}
        ${event.fill && html`<div><dt>Fill</dt><dd>${event.fill.amount} at ${event.fill.price}, fee ${event.fill.fee ?? "not told"} ${event.fill.fee_currency ?? ""}</dd></div>`}
      </dl>
    </li>
  `;
}
