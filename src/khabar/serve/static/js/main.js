// The page: addresses to views, keys to actions, and what all views share.

import { AgreementView } from "./agreement.js";
import { annotator, Away, get, onTokenNeeded, Refused, request, takeToken } from "./api.js";
import { ArticleView } from "./article.js";
import * as dialogs from "./dialogs.js";
import { button, h } from "./draw.js";
import { count, dress, language, otherLanguage, setLanguage, SETUP, t } from "./i18n.js";
import { isControl, isField, nameOfKey } from "./keys.js";
import { choices, QueueView } from "./queue.js";
import { sendLeftovers, waiting } from "./review.js";

const byId = (id) => document.getElementById(id);
const main = byId("main");
let view = null;

const app = {
  /** Do something that needs the server; what goes wrong is told, and the result is then null. */
  async tried(action, otherwise = null, attempts = 4) {
    const here = view;
    try {
      const result = await action();
      byId("notices").replaceChildren();
      return result;
    } catch (error) {
      const handled = otherwise?.(error);
      if (handled) return handled;
      if (error instanceof Away) {
        app.notice(t("away"), button("again", () => open()));
      } else if (error instanceof Refused && error.retryAfter && attempts > 1) {
        app.notice(t("busy", { n: error.retryAfter }));
        await new Promise((resolve) => setTimeout(resolve, error.retryAfter * 1000));
        return view === here ? app.tried(action, otherwise, attempts - 1) : null;
      } else if (error instanceof Refused) {
        app.notice(error.message, error.status === 429 || error.status === 503 ? button("again", () => open()) : null);
      } else {
        throw error;
      }
      return null;
    }
  },

  notice(words, action = null) {
    const close = h("button", { type: "button", class: "plain", "aria-label": t("close"), click: () => byId("notices").replaceChildren() }, "×");
    byId("notices").replaceChildren(h("p", { class: "notice" }, h("span", { class: "grow", dir: "auto" }, words), action, close));
  },

  announce(words) {
    // Emptied first: the same words twice are two announcements.
    byId("announce").textContent = "";
    requestAnimationFrame(() => (byId("announce").textContent = words));
  },

  state(name, pause = 0) {
    const element = byId("save-state");
    const entries = waiting().length;
    element.dataset.state = name;
    if (name === "away") element.textContent = t("unsaved", { n: count("changes", entries) });
    else if (name === "busy") element.textContent = t("busy", { n: pause });
    else element.textContent = t(name);
    element.setAttribute("data-waiting", entries);
  },

  /** Make sure that it is known who works here. */
  async named() {
    if (annotator.name) return true;
    const given = await dialogs.askName();
    drawWho();
    return given;
  },

  /** Go to the next article that is open, by the order of the list. */
  async next(id) {
    const answer = await app.tried(() => get(`/v1/review/articles?order=${choices.order}&state=open&limit=50`));
    if (!answer) return;
    const others = answer.articles;
    const at = others.findIndex((article) => article.id === id);
    const next = others[at + 1] ?? others.find((article) => article.id !== id);
    if (next) location.hash = `#/a/${next.id}`;
    else app.notice(t("no_next"));
  },

  async export() {
    const chosen = await dialogs.askExport();
    if (!chosen) return;
    if (chosen.articles === "done") {
      const answer = await app.tried(() => get("/v1/review/articles?limit=1"));
      if (!answer) return;
      if (!answer.counts.done) return app.notice(t("export_none"));
    }
    const response = await app.tried(() =>
      request("GET", `/v1/review/export?format=${chosen.format}&articles=${chosen.articles}`, { raw: true }),
    );
    if (!response) return;
    const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? "khabar-review.jsonl";
    const address = URL.createObjectURL(await response.blob());
    const link = h("a", { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
    app.notice(t("exported", { name }));
    return undefined;
  },
};

// --- addresses: #/, #/agreement, #/a/ID, #/a/ID/blind, #/a/ID/body:0:31

async function open() {
  view?.close();
  byId("notices").replaceChildren();
  const [, place = "", id = "", detail = ""] = location.hash.split("/");
  if (place === "a" && /^[0-9a-f]+$/.test(id)) {
    const blind = detail === "blind";
    view = new ArticleView(app, id, { blind, at: !blind && /^(title|body):\d+:\d+$/.test(detail) ? detail : null });
  } else {
    view = place === "agreement" ? new AgreementView(app) : new QueueView(app);
  }
  const tab = place === "agreement" ? "tab-agreement" : "tab-queue";
  for (const each of ["tab-queue", "tab-agreement"]) {
    if (each === tab) byId(each).setAttribute("aria-current", "page");
    else byId(each).removeAttribute("aria-current");
  }
  window.scrollTo(0, 0);
  const opened = view.open(main);
  leftovers();
  await opened;
}

let again = 0;

/** Send what closed views left behind, and go on trying while the server is away. */
async function leftovers() {
  clearTimeout(again);
  const before = waiting().length;
  if (!before) return;
  const reached = await sendLeftovers(view instanceof ArticleView ? view : null);
  if (!reached) {
    app.state("away");
    again = setTimeout(leftovers, 5000);
  } else if (before && !waiting().length) {
    app.state("saved");
  }
}

function drawWho() {
  byId("who").replaceChildren(annotator.name ? h("bdi", {}, annotator.name) : t("nameless"));
  byId("who").title = t("your_name");
}

function drawChrome() {
  dress(document);
  byId("language").textContent = t("other_language");
  byId("language").lang = otherLanguage();
  const { name, fingerprint } = SETUP.model;
  byId("model").replaceChildren(t("served_model", { name }), " ", h("bdi", { dir: "ltr" }, fingerprint));
  byId("model").title = t("served_why");
  drawWho();
}

async function changeLanguage() {
  setLanguage(otherLanguage());
  drawChrome();
  byId("save-state").textContent = "";
  await view.open(main);
}

async function rename() {
  const before = annotator.name;
  await dialogs.askName();
  drawWho();
  if (annotator.name !== before) await open();
}

document.addEventListener("keydown", (event) => {
  if (dialogs.isOpen() || event.defaultPrevented || isField(event.target)) return;
  const name = nameOfKey(event);
  if (!name) return;
  // A button that has the focus keeps Enter and the space bar, but for the words of a sentence being split.
  if (["Enter", " "].includes(name) && isControl(event.target) && !event.target.classList.contains("word")) return;
  if (view?.key(name, event)) return;
  const shared = {
    g: () => app.tried(() => dialogs.showGuidelines()),
    "?": () => dialogs.showHelp(),
    h: () => dialogs.showHelp(),
    e: () => app.export(),
    q: () => (location.hash = "#/"),
    n: () => app.next(null),
  };
  if (name in shared) {
    event.preventDefault();
    shared[name]();
  }
});

byId("open-help").addEventListener("click", () => dialogs.showHelp());
byId("open-guidelines").addEventListener("click", () => app.tried(() => dialogs.showGuidelines()));
byId("language").addEventListener("click", changeLanguage);
byId("who").addEventListener("click", rename);
window.addEventListener("hashchange", () => (/^#token=/.test(location.hash) ? (takeToken(), open()) : open()));
window.addEventListener("online", () => {
  view?.review?.send();
  leftovers();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") view?.refresh?.();
});

onTokenNeeded(async (wrong) => dialogs.askToken(wrong));
takeToken();
drawChrome();
document.documentElement.dataset.language = language;
await open();
performance.mark("khabar-ready");
document.body.dataset.ready = "true";
