// The header: the pages, who has signed in, and whether the gateway answers.
import { html, signal } from "../vendor/preact.js";
import { linkTo } from "../lib/route.js";
import { session, signOut } from "../lib/session.js";
import { Pulse } from "./pulse.js";
import { ThemeSwitch } from "./theme-switch.js";

// Why the session still stands after one pressed "Sign out".
const failure = signal("");

export function Header({ pages, current }) {
  const links = Object.entries(pages).filter(([, { hidden }]) => !hidden);
  return html`
    <header class="top">
      <a class="skip" href="#main" onClick=${skip}>Skip to the page</a>
      <span class="brand">Ordergate</span>
      <nav aria-label="Pages">
        ${links.map(
          ([name, { title }]) =>
            html`<a key=${name} href=${linkTo(name)} aria-current=${name === current ? "page" : undefined}>${title}</a>`,
        )}
        <a href="docs" target="_blank" rel="noopener">API</a>
      </nav>
      <${Pulse} />
      <${ThemeSwitch} />
      <span class="user">${session.value.username}</span>
      <button type="button" class="quiet" onClick=${leave}>Sign out</button>
      ${failure.value && html`<span class="note" role="alert">${failure.value}</span>`}
    </header>
  `;
}

async function leave() {
  failure.value = "";
  try {
    await signOut();
  } catch (error) {
    failure.value = `You are still signed in: ${error.message}`;
  }
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}
