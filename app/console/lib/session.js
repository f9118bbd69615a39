// Who has signed in. The session itself is a cookie that no script can read.
import { computed, signal } from "../vendor/preact.js";
import { ask, onSignedOut, Refusal } from "./api.js";

/** `{username, scopes, expires_at}`; null when nobody has signed in; undefined until that is known. */
export const session = signal(undefined);
/** Why the sign-in page is shown, where there is something to say. */
export const notice = signal("");
export const scopes = computed(() => new Set(session.value?.scopes ?? []));

let ending;

onSignedOut(() => {
  if (session.value) notice.value = "Your session has ended. Sign in again: an order that is on its way keeps its key.";
  if (session.value !== undefined) session.value = null;
});

/** Go on with the session that the browser has. */
export async function resumeSession() {
  try {
    begin(await ask("GET", "/console/session"));
  } catch (error) {
    if (!(error instanceof Refusal)) notice.value = "The gateway does not answer.";
    session.value = null;
  }
}

/** Sign in, with the code of an authenticator where the user has one. Raises what `ask` raises. */
export async function signIn(username, password, totp) {
  const credentials = new TextEncoder().encode(`${username}:${password}`);
  const encoded = btoa(String.fromCharCode(...credentials));
  const body = totp ? { totp } : undefined;
  begin(await ask("POST", "/console/session", { body, headers: { Authorization: `Basic ${encoded}` } }));
}

/** Sign out: the session ends, in every tab. Raises what `ask` raises; it stands then. */
export async function signOut() {
  await ask("DELETE", "/console/session");
  notice.value = "";
  session.value = null;
  tabs.postMessage("signed out");
}

function begin(found) {
  clearTimeout(ending);
  notice.value = "";
  session.value = found;
  const left = Date.parse(found.expires_at) - Date.now();
  // A session is over when the server says so; until then the page need not find out by a failure.
  if (left > 0 && left < 2 ** 31) ending = setTimeout(resumeSession, left + 1000);
}

// Signing out in one tab signs out all; the others say so before a click fails.
const tabs = new BroadcastChannel("ordergate.session");
tabs.onmessage = () => {
  session.value = null;
};
