// Calls the API of the server that the page came from. Every number in an answer arrives as the text that the server wrote, because
// a JavaScript number would round it.

/** The server said no: `status`, and the problem document as `problem`. */
export class Refusal extends Error {
  constructor(status, problem, retryAfter) {
    super(describe(problem));
    this.status = status;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/** Nothing came back, or nothing that can be read: what was asked may have been done. */
export class NoAnswer extends Error {}

const BASE = new URL("./", document.baseURI);
const JSON_TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const PATIENCE_MS = 20_000;

const listeners = new Set();
let heardAt = 0;

/** Milliseconds since the gateway answered anything last. */
export const silence = () => Date.now() - heardAt;

/** Call `listener` whenever an answer says that nobody is signed in. */
export function onSignedOut(listener) {
  listeners.add(listener);
}

/** The document in `text`, its numbers as text. */
export function exact(text) {
  return JSON.parse(text.replace(JSON_TOKENS, (token) => (token[0] === '"' ? token : `"${token}"`)));
}

/** The address of an API path. */
export function addressOf(path) {
  return new URL(path.replace(/^\//, ""), BASE);
}

/** The server's answer, once its head is there. Raises `Refusal` or `NoAnswer`. */
export async function open(method, path, { body, headers = {}, signal } = {}) {
  let response;
  try {
    response = await fetch(addressOf(path), {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
      // The custom header keeps the browser from asking for a password in a window of its own.
      headers: {
        "X-Requested-With": "XMLHttpRequest",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      credentials: "same-origin",
      cache: "no-store",
      signal,
    });
  } catch (error) {
    throw new NoAnswer(error.message);
  }
  heardAt = Date.now();
  if (response.ok) return response;
  const problem = await readProblem(response);
  if (response.status === 401) for (const listener of listeners) listener();
  throw new Refusal(response.status, problem, Number(response.headers.get("Retry-After") ?? 0));
}

/** The document that the server answers. Raises `Refusal` or `NoAnswer`. */
export async function ask(method, path, options = {}) {
  const { document } = await askWhole(method, path, options);
  return document;
}

/** As `ask`, with the status and headers of the answer. */
export async function askWhole(method, path, { patience = PATIENCE_MS, ...options } = {}) {
  const response = await open(method, path, { signal: AbortSignal.timeout(patience), ...options });
  try {
    return { status: response.status, headers: response.headers, document: exact(await response.text()) };
  } catch (error) {
    throw new NoAnswer(error.message);
  }
}

async function readProblem(response) {
  try {
    return exact(await response.text());
  } catch {
    return { title: `Status ${response.status}`, detail: "The answer could not be read", code: "unreadable" };
  }
}

function describe(problem) {
  const { detail } = problem;
  const said = Array.isArray(detail) ? detail.map((fault) => `${fault.loc?.slice(1).join(".")}: ${fault.msg}`).join("; ") : detail;
  return problem.hint ? `${said}. ${problem.hint}` : String(said ?? problem.title);
}
