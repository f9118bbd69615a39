// What the accounts hold: balances with their value, and open positions on perpetuals.
import { ask, askWhole } from "./api.js";
import { absolute, add, multiply } from "./decimals.js";
import { capabilitiesOf, rulesOf } from "./markets.js";

const PAGE = 100;

/** `{balances, positions, unread, total, isPartial}`: what all exchanges say now, and which could not be asked. */
export async function loadHoldings() {
  const [portfolio, positions] = await Promise.all([askWhole("POST", "/portfolio/state", { body: {} }), loadPositions()]);
  const balances = Object.entries(portfolio.document).flatMap(([account_name, connectors]) =>
    Object.entries(connectors).flatMap(([connector_name, tokens]) => tokens.map((token) => ({ ...token, account_name, connector_name }))),
  );
  const perpetuals = new Set();
  for (const name of new Set(balances.map(({ connector_name }) => connector_name))) if ((await capabilitiesOf(name)).is_perpetual) perpetuals.add(name);
  const missing = (portfolio.headers.get("Portfolio-Missing") ?? "").split(", ").filter(Boolean);
  return {
    // What secures positions is not sold where it lies.
    balances: balances.map((balance) => ({ ...balance, isSpot: !perpetuals.has(balance.connector_name) })),
    positions: positions.data,
    unread: [
      ...missing.map((place) => `The balances of ${place} are not known.`),
      ...positions.errors.map((each) => `The positions of ${each.account_name}/${each.connector_name} are not known: ${each.detail}`),
    ],
    total: balances.reduce((sum, { value }) => add(sum, value), "0"),
    isPartial: missing.length > 0 || balances.some(({ price_known }) => !price_known),
  };
}

async function loadPositions() {
  const data = [];
  let page;
  let cursor = null;
  try {
    do {
      page = await ask("POST", "/trading/positions", { body: cursor ? { limit: PAGE, cursor } : { limit: PAGE } });
      data.push(...page.data);
      cursor = page.pagination.next_cursor;
    } while (cursor);
    return { data, errors: page.errors };
  } catch (error) {
    // Where no exchange answered about positions, the balances are shown all the same.
    if (error.problem?.code === undefined) throw error;
    return { data: [], errors: [{ account_name: "all accounts", connector_name: "perpetuals", detail: error.message }] };
  }
}

/** What a position is worth at the exchange's mark price, in its quote; null where there is none. */
export const valueOf = ({ amount, mark_price }) => (mark_price === null ? null : multiply(absolute(amount), mark_price));

/** The terms that close a position at the market. */
export const closing = ({ account_name, connector_name, trading_pair, position_side, amount }) => ({
  account_name,
  connector_name,
  trading_pair,
  trade_type: position_side === "SHORT" ? "BUY" : "SELL",
  order_type: "MARKET",
  amount: absolute(amount),
  position_action: "CLOSE",
  reduce_only: true,
});

/** The terms that sell a token at the market; null where the exchange lists no pair of it. */
export async function selling({ account_name, connector_name, token, available_units, units }) {
  const pairs = Object.keys(await rulesOf(connector_name));
  const trading_pair = [`${token}-USDT`, `${token}-USDC`, `${token}-USD`].find((pair) => pairs.includes(pair)) ?? pairs.find((pair) => pair.startsWith(`${token}-`));
  if (!trading_pair) return null;
  return { account_name, connector_name, trading_pair, trade_type: "SELL", order_type: "MARKET", amount: available_units ?? units };
}
