// The best bid and ask of a pair, and how old they are.
import { html, useEffect, useSignal } from "../vendor/preact.js";
import { bookOf } from "../lib/markets.js";
import { isStale, now, polled } from "../lib/polling.js";

/** `{book, at, error}` of a pair, asked every second. */
export function useQuote(connector, pair) {
  const found = useSignal({ book: null, at: 0, error: null });
  useEffect(() => {
    found.value = { book: null, at: 0, error: null };
    if (!connector || !pair) return undefined;
    const asked = polled(() => bookOf(connector, pair));
    const unfollow = asked.state.subscribe(({ value, at, error }) => {
      found.value = { book: value, at, error };
    });
    return () => {
      unfollow();
      asked.stop();
    };
  }, [connector, pair]);
  return found.value;
}

export function Quote({ quote, trading_pair, onPrice }) {
  const { book, at, error } = quote;
  if (!book && !error) return html`<p class="quote hint">${trading_pair ? "…" : ""}</p>`;
  const isOld = !book || isStale(at);
  const age = Math.round((now.value - at) / 1000);
  return html`
    <div class="quote" data-stale=${isOld}>
      ${book && html`<${Side} name="Bid" level=${book.bids[0]} onPrice=${onPrice} />`}
      ${book && html`<${Side} name="Ask" level=${book.asks[0]} onPrice=${onPrice} />`}
      <span class="hint">${!book ? error.message : isOld ? `STALE, ${age} s old` : "live"}</span>
    </div>
  `;
}

function Side({ name, level, onPrice }) {
  if (!level) return html`<span>${name} none</span>`;
  return html`<button type="button" class="price" data-side=${name} title="Use as the price" onClick=${() => onPrice(level.price)}>
    ${name} <b>${level.price}</b>
  </button>`;
}
