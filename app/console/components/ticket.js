// The ticket: what is to be ordered, what will be sent, and the button that sends it.
import { html, useEffect, useSignal } from "../vendor/preact.js";
import { examine, missing } from "../lib/checks.js";
import { accounts, capabilitiesOf, connectorsOf, loadAccounts, rulesOf } from "../lib/markets.js";
import { bodyOf, edit, findLeftBehind, send, ticket } from "../lib/ticket.js";
import { scopes, session } from "../lib/session.js";
import { Answer } from "./answer.js";
import { Environment, WORDS } from "./environment.js";
import { LeftBehind } from "./left-behind.js";
import { Quote, useQuote } from "./quote.js";
import { Sending } from "./sending.js";
import { Terms } from "./terms.js";

/** Milliseconds for which the second question about a live order takes no answer: a double click is one click. */
const ARMING = 700;

export function Ticket() {
  const { terms, phase, purpose, refusal, sent } = ticket.value;
  const market = useMarket(terms);
  const quote = useQuote(terms.connector_name, market.rules?.[terms.trading_pair] ? terms.trading_pair : "");
  const asking = useSignal(0);
  useEffect(() => findLeftBehind(), [phase]);
  useEffect(() => {
    asking.value = 0;
  }, [terms, phase]);

  const environment = market.can?.environment;
  const rule = market.rules?.[terms.trading_pair];
  const side = quote.book?.[terms.trade_type === "BUY" ? "asks" : "bids"]?.[0]?.price;
  const warnings = examine(terms, rule, side);
  const lacking = scopes.value.has("orders:place") ? missing(terms) || (market.can ? "" : "Choose a connector") : "Your role may not place orders";
  const body = sent?.body ?? bodyOf(terms, market.can);
  const isOpen = phase === "open";
  const label = `${sentence(body)} · ${WORDS[environment] ?? ""} ${body.account_name}/${body.connector_name}`;

  function submit(event) {
    event.preventDefault();
    if (!isOpen || lacking) return;
    if (environment === "live" && !asking.value) asking.value = Date.now();
    else if (environment !== "live" || Date.now() - asking.value > ARMING) send(body);
  }

  return html`
    <section class="card ticket" data-environment=${environment} aria-labelledby="ticket-title">
      <h1 id="ticket-title">Ticket <${Environment} of=${environment} /></h1>
      <${LeftBehind} />
      ${purpose && html`<p class="note purpose">${purpose}</p>`}
      ${phase === "answered" || phase === "unanswered"
        ? html`<${Answer} />`
        : html`
            <form onSubmit=${submit} onKeyDown=${(event) => event.key === "Escape" && (asking.value = 0)} autocomplete="off">
              <${Terms} terms=${terms} market=${market} accounts=${accounts.value} edit=${edit} isFixed=${!isOpen} rule=${rule} />
              <${Quote} quote=${quote} trading_pair=${terms.trading_pair} onPrice=${(price) => edit({ price })} />
              <${Sending} body=${body} warnings=${warnings} ticketKey=${ticket.value.key} username=${session.value.username} isReady=${!lacking} />
              ${refusal && html`<p class="problem" role="alert">Not placed: ${refusal.text}</p>`}
              ${market.problem && html`<p class="problem" role="alert">${market.problem}</p>`}
              ${asking.value > 0 && html`<p class="warning" role="alert">This is real money. Press again to send it, or Escape.</p>`}
              <button type="submit" class="send" data-side=${terms.trade_type} data-environment=${environment} aria-disabled=${Boolean(lacking) || !isOpen}>
                ${phase === "sending" ? `Sending: ${label}` : lacking || (asking.value ? `Yes, send for real: ${label}` : label)}
              </button>
            </form>
          `}
    </section>
  `;
}

/** The whole order in words. */
export function sentence(body) {
  const { base, quote } = { base: body.trading_pair.split("-")[0], quote: body.trading_pair.split("-")[1] };
  const amount = body.quote_amount === undefined ? `${body.amount} ${base}` : `${base} for ${body.quote_amount} ${quote}`;
  const price = body.price === undefined ? "at the market" : `at ${body.price} ${quote}`;
  const more = [body.time_in_force, body.position_action, body.reduce_only && "reduce only"].filter(Boolean);
  return [body.trade_type, amount, price, body.order_type, ...more].join(" ");
}

/** What the chosen account and connector offer: `{connectors, can, rules, problem}`. */
function useMarket({ account_name, connector_name }) {
  const found = useSignal({ connectors: [], can: null, rules: null, problem: "" });
  useEffect(() => {
    let isCurrent = true;
    const show = (part) => isCurrent && (found.value = { ...found.value, ...part });
    (async () => {
      show({ can: null, rules: null, problem: "" });
      try {
        const names = accounts.value.length ? accounts.value : await loadAccounts();
        if (!isCurrent) return;
        const account = names.includes(account_name) ? account_name : names[0];
        if (account !== account_name) {
          edit({ account_name: account ?? "" });
          return;
        }
        const connectors = account ? await connectorsOf(account) : [];
        if (!isCurrent) return;
        show({ connectors });
        const connector = connectors.includes(connector_name) ? connector_name : connectors[0];
        if (connector !== connector_name) {
          edit({ connector_name: connector ?? "", trading_pair: "" });
          return;
        }
        const [can, rules] = await Promise.all([capabilitiesOf(connector), rulesOf(connector)]);
        if (!isCurrent) return;
        show({ can, rules });
        if (!can.order_types.includes(ticket.value.terms.order_type)) edit({ order_type: can.order_types[0] });
        // A pair that was chosen is never exchanged for another one: the gateway says what is wrong with it.
        if (!ticket.value.terms.trading_pair) edit({ trading_pair: rules["BTC-USDT"] ? "BTC-USDT" : Object.keys(rules)[0] });
      } catch (error) {
        show({ problem: error.message });
      }
    })();
    return () => {
      isCurrent = false;
    };
  }, [account_name, connector_name]);
  return found.value;
}
