// Orders that were sent from this browser without an answer, by another tab or before a crash.
import { html } from "../vendor/preact.js";
import { leftBehind, takeOver, ticket } from "../lib/ticket.js";

export function LeftBehind() {
  if (!leftBehind.value.length) return null;
  return html`
    <div class="warning" role="alert">
      <p>Sent from this browser without an answer:</p>
      <ul>
        ${leftBehind.value.map(
          (sent) => html`<li key=${sent.key}>
            ${sent.body.trade_type} ${sent.body.amount ?? sent.body.quote_amount} ${sent.body.trading_pair} at ${new Date(sent.at).toLocaleTimeString()}
            <button type="button" class="quiet" aria-disabled=${ticket.value.phase !== "open"} onClick=${() => takeOver(sent)}>Ask again</button>
          </li>`,
        )}
      </ul>
    </div>
  `;
}
