// The server: one function for every request, with the token and the name of who works here.

const TOKEN = "khabar.token";
const NAME = "khabar.name";

/** The server refused, and says why. */
export class Refused extends Error {
  constructor(status, body, retryAfter) {
    super(body?.error?.message ?? `HTTP ${status}`);
    this.status = status;
    this.code = body?.error?.code ?? "";
    this.body = body ?? {};
    this.retryAfter = retryAfter;
  }
}

/** The server cannot be reached. */
export class Away extends Error {}

export const annotator = {
  get name() {
    return localStorage.getItem(NAME) ?? "";
  },
  set name(value) {
    localStorage.setItem(NAME, value.normalize("NFC").trim().slice(0, 80));
  },
};

/** Take the token out of the address that the server printed. */
export function takeToken() {
  const match = /^#token=(.+)$/.exec(location.hash);
  if (!match) return;
  sessionStorage.setItem(TOKEN, decodeURIComponent(match[1]));
  history.replaceState(null, "", `${location.pathname}#/`);
}

export function setToken(value) {
  sessionStorage.setItem(TOKEN, value.trim());
}

let askForToken = async () => false;

/** `ask` shows the prompt and resolves to true when there is a token to try. */
export function onTokenNeeded(ask) {
  askForToken = ask;
}

/** Ask the server; resolves to the parsed answer, or to the response itself when `raw`. `by` is whose work it is. */
export async function request(method, path, { body, form, by = annotator.name, raw = false } = {}) {
  for (;;) {
    const headers = {};
    const token = sessionStorage.getItem(TOKEN);
    if (token) headers.Authorization = `Bearer ${token}`;
    if (by) headers["X-Khabar-Annotator"] = encodeURIComponent(by);
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      const sent = form ?? (body === undefined ? undefined : JSON.stringify(body));
      response = await fetch(path, { method, headers, body: sent, cache: "no-store" });
    } catch (error) {
      throw new Away(error.message);
    }
    if (response.status === 401 && (await askForToken(Boolean(token)))) continue;
    if (response.ok && raw) return response;
    let answer = null;
    try {
      answer = await response.json();
    } catch (error) {
      // A connection that broke in the middle, or a proxy's page instead of the server's answer.
      if (response.ok || response.status >= 500) throw new Away(error.message);
    }
    if (!response.ok) throw new Refused(response.status, answer, Number(response.headers.get("Retry-After")) || 0);
    return answer;
  }
}

export const get = (path, options) => request("GET", path, options);
export const post = (path, body, options) => request("POST", path, { body, ...options });
