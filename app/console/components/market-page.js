// The market: candles with our own orders and fills, the book, and the last trades of the chosen pair.
import { html, useEffect, useMemo, useSignal } from "../vendor/preact.js";
import { accounts, capabilitiesOf, connectorsOf, loadAccounts, rulesOf } from "../lib/markets.js";
import { fillsOf, INTERVALS, NOTHING, watched } from "../lib/market.js";
import { holdingsChanged, isFinal, orders, useOrders } from "../lib/orders.js";
import { linkTo } from "../lib/route.js";
import { edit, ticket } from "../lib/ticket.js";
import { Book } from "./book.js";
import { Chart } from "./chart.js";
import { Choice } from "./choice.js";
import { Environment } from "./environment.js";
import { MarketTrades } from "./market-trades.js";

export function Market({ parts }) {
  const { connector_name: chosen, trading_pair: pair } = ticket.value.terms;
  const [connector_name = chosen || "paper", trading_pair = pair || "BTC-USDT"] = parts;
  const interval = useSignal("1m");
  const market = useMarket(connector_name, trading_pair, interval.value);
  const fills = useFills(connector_name, trading_pair);
  const can = useSignal(null);
  useEffect(useOrders, []);
  useEffect(() => {
    can.value = null;
    capabilitiesOf(connector_name).then((found) => (can.value = found), () => {});
  }, [connector_name]);
  const own = orders.value.filter((order) => !isFinal(order) && order.price !== null && order.connector_name === connector_name && order.trading_pair === trading_pair);

  function trade() {
    edit({ connector_name, trading_pair });
    location.hash = linkTo("trade");
  }

  return html`
    <section class="card market" data-stale=${!market.isLive} aria-labelledby="market-title">
      <h1 id="market-title">${trading_pair} <${Environment} of=${can.value?.environment} />
        <span class="freshness" role="status">${market.isLive ? "live" : "STALE: the market's stream is away"}</span>
      </h1>
      <${Choose} connector_name=${connector_name} trading_pair=${trading_pair} />
      <${Choice} name="interval" label="Candles" value=${interval.value} of=${Object.keys(INTERVALS)} onChoose=${(word) => (interval.value = word)} />
      <p class="problem" role="alert">${market.problem}</p>
      <${Chart} name=${`${connector_name} ${trading_pair}`} candles=${market.candles} interval=${interval.value} orders=${own} fills=${fills} />
      <p class="hint">Lines are own open orders, arrows own fills. Chart by <a href="https://www.tradingview.com/" target="_blank" rel="noopener noreferrer">TradingView Lightweight Charts</a>.</p>
      <button type="button" class="primary" onClick=${trade}>Trade ${trading_pair}</button>
    </section>
    <div class="halves">
      <${Book} book=${market.book} trading_pair=${trading_pair} orders=${own} />
      <${MarketTrades} rows=${market.trades} trading_pair=${trading_pair} />
    </div>
  `;
}

/** The market as it moves; nothing of an earlier one is shown under another's name. */
function useMarket(connector_name, trading_pair, interval) {
  const found = useSignal(NOTHING);
  useEffect(() => {
    found.value = NOTHING;
    const { state, stop } = watched(connector_name, trading_pair, interval);
    const unfollow = state.subscribe((value) => (found.value = value));
    return () => {
      unfollow();
      stop();
    };
  }, [connector_name, trading_pair, interval]);
  return found.value;
}

function useFills(connector_name, trading_pair) {
  const found = useSignal([]);
  const changes = holdingsChanged.value;
  useEffect(() => {
    let isCurrent = true;
    fillsOf(connector_name, trading_pair).then((rows) => isCurrent && (found.value = rows), () => {});
    return () => {
      isCurrent = false;
    };
  }, [connector_name, trading_pair, changes]);
  return useMemo(() => found.value.filter((fill) => fill.trading_pair === trading_pair), [found.value, trading_pair]);
}

function Choose({ connector_name, trading_pair }) {
  const connectors = useSignal([connector_name]);
  const pairs = useSignal([]);
  useEffect(() => {
    (async () => {
      const names = accounts.value.length ? accounts.value : await loadAccounts();
      const found = (await Promise.all(names.map(connectorsOf))).flat();
      connectors.value = [...new Set([...found, connector_name])].sort();
    })().catch(() => {});
  }, []);
  useEffect(() => {
    rulesOf(connector_name).then((rules) => (pairs.value = Object.keys(rules)), () => {});
  }, [connector_name]);
  const go = (connector, pair) => (location.hash = linkTo("market", connector, pair));
  return html`
    <div class="pairwise">
      <label>Connector
        <select name="market_connector" value=${connector_name} onChange=${(event) => go(event.currentTarget.value, trading_pair)}>
          ${connectors.value.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
        </select>
      </label>
      <label>Pair
        <input key=${trading_pair} name="market_pair" list="market-pairs" defaultValue=${trading_pair} spellcheck=${false} autocapitalize="characters"
          onChange=${(event) => event.currentTarget.value.trim() && go(connector_name, event.currentTarget.value.trim().toUpperCase())} />
      </label>
    </div>
    <datalist id="market-pairs">${pairs.value.map((pair) => html`<option key=${pair} value=${pair} />`)}</datalist>
  `;
}
