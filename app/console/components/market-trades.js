// The market's last trades, as they happen; the side is the taker's.
import { html } from "../vendor/preact.js";
import { assetsOf } from "../lib/markets.js";
import { Table } from "./table.js";

export function MarketTrades({ rows, trading_pair }) {
  const { base, quote } = assetsOf(trading_pair);
  return html`
    <section class="card market-trades" aria-labelledby="market-trades-title">
      <h2 id="market-trades-title">Trades of the market</h2>
      <${Table} label="Trades of the market" columns=${["Time", { name: `Price in ${quote}`, isNumber: true }, { name: `Amount in ${base}`, isNumber: true }]} none="None since the page was opened."
        rows=${rows.map(({ timestamp, price, amount, side }, index) => ({
          key: `${timestamp} ${price} ${amount} ${rows.length - index}`,
          cells: [new Date(Number(timestamp) * 1000).toLocaleTimeString(), html`<span class="side" data-side=${side.toUpperCase()}>${price}</span>`, amount],
        }))} />
    </section>
  `;
}
