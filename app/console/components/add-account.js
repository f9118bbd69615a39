// Adds an account.
import { html, useSignal } from "../vendor/preact.js";
import { addAccount } from "../lib/accounts.js";

export function AddAccount({ onDone }) {
  const problem = useSignal("");
  async function submit(event) {
    event.preventDefault();
    const form = event.currentTarget;
    problem.value = "";
    try {
      await addAccount(form.elements.account_name.value.trim());
      form.reset();
      onDone();
    } catch (error) {
      problem.value = error.message;
    }
  }
  return html`
    <section class="card" aria-labelledby="add-account-title">
      <h2 id="add-account-title">New account</h2>
      <form class="inline-form" onSubmit=${submit} autocomplete="off">
        <label>Name of the account <input name="account_name" required maxlength="100" spellcheck=${false} autocapitalize="none" /></label>
        <button type="submit" class="primary">Add account</button>
      </form>
      <p class="problem" role="alert">${problem.value}</p>
    </section>
  `;
}
