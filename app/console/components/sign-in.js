// Signing in.
import { html, useEffect, useRef, useSignal } from "../vendor/preact.js";
import { Refusal } from "../lib/api.js";
import { notice, signIn } from "../lib/session.js";

export function SignIn() {
  const problem = useSignal("");
  const isBusy = useSignal(false);
  const first = useRef(null);
  useEffect(() => first.current?.focus(), []);
  document.title = "Sign in · Ordergate";

  async function submit(event) {
    event.preventDefault();
    if (isBusy.value) return;
    const form = event.currentTarget;
    isBusy.value = true;
    problem.value = "";
    try {
      await signIn(form.elements.username.value, form.elements.password.value);
    } catch (error) {
      problem.value = error instanceof Refusal ? worded(error) : "The gateway does not answer. Try again.";
      form.elements.password.select();
    } finally {
      isBusy.value = false;
    }
  }

  return html`
    <main class="sign-in">
      <form class="card" onSubmit=${submit}>
        <h1>Ordergate</h1>
        ${notice.value && html`<p class="note" role="status">${notice.value}</p>`}
        <label>User <input ref=${first} name="username" autocomplete="username" autocapitalize="none" spellcheck=${false} required /></label>
        <label>Password <input name="password" type="password" autocomplete="current-password" required /></label>
        <p class="problem" role="alert">${problem.value}</p>
        <button type="submit" class="primary" aria-disabled=${isBusy.value}>${isBusy.value ? "Signing in …" : "Sign in"}</button>
        <p class="hint">Programs use <a href="docs">the API</a> with their own keys.</p>
      </form>
    </main>
  `;
}

function worded({ status, message, retryAfter }) {
  if (status === 401) return "The user or the password is wrong.";
  if (retryAfter) return `${message}. Try again in ${retryAfter} s.`;
  return message;
}
