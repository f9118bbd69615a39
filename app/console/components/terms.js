// The fields of the ticket.
import { html } from "../vendor/preact.js";
import { ruleText } from "../lib/checks.js";
import { assetsOf } from "../lib/markets.js";
import { Choice } from "./choice.js";

/** A list of more pairs than this is no help: typing narrows it. */
const MOST_OFFERED = 60;

export function Terms({ terms, market, accounts, edit, isFixed, rule }) {
  const { base, quote } = assetsOf(terms.trading_pair);
  const can = market.can;
  const typed = terms.trading_pair.toUpperCase();
  const pairs = Object.keys(market.rules ?? {});
  const offered = pairs.filter((pair) => pair.includes(typed)).slice(0, MOST_OFFERED);
  const field = (name) => (event) => edit({ [name]: event.currentTarget.value });
  return html`
    <fieldset disabled=${isFixed}>
      <legend class="visually-hidden">Terms</legend>
      <div class="pairwise">
        <label>Account
          <select name="account_name" value=${terms.account_name} onChange=${field("account_name")}>
            ${accounts.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
          </select>
        </label>
        <label>Connector
          <select name="connector_name" value=${terms.connector_name} onChange=${field("connector_name")}>
            ${market.connectors.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
          </select>
        </label>
      </div>
      <label>Pair
        <input name="trading_pair" list="pairs" value=${terms.trading_pair} spellcheck=${false} autocapitalize="characters"
          onInput=${(event) => edit({ trading_pair: event.currentTarget.value.trim().toUpperCase() })} />
      </label>
      <datalist id="pairs">${(offered.length ? offered : pairs.slice(0, MOST_OFFERED)).map((pair) => html`<option key=${pair} value=${pair} />`)}</datalist>
      <${Choice} name="trade_type" label="Side" value=${terms.trade_type} of=${["BUY", "SELL"]} onChoose=${(trade_type) => edit({ trade_type })} />
      <${Choice} name="order_type" label="Type" value=${terms.order_type} of=${can?.order_types ?? ["LIMIT"]} onChoose=${(order_type) => edit({ order_type })} />
      <div class="pairwise">
        <label>Amount
          <input name="amount" inputmode="decimal" value=${terms.amount} onInput=${field("amount")} spellcheck=${false}
            aria-describedby="amount-rule" />
        </label>
        <label>In
          <select name="unit" value=${terms.unit} onChange=${field("unit")}>
            <option value="base">${base || "base"}</option>
            ${can?.quote_amount && html`<option value="quote">${quote || "quote"}</option>`}
          </select>
        </label>
      </div>
      <p class="hint" id="amount-rule">${amountRule(rule, base, quote)}</p>
      ${terms.order_type !== "MARKET" &&
      html`<label>Price in ${quote || "quote"}
          <input name="price" inputmode="decimal" value=${terms.price} onInput=${field("price")} spellcheck=${false} aria-describedby="price-rule" />
        </label>
        <p class="hint" id="price-rule">${ruleText(rule?.min_price_increment) && `step ${rule.min_price_increment}`}</p>`}
      ${terms.order_type === "LIMIT" &&
      html`<${Choice} name="time_in_force" label="Time in force" value=${terms.time_in_force} of=${can?.times_in_force ?? ["GTC"]}
        onChoose=${(time_in_force) => edit({ time_in_force })} />`}
      ${can?.is_perpetual &&
      html`<${Choice} name="position_action" label="Position" value=${terms.position_action} of=${["OPEN", "CLOSE"]}
          onChoose=${(position_action) => edit({ position_action })} />
        ${can.reduce_only &&
        html`<label class="inline"><input type="checkbox" name="reduce_only" checked=${terms.reduce_only}
          onChange=${(event) => edit({ reduce_only: event.currentTarget.checked })} /> Reduce only</label>`}`}
    </fieldset>
  `;
}

function amountRule(rule, base, quote) {
  if (!rule) return "";
  const parts = [
    ruleText(rule.min_base_amount_increment) && `step ${rule.min_base_amount_increment}`,
    ruleText(rule.min_order_size) && `at least ${rule.min_order_size} ${base}`,
    ruleText(rule.min_notional_size) && `worth at least ${rule.min_notional_size} ${quote}`,
  ];
  return parts.filter(Boolean).join(", ");
}
