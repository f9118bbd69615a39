// Signing in.
import { html, useEffect, useRef, useSignal } from "../vendor/preact.js";
import { Refusal } from "../lib/api.js";
import { notice, signIn } from "../lib/session.js";

export function SignIn() {
  const problem = useSignal("");
  const isBusy = useSignal(false);
  // Whether the user whose name is in the field signs in with a code: the server says so once the password is right.
  const needsCode = useSignal(false);
  const first = useRef(null);
  const code = useRef(null);
  useEffect(() => first.current?.focus(), []);
  useEffect(() => code.current?.focus(), [needsCode.value]);
  document.title = "Sign in · Ordergate";

  async function submit(event) {
    event.preventDefault();
    if (isBusy.value) return;
    const { username, password, totp } = event.currentTarget.elements;
    isBusy.value = true;
    problem.value = "";
    try {
      await signIn(username.value, password.value, totp?.value.replaceAll(" ", ""));
    } catch (error) {
      problem.value = error instanceof Refusal ? worded(error) : "The gateway does not answer. Try again.";
      if (error.problem?.code === "totp_required") needsCode.value = true;
      else (error.problem?.code === "wrong_totp" ? totp : password).select();
    } finally {
      isBusy.value = false;
    }
  }

  return html`
    <main class="sign-in">
      <form class="card" onSubmit=${submit}>
        <h1>Ordergate</h1>
        ${notice.value && html`<p class="note" role="status">${notice.value}</p>`}
        <label>User <input ref=${first} name="username" autocomplete="username" autocapitalize="none" spellcheck=${false} required onInput=${() => (needsCode.value = false)} /></label>
        <label>Password <input name="password" type="password" autocomplete="current-password" required /></label>
        ${needsCode.value && html`<label>Code <input ref=${code} name="totp" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9 ]*" title="The six digits that your authenticator shows" required /></label>`}
        <p class="problem" role="alert">${problem.value}</p>
        <button type="submit" class="primary" aria-disabled=${isBusy.value}>${isBusy.value ? "Signing in …" : "Sign in"}</button>
        <p class="hint">Programs use <a href="docs">the API</a> with their own keys.</p>
      </form>
    </main>
  `;
}

function worded({ status, message, problem, retryAfter }) {
  if (problem.code === "totp_required") return "Give the code that your authenticator shows as well.";
  if (problem.code === "wrong_totp") return "The code is wrong, or was used before. Give the next one.";
  if (status === 401) return "The user or the password is wrong.";
  if (retryAfter) return `${message}. Try again in ${retryAfter} s.`;
  return message;
}
