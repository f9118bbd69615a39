// The market that is watched: its book, last trades and candles, and our own fills in it.
import { signal } from "../vendor/preact.js";
import { ask } from "./api.js";
import { followMarket } from "./market-stream.js";

const DEPTH = 10;
const CANDLES = 300;
const MOST_TRADES = 40;
const MOST_FILLS = 500;

export const INTERVALS = { "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14_400, "1d": 86_400 };

/** What is shown of a market until it is known. */
export const NOTHING = { book: null, trades: [], candles: [], isLive: false, problem: "" };

/** Follow a market: a signal of `{book, trades, candles, isLive, problem}`, and `stop`. Candles are whole, oldest first. */
export function watched(connector_name, trading_pair, interval) {
  const state = signal(NOTHING);
  const show = (part) => (state.value = { ...state.value, ...part });
  const stop = followMarket(
    { connector_name, trading_pair, interval, depth: DEPTH, candles: CANDLES },
    {
      // What was said against one part of the market stays until the whole is asked for anew.
      onState: (isLive) => isLive !== state.value.isLive && show({ isLive, ...(isLive ? {} : { problem: "" }) }),
      onMessage: ({ type, data, message }) => {
        if (type === "order_book") show({ book: data });
        else if (type === "trades") show({ trades: [...data.toReversed(), ...state.value.trades].slice(0, MOST_TRADES) });
        else if (type === "candles") show({ candles: data });
        else if (type === "candle_update") show({ candles: updated(state.value.candles, data) });
        else if (type === "error") show({ problem: message });
      },
    },
  );
  return { state, stop };
}

function updated(candles, candle) {
  const last = candles.at(-1);
  return last?.timestamp === candle.timestamp ? [...candles.slice(0, -1), candle] : [...candles, candle];
}

/** Our own fills of a pair, newest first. */
export async function fillsOf(connector_name, trading_pair) {
  const page = await ask("POST", "/trading/trades", { body: { connector_names: [connector_name], trading_pairs: [trading_pair], limit: MOST_FILLS } });
  return page.data;
}
