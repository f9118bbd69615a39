// The ticket: terms that are being written, and the one order that comes of them.
//
// A ticket has its idempotency key from the moment it opens, and keeps it until there is an answer: in sessionStorage, so that a
// reload, the back button or a crashed tab find it again, and from sending on in localStorage too, so that another tab does. Whatever
// is clicked or pressed meanwhile sends the same key with the same terms, and that makes at most one order.
import { signal } from "../vendor/preact.js";
import { askWhole, NoAnswer, Refusal } from "./api.js";
import { session } from "./session.js";

const OWN = "ordergate.ticket";
const SENT = "ordergate.sent.";
/** Milliseconds before each further attempt with the same key. */
const PAUSES = [400, 1000, 2000, 4000];
/** Milliseconds after which another tab takes an order without an answer for left behind. */
const LEFT_BEHIND = 20_000;

export const EMPTY = {
  account_name: "",
  connector_name: "",
  trading_pair: "",
  trade_type: "BUY",
  order_type: "LIMIT",
  unit: "base",
  amount: "",
  price: "",
  time_in_force: "GTC",
  position_action: "OPEN",
  reduce_only: false,
};

/** `{key, terms, phase, purpose, sent, answer, refusal}`. Phases: open, sending, unanswered, answered. */
export const ticket = signal(restored());
/** Orders that another tab, or this one before a crash, sent without getting an answer. */
export const leftBehind = signal([]);

/** What is sent: the terms as the API wants them, every number as the text that was typed. */
export function bodyOf(terms, can) {
  const body = {
    account_name: terms.account_name,
    connector_name: terms.connector_name,
    trading_pair: terms.trading_pair,
    trade_type: terms.trade_type,
    order_type: terms.order_type,
    [terms.unit === "quote" ? "quote_amount" : "amount"]: terms.amount.trim(),
  };
  if (terms.order_type !== "MARKET") body.price = terms.price.trim();
  if (terms.order_type === "LIMIT" && terms.time_in_force) body.time_in_force = terms.time_in_force;
  if (can?.is_perpetual) {
    body.position_action = terms.position_action;
    if (can.reduce_only && terms.reduce_only) body.reduce_only = true;
  }
  return body;
}

/** Change terms. Once they are sent they are fixed. */
export function edit(changes) {
  const now = ticket.value;
  if (now.phase === "open") keep({ ...now, terms: { ...now.terms, ...changes } });
}

/** Open another ticket, with the account and market of the last one. */
export function openNext() {
  const { phase, terms } = ticket.value;
  if (phase === "answered") keep(fresh({ ...terms, amount: "" }));
}

/**
 * Open another ticket with `terms`, such as those that close a position; `purpose` says what for. False, and nothing is done, while
 * an order has no answer: its ticket stays until there is one.
 */
export function openWith(terms, purpose) {
  const { phase } = ticket.value;
  if (phase !== "open" && phase !== "answered") return false;
  keep({ ...fresh(terms), purpose });
  return true;
}

/** Put an unanswered ticket aside; its order stays among those left behind until it is answered for. */
export function putAside() {
  const { phase, terms } = ticket.value;
  if (phase === "unanswered") keep(fresh({ ...terms, amount: "" }));
  findLeftBehind();
}

/** Send what is written, once: while it is on its way, and after, this does nothing. */
export async function send(body) {
  const now = ticket.value;
  if (now.phase !== "open") return;
  await deliver({ ...now, sent: { key: now.key, body, user: session.value.username, at: Date.now(), doubt: false } });
}

/**
 * Ask what became of an order without an answer, or of one that waits for an approval: the same key and terms once more, which can't
 * make a second order.
 */
export async function askAgain() {
  const { phase, answer } = ticket.value;
  if (phase === "unanswered" || (phase === "answered" && answer.order.status === "awaiting_approval")) await deliver(ticket.value);
}

/** Take an order over that was left behind. */
export async function takeOver(sent) {
  if (ticket.value.phase !== "open") return;
  keep({ ...fresh(ticket.value.terms), key: sent.key, sent, phase: "unanswered" });
  findLeftBehind();
  await askAgain();
}

/** Look for orders that were left behind. */
export function findLeftBehind() {
  const found = [];
  for (let index = 0; index < localStorage.length; index += 1) {
    const name = localStorage.key(index);
    if (!name.startsWith(SENT)) continue;
    const sent = JSON.parse(localStorage.getItem(name));
    const isOwn = sent.key === ticket.value.key;
    if (!isOwn && sent.user === session.value?.username && Date.now() - sent.at > LEFT_BEHIND) found.push(sent);
  }
  leftBehind.value = found.sort((one, other) => one.at - other.at);
}

async function deliver(of) {
  const { sent } = of;
  localStorage.setItem(SENT + sent.key, JSON.stringify(sent));
  keep({ ...of, phase: "sending", refusal: null });
  let reason = "";
  for (const pause of [0, ...PAUSES]) {
    if (pause) await new Promise((resume) => setTimeout(resume, pause));
    try {
      const { status, headers, document } = await askWhole("POST", "/trading/orders", {
        body: sent.body,
        headers: { "Idempotency-Key": sent.key },
      });
      settle(sent);
      keep({
        ...of,
        phase: "answered",
        answer: { status, order: document, replayed: headers.get("Idempotent-Replayed") === "true", at: Date.now() },
      });
      return;
    } catch (error) {
      if (error instanceof Refusal && isDefinite(error, sent)) {
        settle(sent);
        // Nothing was placed under this key and it may be used up, so what is written next has another.
        keep({ ...fresh(of.terms), purpose: of.purpose, refusal: told(error) });
        return;
      }
      if (!(error instanceof Refusal || error instanceof NoAnswer)) throw error;
      if (error instanceof NoAnswer || error.status >= 500) sent.doubt = true;
      localStorage.setItem(SENT + sent.key, JSON.stringify(sent));
      reason = error.message;
      if (error.status === 401) break;
    }
  }
  keep({ ...of, sent, phase: "unanswered", refusal: { text: reason } });
}

/** Whether a refusal proves that the order was not placed. After an attempt whose fate is in doubt, only one that names it does. */
function isDefinite({ status, problem }, sent) {
  if (problem.order_id) return true;
  if (sent.doubt || status === 401 || problem.code === "request_in_progress") return false;
  return status < 500 || problem.retryable === true;
}

function told({ message, status, problem, retryAfter }) {
  return { text: message, status, code: problem.code, order_id: problem.order_id, retryAfter };
}

function settle({ key }) {
  localStorage.removeItem(SENT + key);
}

function fresh(terms) {
  return { key: newKey(), terms: { ...EMPTY, ...terms }, phase: "open", purpose: "", sent: null, answer: null, refusal: null };
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `console-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function keep(next) {
  sessionStorage.setItem(OWN, JSON.stringify(next));
  ticket.value = next;
}

function restored() {
  const kept = JSON.parse(sessionStorage.getItem(OWN) ?? "null");
  if (kept === null) {
    const next = fresh(EMPTY);
    sessionStorage.setItem(OWN, JSON.stringify(next));
    return next;
  }
  if (kept.phase !== "sending") return kept;
  // The page went while the order was on its way.
  kept.sent.doubt = true;
  return { ...kept, phase: "unanswered", refusal: { text: "The page was closed before the answer came." } };
}
