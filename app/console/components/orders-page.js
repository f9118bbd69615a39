// The page of orders: the blotter, or one order's timeline.
import { html } from "../vendor/preact.js";
import { Blotter } from "./blotter.js";
import { Timeline } from "./timeline.js";

export function Orders({ parts }) {
  return parts.length ? html`<${Timeline} key=${parts.join("/")} parts=${parts} />` : html`<h1 class="visually-hidden">Orders</h1><${Blotter} />`;
}
