// A page whose code has failed goes, with its buttons: what stands half drawn may be old, and would be sent.
import { html, useErrorBoundary } from "../vendor/preact.js";

export function Guarded({ children }) {
  const [fault] = useErrorBoundary();
  if (!fault) return children;
  return html`
    <main id="main" tabindex="-1">
      <section class="card" role="alert">
        <h1>This page has stopped</h1>
        <p class="problem">It is a fault of the console: ${String(fault)}</p>
        <p>Nothing that is not on its way already is sent. Orders and events are as the gateway has them.</p>
        <button type="button" onClick=${() => location.reload()}>Load it anew</button>
      </section>
    </main>
  `;
}
