// The page to trade on: the ticket.
import { html } from "../vendor/preact.js";
import { Ticket } from "./ticket.js";

export function Trade() {
  return html`<div class="columns"><${Ticket} /></div>`;
}
