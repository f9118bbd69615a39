// The console as a whole: sign-in, or the header and the page that the address names.
import { html } from "../vendor/preact.js";
import { route } from "../lib/route.js";
import { session } from "../lib/session.js";
import { Accounts } from "./accounts-page.js";
import { Header } from "./header.js";
import { Holdings } from "./holdings-page.js";
import { Market } from "./market-page.js";
import { Orders } from "./orders-page.js";
import { Performance } from "./performance-page.js";
import { SignIn } from "./sign-in.js";
import { Trade } from "./trade.js";

export const PAGES = {
  trade: { title: "Trade", page: Trade },
  orders: { title: "Orders", page: Orders },
  market: { title: "Market", page: Market },
  positions: { title: "Positions", page: Holdings },
  accounts: { title: "Accounts", page: Accounts },
  latency: { title: "Latency", page: Performance },
};

export function App() {
  if (session.value === undefined) return html`<main class="waiting" aria-busy="true">Asking the gateway …</main>`;
  if (session.value === null) return html`<${SignIn} />`;
  const [name = "trade", ...rest] = route.value;
  const { title, page: Page } = PAGES[name] ?? PAGES.trade;
  document.title = `${title} · Ordergate`;
  return html`
    <${Header} pages=${PAGES} current=${name in PAGES ? name : "trade"} />
    <main id="main" tabindex="-1"><${Page} parts=${rest} /></main>
  `;
}
