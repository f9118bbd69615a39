// What of the terms the exchange's rules would not take. It is advice: the gateway decides.
import { compare, isMultiple, isPositive, multiply, parse } from "./decimals.js";
import { assetsOf } from "./markets.js";

const NO_LIMIT = "1e56";
const NO_STEP = "1e-56";

/** The rule as a person would say it, or "" where there is none. */
export function ruleText(value) {
  return value === null || value === undefined || compare(value, NO_LIMIT) === 0 || compare(value, NO_STEP) === 0 ? "" : String(value);
}

/** What is wrong, as sentences. `reference` is the price that a market order is likely to get. */
export function examine(terms, rule, reference) {
  const warnings = [];
  const { base, quote } = assetsOf(terms.trading_pair);
  const inQuote = terms.unit === "quote";
  const price = terms.order_type === "MARKET" ? reference : terms.price;
  const notional = inQuote ? terms.amount.trim() : isPositive(price) ? multiply(terms.amount, price) : null;
  if (!rule || rule.error) return warnings;
  if (!inQuote && isPositive(terms.amount)) {
    if (ruleText(rule.min_order_size) && compare(terms.amount, rule.min_order_size) < 0) {
      warnings.push(`The smallest amount is ${rule.min_order_size} ${base}.`);
    }
    if (ruleText(rule.max_order_size) && compare(terms.amount, rule.max_order_size) > 0) {
      warnings.push(`The largest amount is ${rule.max_order_size} ${base}.`);
    }
    if (ruleText(rule.min_base_amount_increment) && !isMultiple(terms.amount, rule.min_base_amount_increment)) {
      warnings.push(`The amount is not a multiple of ${rule.min_base_amount_increment}: the gateway rounds it down.`);
    }
  }
  if (terms.order_type !== "MARKET" && isPositive(terms.price) && ruleText(rule.min_price_increment) && !isMultiple(terms.price, rule.min_price_increment)) {
    warnings.push(`The price is not a multiple of ${rule.min_price_increment}: the gateway rounds it to your side.`);
  }
  if (notional !== null && ruleText(rule.min_notional_size) && compare(notional, rule.min_notional_size) < 0) {
    warnings.push(`The smallest value of an order is ${rule.min_notional_size} ${quote}.`);
  }
  return warnings;
}

/** Why nothing can be sent yet, or "". */
export function missing(terms) {
  if (!terms.account_name) return "Choose an account";
  if (!terms.connector_name) return "Choose a connector";
  if (!/^[^-\s]+-[^-\s]+$/.test(terms.trading_pair)) return "Choose a pair";
  if (!isPositive(terms.amount)) return "Enter an amount";
  if (terms.order_type !== "MARKET" && !isPositive(terms.price)) return "Enter a price";
  return parse(terms.amount) ? "" : "Enter an amount";
}
