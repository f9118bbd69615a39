// What kind of money it is, as a word and a colour: never as a colour alone.
import { html } from "../vendor/preact.js";

export const WORDS = { paper: "PAPER", sandbox: "SANDBOX", testnet: "TESTNET", live: "LIVE" };

export function Environment({ of }) {
  return of ? html`<strong class="environment" data-environment=${of}>${WORDS[of]}</strong>` : null;
}
