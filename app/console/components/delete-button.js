// A button that deletes, asks twice, and offers to delete in spite of active orders where they are what is in the way.
import { html, useSignal } from "../vendor/preact.js";

export function DeleteButton({ what, onDelete, onDone }) {
  const asking = useSignal("");
  const problem = useSignal("");
  const isBusy = useSignal(false);

  async function remove() {
    if (isBusy.value) return;
    isBusy.value = true;
    problem.value = "";
    try {
      await onDelete(asking.value === "force");
      asking.value = "";
      onDone();
    } catch (error) {
      problem.value = error.message;
      asking.value = error.status === 409 ? "force" : "";
    } finally {
      isBusy.value = false;
    }
  }

  return html`
    <span class="delete" onKeyDown=${(event) => event.key === "Escape" && (asking.value = "")}>
      ${asking.value
        ? html`<button type="button" class="quiet danger" aria-disabled=${isBusy.value} onClick=${remove}>${asking.value === "force" ? `Yes, delete and leave the orders: ${what}` : `Yes, delete ${what}`}</button>
            <button type="button" class="quiet" onClick=${() => (asking.value = "")}>Keep</button>`
        : html`<button type="button" class="quiet" aria-label=${`Delete ${what}`} onClick=${() => (asking.value = "plain")}>Delete</button>`}
      <span class="problem" role="alert">${problem.value}</span>
    </span>
  `;
}
