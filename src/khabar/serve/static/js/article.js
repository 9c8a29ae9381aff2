// One article under review: its lines, the dock with what can be done to the chosen one, and the keys.

import { annotator, Refused } from "./api.js";
import { confirmDone, showConflict, showHistory } from "./dialogs.js";
import { button, choice, h, isFurniture, keyOf, legend, lookOf, opensParagraph, percent, row, strip } from "./draw.js";
import { count, LABELS, labelName, language, t } from "./i18n.js";
import { Review } from "./review.js";
import { pointsBefore, putText, words } from "./text.js";

const WAY = "khabar.way";

export class ArticleView {
  constructor(app, id, { blind = false, at = null } = {}) {
    this.app = app;
    this.id = id;
    this.blind = blind;
    this.at = at;
    this.rows = new Map();
    this.way = localStorage.getItem(WAY) ?? "reading";
  }

  async open(main) {
    this.main = main;
    if (this.review) {
      this.frame();
      this.draw();
      return;
    }
    this.review = new Review(this.id, {
      blind: this.blind,
      changed: () => this.draw(),
      state: (name, pause) => this.app.state(name, pause),
      conflict: (error, entry) => showConflict(error, entry),
      refused: (error) => this.app.notice(t("refused", { message: error.message })),
    });
    this.frame();
    const loaded = await this.app.tried(async () => {
      await this.review.load();
      return true;
    }, (error) => {
      if (!(error instanceof Refused && error.status === 404)) return null;
      this.app.notice(t("not_found"));
      return "told";
    });
    if (loaded === true) this.focus();
    performance.mark("khabar-drawn");
  }

  close() {
    this.review?.close();
    clearTimeout(this.timer);
    this.closed = true;
  }

  /** What stays while the article changes. */
  frame() {
    this.rows.clear();
    this.heading = h("h1", { class: "khabar-source" }, t("loading"));
    this.progress = h("span", { class: "soft" });
    this.agreeing = h("span", { class: "soft agreeing" });
    this.bar = h("progress", { "aria-label": t("progress") });
    this.doneBox = h("span", {});
    this.stripBox = h("div", {});
    this.list = h("ol", { class: "khabar-sentences", dir: "rtl", "aria-label": t("article") });
    this.dock = h("section", { class: "dock unprinted", "aria-label": t("dock") });
    const ways = [["reading", t("order_reading")], ["doubt", t("order_doubt")]];
    const blind = h("input", { type: "checkbox", checked: this.blind, change: () => this.toggleBlind() });
    this.main.replaceChildren(
      h(
        "div",
        { class: "page reading reviewing" },
        h(
          "div",
          { class: "tools unprinted" },
          h("span", { class: "progress" }, this.bar, this.progress, this.agreeing),
          choice("go_through", ways, this.way, (way) => {
            this.way = way;
            localStorage.setItem(WAY, way);
          }, { unseen: true }),
          h("label", { class: "choice" }, blind, t("blind")),
          h("span", { class: "grow" }),
          button("history", () => this.app.tried(() => showHistory(this.id)), { class: "plain" }),
          button("print", () => window.print(), { class: "plain" }),
          this.doneBox,
          button("next_article", () => this.app.next(this.id), { hint: "n" }),
        ),
        this.blind ? h("p", { class: "notice unprinted" }, t("blind_note")) : null,
        legend(),
        h("article", { class: "khabar-article", lang: language }, this.heading, this.stripBox, this.list),
        this.dock,
      ),
    );
    this.list.addEventListener("click", (event) => this.clicked(event));
    this.list.addEventListener("focusin", (event) => this.focused(event));
  }

  toggleBlind() {
    location.hash = this.blind ? `#/a/${this.id}` : `#/a/${this.id}/blind`;
  }

  get units() {
    return this.review.units;
  }

  get current() {
    return this.units[this.index];
  }

  /** Draw what has changed; lines that are as they were stay the elements that they are. */
  draw() {
    if (this.closed || !this.review.server) return;
    const { units, points, server } = this.review;
    const fresh = new Map();
    const items = units.map((unit, index) => {
      const key = keyOf(unit);
      const paragraph = opensParagraph(units[index - 1], unit, points);
      const state = JSON.stringify([unit, paragraph, language]);
      const known = this.rows.get(key);
      const item = known?.state === state ? known.item : row(unit, { id: `u${unit.part}${unit.start}-${unit.end}`, me: annotator.name, paragraph });
      fresh.set(key, { state, item });
      return item;
    });
    const hadFocus = this.list.contains(document.activeElement);
    const same = items.length === this.list.children.length && items.every((item, index) => item === this.list.children[index]);
    if (!same) this.replaceLines(items);
    this.rows = fresh;
    this.index = this.find();
    this.at = this.current ? keyOf(this.current) : null;
    this.mark();
    const people = units.filter((unit) => unit.by !== null).length;
    this.heading.replaceChildren(h("bdi", {}, server.name));
    this.progress.textContent = t("of", { n: people, total: units.length });
    const judged = units.filter((unit) => unit.by !== null && unit.label !== null && unit.model !== null);
    const alike = judged.filter((unit) => unit.model.label === unit.label).length;
    this.agreeing.textContent = judged.length ? t("model_agrees", { n: alike, total: judged.length }) : "";
    this.progress.title = t("labelled", { n: people, total: units.length });
    Object.assign(this.bar, { max: units.length || 1, value: people });
    this.doneBox.replaceChildren(
      ...(this.review.done
        ? [h("span", { class: "badge" }, `✓ ${t("done_mark")} `), button("reopen", () => this.reopen(), { class: "plain" })]
        : [button("done", () => this.finish(), { class: "strong", hint: "d" })]),
    );
    this.stripBox.replaceChildren(strip(units, (index) => this.go(index)));
    this.drawDock();
    if (hadFocus && !this.list.contains(document.activeElement)) this.focus();
    // The model has still to read new sentences, or the whole article.
    clearTimeout(this.timer);
    if (units.some((unit) => unit.label === null && !isFurniture(unit))) {
      this.timer = setTimeout(() => this.refresh(), 700);
    }
  }

  /** Change only the lines that differ: thousands of others keep their layout. */
  replaceLines(items) {
    if (!this.list.children.length) {
      this.list.append(...items);
      return;
    }
    const wanted = new Set(items);
    for (const child of [...this.list.children]) if (!wanted.has(child)) child.remove();
    items.forEach((item, index) => {
      const there = this.list.children[index];
      if (there !== item) this.list.insertBefore(item, there ?? null);
    });
  }

  /** The server's present state, when nothing of ours is on its way. */
  async refresh() {
    if (this.closed || this.review.sending || this.review.pending().length) return;
    try {
      await this.review.load();
    } catch {
      this.app.state("away", 2);
      this.timer = setTimeout(() => this.refresh(), 2000);
    }
  }

  /** Index of the chosen unit: the one that was chosen, or what stands there now, or where to begin. */
  find() {
    if (this.at !== null) {
      const exact = this.units.findIndex((unit) => keyOf(unit) === this.at);
      if (exact >= 0) return exact;
      const [part, start] = this.at.split(":");
      const behind = this.units.findIndex((unit) => unit.part === part && unit.end > Number(start));
      if (behind >= 0) return behind;
    }
    const first = this.doubtfulFirst()[0];
    if (this.way === "doubt" && first !== undefined) return first;
    return Math.max(this.units.findIndex((unit) => unit.by === null && !isFurniture(unit)), 0);
  }

  /** Indices of what nobody has labelled, lowest score first. */
  doubtfulFirst() {
    const open = this.units.map((unit, index) => [unit, index]).filter(([unit]) => unit.by === null && !isFurniture(unit));
    return open.sort(([one], [other]) => (one.model?.score ?? 0) - (other.model?.score ?? 0)).map(([, index]) => index);
  }

  mark() {
    for (const line of this.list.querySelectorAll('[tabindex="0"], [aria-current]')) {
      line.tabIndex = -1;
      line.removeAttribute("aria-current");
    }
    const line = this.line();
    if (!line) return;
    line.tabIndex = 0;
    line.setAttribute("aria-current", "true");
  }

  line() {
    return this.list.children[this.index]?.firstElementChild;
  }

  go(index, { quiet = false } = {}) {
    if (!this.units.length) return;
    this.leaveSplit();
    this.index = Math.min(Math.max(index, 0), this.units.length - 1);
    this.at = keyOf(this.current);
    this.mark();
    this.drawDock();
    if (!quiet) this.focus();
  }

  focus() {
    const line = this.line();
    line?.focus({ preventScroll: true });
    line?.scrollIntoView({ block: "nearest" });
  }

  indexOf(element) {
    return [...this.list.children].indexOf(element.closest("li.khabar-row"));
  }

  clicked(event) {
    const index = event.target.closest("li.khabar-row") ? this.indexOf(event.target) : -1;
    if (index < 0 || event.target.closest("button")) return;
    const selection = getSelection();
    if (selection && !selection.isCollapsed) return;
    // Focusing would drop the caret, which says where to split.
    this.go(index, { quiet: true });
    this.line()?.focus({ preventScroll: true });
  }

  focused(event) {
    const index = event.target.classList.contains("khabar-line") ? this.indexOf(event.target) : -1;
    if (index >= 0 && index !== this.index) this.go(index, { quiet: true });
  }

  // --- what can be done to the chosen unit

  drawDock() {
    const unit = this.current;
    if (!unit) return this.dock.replaceChildren();
    const scores = unit.model?.scores;
    const labels = LABELS.map((label, index) => {
      const score = scores?.[label];
      const bar = h("span", { class: "dock-bar" });
      bar.style.width = `${100 * (score ?? 0)}%`;
      return h(
        "button",
        { type: "button", class: `dock-label is-${label}`, "aria-pressed": String(unit.label === label), click: () => this.label(label), "data-label": label },
        h("kbd", {}, String(index + 1)),
        h("span", { class: "khabar-name" }, labelName(label)),
        h("span", { class: "dock-score" }, score === undefined ? "" : percent(score)),
        bar,
      );
    });
    const furniture = isFurniture(unit);
    labels.push(
      h(
        "button",
        { type: "button", class: "dock-label is-furniture", "aria-pressed": String(furniture), click: () => this.label(null), "data-label": "furniture" },
        h("kbd", {}, "x"),
        h("span", { class: "khabar-name" }, t("furniture")),
      ),
    );
    const who = unit.by === null ? (furniture ? t("by_rules") : t("by_model")) : unit.by === annotator.name ? t("by_me") : unit.by;
    const facts = h(
      "p",
      { class: "dock-facts" },
      `${t("sentence", { n: this.index + 1, total: this.units.length })} · ${lookOf(unit).name} · `,
      h("bdi", {}, who),
    );
    this.dock.replaceChildren(
      facts,
      h("div", { class: "dock-labels" }, labels),
      h(
        "div",
        { class: "dock-actions" },
        button("confirm", () => this.confirm(), { hint: "Enter", disabled: unit.label === null && !furniture }),
        button("merge", () => this.merge(), { hint: "m", disabled: this.blind }),
        button("split", () => this.startSplit(), { hint: "s", disabled: this.blind }),
        button("undo", () => this.undo(), { hint: "u", disabled: !this.review.undos.length }),
        h("span", { class: "grow" }),
        // The same stands above the article, which is out of sight at its last sentence.
        this.review.done
          ? [h("span", { class: "badge" }, `✓ ${t("done_mark")}`), button("next_article", () => this.app.next(this.id), { hint: "n" })]
          : h("span", { class: "soft" }, t("labelled", { n: this.units.filter((each) => each.by !== null).length, total: this.units.length })),
      ),
    );
    return undefined;
  }

  async label(label) {
    const unit = this.current;
    if (!unit || !(await this.app.named())) return;
    this.review.label(unit, label);
    const said = label === null ? t("furniture") : labelName(label);
    this.advance();
    const rest = this.review.done ? t("all_labelled") : t("sentence", { n: this.index + 1, total: this.units.length });
    this.app.announce(t("labelled_as", { label: said, rest }));
  }

  /** Confirm a unit as it is. */
  confirm() {
    const unit = this.current;
    if (!unit || (unit.label === null && !isFurniture(unit))) return;
    this.label(unit.label);
  }

  advance() {
    if (this.way === "reading") return this.go(this.index + 1);
    const [next] = this.doubtfulFirst();
    return this.go(next ?? this.index);
  }

  async merge() {
    if (this.blind) return this.app.notice(t("blind_segmentation"));
    if (!(await this.app.named())) return undefined;
    if (!this.review.merge(this.index)) return this.app.notice(t("no_neighbour"));
    this.app.announce(t("merged"));
    this.focus();
    return undefined;
  }

  async finish() {
    if (!(await this.app.named())) return;
    const open = this.units.filter((unit) => (this.blind ? !unit.mine_given : unit.by === null)).length;
    if (open && !(await confirmDone(count("sentences", open)))) return;
    this.review.finish();
    this.app.announce(t("done_mark"));
    this.focus();
  }

  async reopen() {
    if (!(await this.app.named())) return;
    this.review.reopen();
    this.focus();
  }

  async undo() {
    const operations = this.review.undo();
    if (!operations) return this.app.announce(t("nothing_to_undo"));
    const [first] = operations;
    if ("start" in first) {
      const index = this.units.findIndex((unit) => unit.part === first.part && unit.start <= first.start && first.start < unit.end);
      if (index >= 0) this.go(index);
    }
    this.app.announce(t("undone"));
    return undefined;
  }

  // --- splitting: choose the word that begins the second sentence

  startSplit() {
    const unit = this.current;
    if (!unit) return undefined;
    if (this.blind) return this.app.notice(t("blind_segmentation"));
    if (unit.part === "title") return this.app.notice(t("split_title"));
    const spans = words(unit.text);
    if (spans.length < 2) return this.app.notice(t("split_short"));
    const caret = this.caret(unit);
    this.leaveSplit();
    const text = this.line().querySelector(".khabar-text");
    const box = h("span", { class: "khabar-text words", lang: "ar", dir: "rtl", role: "group", "aria-label": t("split_help") });
    spans.forEach((span, at) => {
      if (at) box.append(" ");
      const word = at
        ? h("button", { type: "button", class: "word", tabindex: "-1", click: () => this.split(span.start), "data-at": span.start, "aria-label": t("split_before", { word: span.text }) })
        : h("span", { class: "word first" });
      putText(word, span.text);
      box.append(word);
    });
    text.replaceWith(box);
    this.splitting = { text, box, words: [...box.querySelectorAll("button")] };
    const nearest = caret === null ? 0 : spans.slice(1).findIndex((span) => span.start >= caret);
    this.chooseWord(nearest < 0 ? spans.length - 2 : nearest);
    this.help = h("p", { class: "split-help", role: "status" }, t("split_help"));
    this.line().after(this.help);
    return undefined;
  }

  /** Where in the unit the caret stands, in code points; null when it is not in it. */
  caret(unit) {
    const selection = getSelection();
    const text = this.line()?.querySelector(".khabar-text");
    if (!selection?.anchorNode || !text?.contains(selection.anchorNode)) return null;
    // A sentence with characters that had to be named has more than one node, and offsets that are not its own.
    if (text.childNodes.length !== 1 || selection.anchorOffset === 0) return null;
    return pointsBefore(unit.text, selection.anchorOffset);
  }

  chooseWord(at) {
    const { words: list } = this.splitting;
    this.splitting.at = Math.min(Math.max(at, 0), list.length - 1);
    list.forEach((word, index) => (word.tabIndex = index === this.splitting.at ? 0 : -1));
    list[this.splitting.at].focus();
  }

  async split(at) {
    const unit = this.current;
    this.leaveSplit();
    if (!(await this.app.named())) return;
    this.review.split(this.index, unit.start + at);
    this.app.announce(t("was_split"));
    this.focus();
  }

  leaveSplit() {
    if (!this.splitting) return false;
    this.splitting.box.replaceWith(this.splitting.text);
    this.help.remove();
    this.splitting = null;
    return true;
  }

  // --- keys

  key(name, event) {
    if (this.splitting) return this.splitKey(name, event);
    const actions = {
      j: () => this.go(this.index + 1),
      ArrowDown: () => this.go(this.index + 1),
      k: () => this.go(this.index - 1),
      ArrowUp: () => this.go(this.index - 1),
      Home: () => this.go(0),
      End: () => this.go(this.units.length - 1),
      1: () => this.label(LABELS[0]),
      2: () => this.label(LABELS[1]),
      3: () => this.label(LABELS[2]),
      4: () => this.label(LABELS[3]),
      Enter: () => this.confirm(),
      x: () => this.label(null),
      m: () => this.merge(),
      s: () => this.startSplit(),
      u: () => this.undo(),
      l: () => this.go(this.doubtfulFirst().find((index) => index !== this.index) ?? this.index),
      d: () => this.finish(),
      n: () => this.app.next(this.id),
    };
    if (!(name in actions) || !this.review.server) return false;
    event.preventDefault();
    actions[name]();
    return true;
  }

  splitKey(name, event) {
    const { at } = this.splitting;
    const actions = {
      ArrowLeft: () => this.chooseWord(at + 1),
      ArrowRight: () => this.chooseWord(at - 1),
      j: () => this.chooseWord(at + 1),
      k: () => this.chooseWord(at - 1),
      Home: () => this.chooseWord(0),
      End: () => this.chooseWord(this.splitting.words.length - 1),
      Enter: () => this.split(Number(this.splitting.words[at].dataset.at)),
      " ": () => this.split(Number(this.splitting.words[at].dataset.at)),
      s: () => this.leaveSplit() && this.focus(),
      Escape: () => this.leaveSplit() && this.focus(),
    };
    if (!(name in actions)) return false;
    event.preventDefault();
    actions[name]();
    return true;
  }
}
