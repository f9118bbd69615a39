// The page to trade on: the ticket, and beside it the orders.
import { html } from "../vendor/preact.js";
import { Blotter } from "./blotter.js";
import { Ticket } from "./ticket.js";

export function Trade() {
  return html`<div class="columns"><${Ticket} /><${Blotter} /></div>`;
}
