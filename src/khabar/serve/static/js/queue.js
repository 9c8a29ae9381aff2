// The list of articles: paste, upload, order, state, and an article to look at that is not kept.

import { annotator, get, post, request } from "./api.js";
import { button, choice, h, legend, opensParagraph, percent, row, strip } from "./draw.js";
import { count, LIMITS, t } from "./i18n.js";
import { Points, putText } from "./text.js";

const DRAFT = "khabar.draft";
const CHOICES = "khabar.list";
const PAGE = 50;

export const choices = {
  order: "uncertain",
  state: "all",
  ...JSON.parse(localStorage.getItem(CHOICES) ?? "{}"),
};

export class QueueView {
  constructor(app) {
    this.app = app;
    this.articles = [];
    this.chosen = -1;
  }

  async open(main) {
    this.main = main;
    this.draw();
    await this.load();
  }

  close() {
    clearTimeout(this.timer);
    this.closed = true;
  }

  draw() {
    const draft = JSON.parse(localStorage.getItem(DRAFT) ?? "{}");
    this.title = h("input", { id: "paste-title", dir: "auto", autocomplete: "off", value: draft.title ?? "" });
    this.text = h("textarea", { id: "paste-text", rows: 4, dir: "rtl", lang: "ar" });
    this.text.value = draft.text ?? "";
    const keep = () => {
      try {
        localStorage.setItem(DRAFT, JSON.stringify({ title: this.title.value, text: this.text.value }));
      } catch {
        // An article larger than the browser keeps; it still stands in the field.
      }
    };
    this.title.addEventListener("input", keep);
    this.text.addEventListener("input", keep);
    this.go = h("button", { type: "submit", class: "strong" }, t("paste_go"));
    this.files = h("input", { type: "file", id: "files", class: "unseen", multiple: true, accept: ".txt,.jsonl", "aria-describedby": "files-hint", change: () => this.upload([...this.files.files]) });
    const paste = h(
      "form",
      { class: "card paste", submit: (event) => (event.preventDefault(), this.preview()) },
      h("h2", {}, t("paste")),
      h("label", { for: "paste-text" }, t("paste_text")),
      this.text,
      h("label", { for: "paste-title" }, t("paste_title")),
      this.title,
      h("div", { class: "actions" }, this.go),
    );
    const upload = h(
      "div",
      {
        class: "card upload",
        dragover: (event) => event.preventDefault(),
        drop: (event) => (event.preventDefault(), this.upload([...event.dataTransfer.files])),
      },
      h("h2", {}, t("upload")),
      h("p", { id: "files-hint" }, t("upload_hint")),
      h("label", { class: "file-button" }, t("choose_files"), " ", h("kbd", {}, "a"), this.files),
      (this.result = h("div", { role: "status" })),
    );
    const tools = h(
      "div",
      { class: "tools" },
      choice("order", ["uncertain", "added", "name"].map((v) => [v, t(`order_${v}`)]), choices.order, (v) => this.choose({ order: v })),
      (this.stateBox = h("span", {})),
      h("span", { class: "grow" }),
      button("export", () => this.app.export(), { hint: "e" }),
    );
    this.list = h("ol", { class: "articles", "aria-label": t("queue") });
    this.note = h("p", { class: "soft", role: "status" });
    this.main.replaceChildren(
      h("div", { class: "page" }, h("h1", { class: "unseen" }, t("queue")), h("div", { class: "entries" }, paste, upload), tools, this.note, this.list),
    );
    this.drawList();
  }

  choose(values) {
    Object.assign(choices, values);
    localStorage.setItem(CHOICES, JSON.stringify(choices));
    this.load();
  }

  async load({ more = false } = {}) {
    const offset = more ? this.articles.length : 0;
    const { order, state } = choices;
    const limit = more ? PAGE : Math.max(PAGE, Math.min(this.articles.length, 200));
    const answer = await this.app.tried(() => get(`/v1/review/articles?order=${order}&state=${state}&offset=${offset}&limit=${limit}`));
    if (!answer || this.closed) return;
    const chosen = this.articles[this.chosen]?.id;
    this.articles = more ? [...this.articles, ...answer.articles] : answer.articles;
    this.chosen = this.articles.findIndex((article) => article.id === chosen);
    this.counts = answer.counts;
    this.total = answer.total;
    this.drawList();
    clearTimeout(this.timer);
    if (answer.counts.unread) this.timer = setTimeout(() => this.load(), 1000);
  }

  drawList() {
    const had = this.list.contains(document.activeElement);
    const states = ["all", "open", "done", "disagreement"].map((v) => [v, `${t(`state_${v}`)}${this.counts ? ` (${this.counts[v]})` : ""}`]);
    this.stateBox.replaceChildren(choice("state", states, choices.state, (v) => this.choose({ state: v })));
    this.note.textContent = this.counts?.unread ? t("unread", { n: count("articles", this.counts.unread) }) : "";
    this.list.replaceChildren(...this.articles.map((article, index) => this.entry(article, index)));
    if (this.counts && !this.articles.length) this.list.append(h("li", { class: "empty" }, t("empty_queue")));
    if (this.articles.length < this.total) this.list.append(h("li", { class: "empty" }, button("more", () => this.load({ more: true }))));
    if (had && this.chosen >= 0) this.move(0);
  }

  entry(article, index) {
    const opening = putText(h("span", { class: "opening", lang: "ar", dir: "rtl" }), article.title ?? article.opening);
    const bar = h("progress", { max: article.total || 1, value: article.labelled, "aria-label": t("progress") });
    const facts = h(
      "span",
      { class: "facts" },
      bar,
      h("span", {}, t("of", { n: article.labelled, total: article.total })),
      article.confidence === null ? null : h("span", {}, `${t("confidence")} ${percent(article.confidence)}`),
      article.done ? h("span", { class: "badge" }, `✓ ${t("done_mark")}`) : null,
      article.disagreements ? h("span", { class: "badge warn" }, t("disagreements", { n: article.disagreements })) : null,
      article.people.map((name) => h("bdi", { class: "soft" }, name)),
    );
    const link = h("a", { href: `#/a/${article.id}`, class: "entry", focus: () => (this.chosen = index) }, h("bdi", { class: "entry-name" }, article.name), opening, facts);
    return h("li", {}, link);
  }

  move(step) {
    const links = this.list.querySelectorAll("a.entry");
    if (!links.length) return;
    this.chosen = Math.min(Math.max(this.chosen + step, 0), links.length - 1);
    links[this.chosen].focus();
  }

  key(name, event) {
    if (name === "j" || name === "ArrowDown") this.move(1);
    else if (name === "k" || name === "ArrowUp") this.move(-1);
    else if (name === "n") this.app.next(null);
    else if (name === "a") this.files.click();
    else return false;
    event.preventDefault();
    return true;
  }

  // --- one article to look at

  async preview() {
    const text = this.text.value;
    const length = Array.from(text).length;
    if (!text.trim()) return this.app.notice(t("paste_empty"));
    if (length > LIMITS.characters) return this.app.notice(t("too_long", { n: length.toLocaleString("en"), limit: LIMITS.characters.toLocaleString("en") }));
    this.go.disabled = true;
    this.go.textContent = t("paste_busy");
    const title = this.title.value.trim() || null;
    const answer = await this.app.tried(() => post("/v1/annotate", { text, title, id: null }));
    this.go.disabled = false;
    this.go.textContent = t("paste_go");
    if (answer && !this.closed) this.drawPreview(text, title, answer.article);
    return undefined;
  }

  drawPreview(text, title, article) {
    const points = { title: new Points(title ?? ""), body: new Points(text) };
    const units = [
      ...article.sentences.map((s) => ({
        ...s,
        part: s.part === "title" && title !== null ? "title" : "body",
        headline: s.part === "title",
        by: null,
        kind: null,
        model: s,
      })),
      ...article.furniture.map((f) => ({ ...f, part: "body", label: null, by: null, model: null })),
    ].sort((one, other) => (one.part === other.part ? one.start - other.start : one.part === "title" ? -1 : 1));
    const rows = units.map((unit, index) => row(unit, { id: `p${index}`, me: annotator.name, paragraph: opensParagraph(units[index - 1], unit, points) }));
    const keep = button("preview_keep", () => this.keep(text, title), { class: "strong", hint: "Enter", id: "keep" });
    this.main.replaceChildren(
      h(
        "div",
        { class: "page reading" },
        h(
          "div",
          { class: "tools unprinted" },
          button("back", () => this.draw()),
          h("span", { class: "grow soft" }, t("preview_note")),
          button("print", () => window.print()),
          keep,
        ),
        h("h1", { class: "unseen" }, t("preview")),
        legend(),
        h("article", { class: "khabar-article" }, strip(units), h("ol", { class: "khabar-sentences", dir: "rtl" }, rows)),
      ),
    );
    keep.focus();
    performance.mark("khabar-drawn");
  }

  async keep(text, title) {
    if (!(await this.app.named())) return;
    const answer = await this.app.tried(() => post("/v1/review/articles", { articles: [title === null ? { text } : { text, title }] }));
    const article = answer && (answer.added[0] ?? answer.known[0]);
    if (!article) return;
    localStorage.removeItem(DRAFT);
    location.hash = `#/a/${article.id}`;
  }

  async upload(files) {
    if (!files.length || !(await this.app.named())) return;
    const form = new FormData();
    for (const file of files) form.append("files", file, file.name);
    const answer = await this.app.tried(() => request("POST", "/v1/review/articles", { form }), (error) => error.body?.refused && error.body);
    this.files.value = "";
    if (!answer) return;
    const { added, known, refused } = answer;
    this.result.replaceChildren(
      h("p", {}, t("upload_done", { added: added.length, known: known.length, refused: refused.length })),
      refused.length ? h("ul", { class: "warn" }, refused.slice(0, 20).map((each) => h("li", {}, h("bdi", {}, `${each.place}: ${each.message}`)))) : "",
    );
    this.load();
  }
}

