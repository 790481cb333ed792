// Everything that the page asks of its node.

const patience = 8000;
const patienceWithSound = 60000;
const tokenKey = "fpnode-token";

/** An answer that is an error, or no answer at all (`status` 0). The message is for people. */
export class NodeError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** The token that requests carry, or nothing. It is kept for as long as this tab is open. */
export const token = () => sessionStorage.getItem(tokenKey);
export const forgetToken = () => sessionStorage.removeItem(tokenKey);

/** False when the text cannot be a token. */
export function useToken(text) {
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(text)) return false;
  sessionStorage.setItem(tokenKey, text);
  return true;
}

const inWords = {
  BadRequest: "The node cannot read the request.",
  IndexNotFound: "There is no such index any more.",
  IndexNotReady: "The index is still loading. Try again when it is ready.",
  IndexFailed: "The index has failed.",
  SearchTimeout: "The search took too long and was ended.",
  PayloadTooLarge: "This is more than the node accepts in one request.",
  Overloaded: "The node has too much to do. Try again in a moment.",
  Unauthorized: "The node wants a token that it knows.",
  Forbidden: "The token does not allow this.",
  InternalError: "The node met an error of its own; its log tells more.",
};

async function ask(path, options = {}) {
  let response;
  const authorization = token() === null ? {} : { Authorization: `Bearer ${token()}` };
  try {
    response = await fetch(new URL(path, document.baseURI), {
      signal: AbortSignal.timeout(patience),
      cache: "no-store",
      ...options,
      headers: { Accept: "application/json", ...authorization, ...options.headers },
    });
  } catch (e) {
    throw new NodeError(e.name === "TimeoutError" ? "The node does not answer." : "The node cannot be reached.");
  }
  let body = null;
  try {
    body = await response.json();
  } catch {
    // An error may come without a body; below it is told by its status.
  }
  if (response.ok && body !== null) return body;
  const text = inWords[body?.error] ?? `The node answers with status ${response.status}.`;
  throw new NodeError(body?.reason ? `${text} ${body.reason}` : text, response.status);
}

/**
 * The fingerprints of a file of sound: `seconds`, and some `plain` and `phone` ones, at begins close to each other; none
 * when it is too short.
 */
export const fingerprints = (file) =>
  ask("_fingerprint", { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" },
                        signal: AbortSignal.timeout(patienceWithSound) });

const inIndex = (index, endpoint) => `${encodeURIComponent(index)}/${endpoint}`;

export const overview = () => ask("_page/overview");
export const metadata = async (index) => (await ask(encodeURIComponent(index))).metadata;
export const segments = (index) => ask(inIndex(index, "_segments"));
export const cluster = (index) => ask(inIndex(index, "_cluster"));
export const history = (index) => ask(inIndex(index, "_history"));

/**
 * The best matches, and how long the node and the way to it took. From a node that has names: also a `verdict` of
 * "sure", "likely" or "none", with its `reason`, and names and places in the results.
 */
export async function search(index, { hashes, minScore }, hasNames) {
  const start = performance.now();
  const body = JSON.stringify({ query: hashes, limit: 10, timeout: 5000, min_score: minScore });
  const headers = { "Content-Type": "application/json" };
  const found = await ask(inIndex(index, hasNames ? "_identify" : "_search"), { method: "POST", body, headers });
  return { ...found, milliseconds: performance.now() - start };
}
