// What the gateway says that the order would come to: nothing is computed here.
import { html, useEffect, useSignal } from "../vendor/preact.js";
import { ask } from "../lib/api.js";
import { assetsOf } from "../lib/markets.js";

/** Milliseconds without a key press after which the gateway is asked. */
const QUIET = 350;

export function Preview({ body, isReady }) {
  const found = useSignal({ terms: "", preview: null, problem: "" });
  const terms = isReady ? JSON.stringify(body) : "";
  useEffect(() => {
    if (!terms) return undefined;
    let isCurrent = true;
    const show = (part) => isCurrent && (found.value = { terms, preview: null, problem: "", ...part });
    const timer = setTimeout(
      () =>
        ask("POST", "/trading/orders/preview", { body }).then(
          (preview) => show({ preview }),
          (error) => show({ problem: error.message }),
        ),
      QUIET,
    );
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [terms]);
  const { preview, problem } = found.value;
  if (!terms || found.value.terms !== terms) return html`<p class="hint">${terms ? "Asking the gateway …" : ""}</p>`;
  if (problem) return html`<p class="warning" role="status">No preview: ${problem}</p>`;
  const { base, quote } = assetsOf(body.trading_pair);
  const { notional, fee, book, funds } = preview;
  // There are no terms where the pair's rules refuse what is written.
  const order = preview.order ?? { amount: null, price: null };
  const rows = [
    ["amount at the exchange", order.amount === null ? null : `${order.amount} ${base}`],
    ["price at the exchange", order.price === null ? null : `${order.price} ${quote}`],
    ["value", notional && `${notional} ${quote}`],
    ["average price", book?.average_price],
    ["fee", fee?.amount && `${fee.amount} ${fee.currency ?? ""}`],
    ["needed", funds?.needed && `${funds.needed} of ${funds.available ?? "unknown"} ${funds.asset}`],
  ];
  return html`
    <dl class="preview">${rows.filter(([, value]) => value).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    ${preview.refusals.map((refusal) => html`<p key=${refusal.code} class="warning" role="status">It would be refused: ${refusal.detail}</p>`)}
  `;
}
