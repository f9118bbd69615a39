// The orders and fills that the pages show: loaded once, and kept right by the journal's events.
import { computed, signal } from "../vendor/preact.js";
import { ask, Refusal } from "./api.js";
import { followEvents } from "./events.js";

const PAGE = 100;
const MOST_ORDERS = 300;
const MOST_FILLS = 200;
/** Milliseconds after which an order that is on its way is stuck: the gateway gives up waiting for an exchange after 12 seconds. */
const STUCK = 15_000;
/** Milliseconds over which events are shown together, so that a burst of them draws the page once. */
const DRAW = 100;

const FINAL = new Set(["filled", "canceled", "rejected", "expired"]);

const byKey = new Map();
const fills = new Map();
const revision = signal(0);
/** Whether the stream is there: without it what is shown may be old. */
export const isFollowing = signal(false);
/** Counts the draws that showed a fill or a balance: what an account holds has changed. */
export const holdingsChanged = signal(0);
/** Why the orders could not be loaded, or "". */
export const problem = signal("");

export const keyOf = (order) => `${order.account_name}/${order.connector_name}/${order.order_id}`;
export const isFinal = (order) => FINAL.has(order.state);
export const isDoubtful = (order, time) =>
  order.state === "unknown" || (order.state === "pending" && time - Date.parse(order.created_at) > STUCK);

/** All orders that are known here, newest first. */
export const orders = computed(() => {
  revision.value;
  return [...byKey.values()].sort((one, other) => (one.created_at < other.created_at ? 1 : -1));
});
/** The latest fills, newest first. */
export const latestFills = computed(() => {
  revision.value;
  return [...fills.values()].sort((one, other) => (one.at < other.at ? 1 : -1));
});

let users = 0;
let stop = () => {};
let drawing = 0;

/** Begin to follow, as long as one page wants it; the function that is returned ends it. */
export function useOrders() {
  users += 1;
  if (users === 1) {
    stop = followEvents({ onEvents: apply, onStart: load, onState: (is) => (isFollowing.value = is) });
  }
  return () => {
    users -= 1;
    if (users === 0) {
      stop();
      isFollowing.value = false;
      byKey.clear();
      fills.clear();
    }
  };
}

/** Ask the exchange to cancel an order. */
export const cancel = (order) =>
  ask("POST", `/trading/${[order.account_name, order.connector_name].map(encodeURIComponent).join("/")}/orders/${encodeURIComponent(order.order_id)}/cancel`);

/** One order with its events. */
export const orderWithEvents = (order_id, account_name, connector_name) => {
  const query = new URLSearchParams(Object.entries({ account_name, connector_name }).filter(([, value]) => value));
  return ask("GET", `/trading/orders/${encodeURIComponent(order_id)}${query.size ? `?${query}` : ""}`);
};

async function load() {
  try {
    const active = [];
    let cursor = null;
    do {
      const page = await ask("POST", "/trading/orders/active", { body: cursor ? { limit: PAGE, cursor } : { limit: PAGE } });
      active.push(...page.data);
      cursor = page.pagination.next_cursor;
    } while (cursor);
    const recent = await ask("POST", "/trading/orders/search", { body: { limit: PAGE } });
    const trades = await ask("POST", "/trading/trades", { body: { limit: PAGE } });
    byKey.clear();
    for (const order of [...recent.data, ...active]) byKey.set(keyOf(order), order);
    for (const trade of trades.data) keepFill({ ...trade, at: trade.timestamp, fee: trade.fee_paid });
    problem.value = "";
    revision.value += 1;
  } catch (error) {
    problem.value = error.message;
    throw error;
  }
}

let hasNewHoldings = false;

function apply(events) {
  for (const event of events) {
    hasNewHoldings ||= event.type === "fill" || event.type === "balance" || Boolean(event.fill);
    if (event.type !== "order" && event.type !== "fill") continue;
    const key = keyOf(event);
    const known = byKey.get(key);
    if (known) byKey.set(key, { ...known, ...changesOf(event) });
    else fetchOrder(event, key);
    if (event.fill) {
      const { exchange_fill_id: trade_id, filled_at: at, price, amount, fee, fee_currency } = event.fill;
      const { account_name, connector_name, trading_pair, order_id } = event;
      keepFill({ trade_id, at, price, amount, fee, fee_currency, account_name, connector_name, trading_pair, order_id, trade_type: known?.trade_type });
    }
  }
  while (byKey.size > MOST_ORDERS) {
    const oldest = [...byKey].find(([, order]) => isFinal(order));
    if (!oldest) break;
    byKey.delete(oldest[0]);
  }
  drawing ||= setTimeout(() => {
    drawing = 0;
    revision.value += 1;
    if (hasNewHoldings) holdingsChanged.value += 1;
    hasNewHoldings = false;
  }, DRAW);
}

/** What an event says about the order as it is after it. */
function changesOf({ state, status, filled_amount, at, kind, amount, price, reason, exchange_order_id }) {
  return {
    state,
    status,
    filled_amount,
    updated_at: at,
    ...(kind === "amended" ? { ...(amount === null ? {} : { amount }), ...(price === null ? {} : { price }) } : {}),
    ...(reason === null ? {} : { error_message: reason }),
    ...(exchange_order_id === null ? {} : { exchange_order_id }),
  };
}

/** The orders whose first event came and that are not read yet, by key; `isOld` where another event came while they were read. */
const reading = new Map();
let isReading = false;

/** Milliseconds for which unknown orders are collected: a burst of them is read with one question, not one by one. */
const COLLECT = 300;
/** Milliseconds before a question without an answer is asked again. */
const RETRY = 2000;
/** Of how many new orders one page is read at the most; the rest is read one by one. */
const TOGETHER = 100;

function fetchOrder(event, key) {
  const known = reading.get(key);
  reading.set(key, { event, isOld: Boolean(known) });
  if (!isReading) {
    isReading = true;
    setTimeout(readUnknown, COLLECT);
  }
}

async function readUnknown() {
  const wanted = new Map(reading);
  let pause = COLLECT;
  for (const each of wanted.values()) each.isOld = false;
  try {
    if (wanted.size > 1) {
      const newest = await ask("POST", "/trading/orders/search", { body: { limit: Math.min(TOGETHER, wanted.size * 2) } });
      for (const order of newest.data) take(wanted, keyOf(order), order);
    }
    for (const [key, { event }] of wanted) {
      const { events: _, ...order } = await orderWithEvents(event.order_id, event.account_name, event.connector_name);
      take(wanted, key, order);
    }
    problem.value = "";
    revision.value += 1;
  } catch (error) {
    // What was refused is not asked again; what had no answer is, or a row would be missing.
    if (error instanceof Refusal && error.status < 500 && error.status !== 429) for (const key of wanted.keys()) reading.delete(key);
    else pause = RETRY;
    problem.value = error.message;
  }
  isReading = reading.size > 0;
  if (isReading) setTimeout(readUnknown, pause);
}

/** Keep an order that was read, unless an event came meanwhile, which the answer may not know: then it is read once more. */
function take(wanted, key, order) {
  if (!wanted.delete(key)) return;
  if (reading.get(key)?.isOld) return;
  reading.delete(key);
  byKey.set(key, order);
}

function keepFill(fill) {
  fills.set(fill.trade_id, fill);
  if (fills.size > MOST_FILLS) fills.delete(fills.keys().next().value);
}
