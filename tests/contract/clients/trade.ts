// An hour's trading with the generated TypeScript client, as its users would write it. It is type-checked, and run: URL PASSWORD.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { client } from './client/client.gen.js';
import {
  accountsListAccounts,
  eventsStreamEvents,
  marketDataGetPrices,
  tradingCancelOrder,
  tradingGetOrder,
  tradingPlaceOrder,
  tradingSearchOrders,
  tradingSearchTrades,
} from './client/index.js';
import type { AwaitingApproval, OrderState, TradeRequest, TradeResponse } from './client/index.js';

const [url, password] = process.argv.slice(2) as [string, string];
// A person signs in by name and password; a program would give its API key where the scheme is bearer.
client.setConfig({ baseUrl: url, auth: ({ scheme }) => (scheme === 'basic' ? `admin:${password}` : undefined) });

const here = { account_name: 'master_account', connector_name: 'paper' };
const pair = 'BTC-USDT';
const rightly = { throwOnError: true } as const;

/** The order that was placed: with no limit that asks for it, none awaits an approval. */
function placed(answer: TradeResponse | AwaitingApproval): TradeResponse {
  assert('order_id' in answer);
  return answer;
}

const accounts: string[] = (await accountsListAccounts(rightly)).data;
assert(accounts.includes(here.account_name));

const prices = await marketDataGetPrices({ body: { connector_name: 'paper', trading_pairs: [pair] }, ...rightly });
const price: number = prices.data.prices[pair]!;

const stopping = new AbortController();
const events = await eventsStreamEvents({ query: { since: 0 }, signal: stopping.signal });

const market: TradeRequest = { ...here, trading_pair: pair, trade_type: 'BUY', order_type: 'MARKET', amount: '0.001' };
const headers = { 'Idempotency-Key': randomUUID() };
const bought = placed((await tradingPlaceOrder({ body: market, headers, ...rightly })).data);
assert.deepEqual([bought.status, bought.state, bought.filled_amount], ['submitted', 'filled', '0.001']);
const again = await tradingPlaceOrder({ body: market, headers, ...rightly });
assert.equal(placed(again.data).order_id, bought.order_id);
assert.equal(again.response.headers.get('Idempotent-Replayed'), 'true');

const limit: TradeRequest = { ...market, order_type: 'LIMIT', price: Math.round(price / 2), time_in_force: 'GTC' };
const resting = placed((await tradingPlaceOrder({ body: limit, ...rightly })).data);
const cancelled = await tradingCancelOrder({ path: { ...here, client_order_id: resting.order_id }, ...rightly });
const state: OrderState = cancelled.data.state;
assert.equal(state, 'canceled');

const order = (await tradingGetOrder({ path: { order_id: resting.order_id }, query: { wait: 1 }, ...rightly })).data;
assert.deepEqual([order.time_in_force, order.events.at(-1)?.kind], ['GTC', 'canceled']);
const page = (await tradingSearchOrders({ body: { trading_pairs: [pair], limit: 10 }, ...rightly })).data;
assert(page.data.some((each) => each.order_id === bought.order_id));
const trades = (await tradingSearchTrades({ body: { limit: 10 }, ...rightly })).data;
assert.equal(trades.data.find((each) => each.order_id === bought.order_id)?.liquidity, 'taker');

for await (const event of events.stream) {
  const told = event as unknown as { type: string; order_id?: string; kind?: string };
  if (told.order_id === resting.order_id && told.kind === 'canceled') break;
}
stopping.abort();

const refused = await tradingPlaceOrder({ body: { ...market, account_name: 'nobody' } });
assert.deepEqual([refused.response?.status, refused.error?.code], [404, 'unknown_account']);
const faulty = await tradingPlaceOrder({ body: { ...market, amount: -1 } });
assert.deepEqual(faulty.error?.status, 422);
console.log('traded');
