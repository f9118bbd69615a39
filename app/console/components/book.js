// The book: ten levels of each side, ours marked.
import { html } from "../vendor/preact.js";
import { compare } from "../lib/decimals.js";
import { assetsOf } from "../lib/markets.js";
import { Table } from "./table.js";

export function Book({ book, trading_pair, orders }) {
  const { base, quote } = assetsOf(trading_pair);
  const isOwn = (price) => orders.some((order) => compare(order.price, price) === 0);
  const row = (side) => ([price, amount]) => ({
    key: `${side} ${price}`,
    "data-side": side,
    cells: [html`<span class="side" data-side=${side === "Bid" ? "BUY" : "SELL"}>${side}</span>`, price, html`${amount}${isOwn(price) && html` <strong>own</strong>`}`],
  });
  return html`
    <section class="card book" aria-labelledby="book-title">
      <h2 id="book-title">Book</h2>
      <${Table} label="Book" columns=${["Side", { name: `Price in ${quote}`, isNumber: true }, { name: `Amount in ${base}`, isNumber: true }]}
        rows=${book ? [...book.asks.toReversed().map(row("Ask")), ...book.bids.map(row("Bid"))] : []} none="Not known yet." />
    </section>
  `;
}
