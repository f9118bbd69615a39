// What will be sent, word for word, and the same as commands for programs.
import { html, useSignal } from "../vendor/preact.js";
import { curl, python } from "../lib/snippets.js";
import { Preview } from "./preview.js";

export function Sending({ body, warnings, ticketKey, username, isReady }) {
  const copied = useSignal("");
  async function copy(kind, text) {
    try {
      await navigator.clipboard.writeText(text);
      copied.value = `${kind} copied`;
    } catch {
      copied.value = "This browser does not let the page copy: select the text instead";
    }
  }
  return html`
    <details class="sending" open>
      <summary>What will be sent</summary>
      <dl>
        ${Object.entries(body).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${String(value)}</dd></div>`)}
        <div><dt>Idempotency-Key</dt><dd class="key">${ticketKey}</dd></div>
      </dl>
      <${Preview} body=${body} isReady=${isReady} />
      ${warnings.map((text) => html`<p key=${text} class="warning" role="status">${text}</p>`)}
      ${isReady &&
      html`<p class="copies">
        <button type="button" class="quiet" onClick=${() => copy("curl", curl(ticketKey, body, username))}>Copy as curl</button>
        <button type="button" class="quiet" onClick=${() => copy("Python", python(ticketKey, body, username))}>Copy as Python</button>
        <span role="status">${copied.value}</span>
      </p>`}
    </details>
  `;
}
