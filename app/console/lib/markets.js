// What there is to trade: accounts, their connectors, what each can do, and the rules of its pairs.
import { signal } from "../vendor/preact.js";
import { ask } from "./api.js";

const cache = new Map();

/** The names of all accounts. */
export const accounts = signal([]);

export async function loadAccounts() {
  accounts.value = await ask("GET", "/accounts");
  return accounts.value;
}

/** The connectors of an account. */
export const connectorsOf = (account) => ask("GET", `/accounts/${encodeURIComponent(account)}/credentials`);

/** What a connector can do, and with what money. */
export const capabilitiesOf = (connector) =>
  once(`can ${connector}`, () => ask("GET", `/connectors/${encodeURIComponent(connector)}/capabilities`));

/** The rules of a connector by pair. */
export const rulesOf = (connector) =>
  once(`rules ${connector}`, () => ask("GET", `/connectors/${encodeURIComponent(connector)}/trading-rules`));

/** The book of a pair. */
export const bookOf = (connector_name, trading_pair, depth = 1) =>
  ask("POST", "/market-data/order-book", { body: { connector_name, trading_pair, depth }, patience: 2500 });

/** Base and quote of a pair. */
export function assetsOf(pair) {
  const [base = "", quote = ""] = pair.split("-");
  return { base, quote };
}

async function once(name, load) {
  if (!cache.has(name)) cache.set(name, load());
  try {
    return await cache.get(name);
  } catch (error) {
    cache.delete(name);
    throw error;
  }
}
