// What is asked and shown above the page. One dialog at a time; another waits for it.

import { annotator, get, setToken } from "./api.js";
import { button, h, lookOf, nameOf, stamp } from "./draw.js";
import { LABELS, labelName, language, t } from "./i18n.js";
import { TABLE } from "./keys.js";
import { putText } from "./text.js";

const dialog = document.getElementById("dialog");
let turn = Promise.resolve();

/** Show a dialog; `fill(close)` returns its content, and what `close` is given is the answer, null for Escape. */
function show(title, fill, { wide = false, escapable = true } = {}) {
  const shown = turn.then(
    () =>
      new Promise((resolve) => {
        const before = document.activeElement;
        const close = (answer) => {
          dialog.close();
          dialog.replaceChildren();
          before?.focus?.();
          resolve(answer);
        };
        dialog.oncancel = (event) => {
          event.preventDefault();
          if (escapable) close(null);
        };
        dialog.className = wide ? "wide" : "";
        dialog.replaceChildren(h("h2", { id: "dialog-title" }, title), ...fill(close));
        dialog.showModal();
        (dialog.querySelector("[data-first]") ?? dialog.querySelector("input, button"))?.focus();
      }),
  );
  turn = shown.catch(() => null);
  return shown;
}

export const isOpen = () => dialog.open;

const closing = (close) => h("div", { class: "actions" }, button("close", () => close(null), { hint: "Esc", "data-first": "" }));

/** A form with one field; resolves to what was typed, or null. */
function ask(title, why, { type = "text", value = "" } = {}) {
  return show(title, (close) => {
    const field = h("input", { type, value, id: "dialog-field", maxlength: 400, autocomplete: "off", dir: "auto", "data-first": "" });
    const form = h(
      "form",
      {
        submit: (event) => {
          event.preventDefault();
          if (field.value.trim()) close(field.value.trim());
        },
      },
      h("label", { for: "dialog-field" }, why),
      field,
      h(
        "div",
        { class: "actions" },
        h("button", { type: "submit", class: "strong" }, t("ok")),
        button("cancel", () => close(null)),
      ),
    );
    return [form];
  });
}

export async function askName() {
  const name = await ask(t("your_name"), t("name_why"), { value: annotator.name });
  if (name) annotator.name = name;
  return Boolean(name);
}

export async function askToken(wrong) {
  const token = await ask(t("token"), wrong ? `${t("token_wrong")} ${t("token_why")}` : t("token_why"), { type: "password" });
  if (token) setToken(token);
  return Boolean(token);
}

export function showHelp() {
  return show(
    t("keys"),
    (close) => [
      h(
        "table",
        { class: "keys" },
        h(
          "tbody",
          {},
          TABLE.map((entry) =>
            h("tr", {}, h("th", { scope: "row" }, entry.slice(0, -1).map((key) => h("kbd", {}, key))), h("td", {}, t(entry.at(-1), { labels: LABELS.map(labelName).join(language === "ar" ? "، " : ", ") }))),
          ),
        ),
      ),
      h("p", { class: "soft" }, t("keys_note")),
      closing(close),
    ],
    { wide: true },
  );
}

const guidelines = {};

export async function showGuidelines() {
  guidelines[language] ??= await get(`/v1/guidelines?language=${language}`);
  const { html, version } = guidelines[language];
  return show(
    `${t("guidelines")} ${version}`,
    (close) => {
      const text = h("div", { class: "guidelines", lang: language, dir: language === "ar" ? "rtl" : "ltr", tabindex: "0", "data-first": "", role: "region", "aria-label": t("guidelines") });
      // Made by the server from the packaged Markdown, without raw HTML.
      text.innerHTML = html;
      text.querySelector("h1")?.remove();
      for (const table of text.querySelectorAll("table")) {
        const box = h("div", { class: "scroll" });
        table.replaceWith(box);
        box.append(table);
        for (const cell of table.querySelectorAll("td:first-child")) {
          if (/[\u0600-\u06ff]/.test(cell.textContent)) Object.assign(cell, { lang: "ar", dir: "rtl" });
        }
      }
      return [text, closing(close)];
    },
    { wide: true },
  );
}

export function confirmDone(words) {
  return show(t("done"), (close) => [
    h("p", {}, t("done_question", { n: words })),
    h(
      "div",
      { class: "actions" },
      button("done", () => close(true), { class: "strong", hint: "Enter", "data-first": "" }),
      button("cancel", () => close(false), { hint: "Esc" }),
    ),
  ]);
}

/** Show both versions; resolves to "mine" or "theirs". There is no leaving without a choice. */
export function showConflict(error, entry) {
  const { changes = [], article } = error.body;
  const operations = entry.operations.filter((operation) => "start" in operation);
  const touched = (span) => operations.some((o) => !("start" in o) || (o.part === span.part && o.start < span.end && span.start < (o.with?.end ?? o.end)));
  const theirs = article.units.filter((unit) => operations.length === 0 || touched(unit)).slice(0, 6);
  return show(
    t("conflict"),
    (close) => [
      h("p", {}, t("conflict_why")),
      h(
        "div",
        { class: "versions" },
        h(
          "section",
          { "aria-labelledby": "theirs" },
          h("h3", { id: "theirs" }, t("theirs")),
          h("ul", {}, changes.map((change) => h("li", {}, changeWords(change)))),
          theirs.map((unit) => version(unit.text, lookOf(unit))),
        ),
        h(
          "section",
          { "aria-labelledby": "mine" },
          h("h3", { id: "mine" }, t("mine")),
          h("ul", {}, h("li", {}, entry.operations.map((operation) => operationWords(operation)).join(" + "))),
          operations.map((operation) => {
            const text = Array.from((operation.part === "title" ? article.title : article.text) ?? "");
            const end = operation.with?.end ?? operation.end;
            const label = "label" in operation ? operation.label : undefined;
            const look = label === undefined ? { key: "undecided", name: t(`op_${operation.op}`) } : { key: label ?? "furniture", name: nameOf(label) };
            if (operation.op !== "split") return [version(text.slice(operation.start, end).join(""), look)];
            return [
              version(text.slice(operation.start, operation.at).join(""), look),
              version(text.slice(operation.at, end).join(""), look),
            ];
          }),
        ),
      ),
      h(
        "div",
        { class: "actions" },
        button("take_theirs", () => close("theirs"), { "data-first": "" }),
        button("keep_mine", () => close("mine"), { class: "strong" }),
      ),
    ],
    { wide: true, escapable: false },
  );
}

function version(text, look) {
  const words = putText(h("span", { class: "khabar-text", lang: "ar", dir: "rtl" }), text);
  return h("div", { class: `version is-${look.key}` }, h("span", { class: "khabar-name" }, look.name), words);
}

const operationWords = (operation) =>
  `${t(`op_${operation.op}`)}${"label" in operation ? `: ${nameOf(operation.label)}` : ""}`;

function changeWords(change) {
  const arrow = language === "ar" ? "←" : "→";
  const what = change.op === "label" ? `${nameOf(change.before)} ${arrow} ${nameOf(change.after)}` : "";
  return [h("bdi", {}, change.by), `: ${t(`op_${change.op}`)} ${what} `, h("span", { class: "soft" }, stamp(change.at, language))];
}

export async function showHistory(id) {
  const { corrections } = await get(`/v1/review/articles/${id}/history`);
  return show(
    t("history"),
    (close) => [
      corrections.length
        ? h("ol", { class: "history" }, [...corrections].reverse().slice(0, 200).map((change) => h("li", {}, changeWords(change))))
        : h("p", {}, t("history_empty")),
      closing(close),
    ],
    { wide: true },
  );
}

/** Ask what to export; resolves to format and articles, or null. */
export function askExport() {
  return show(t("export"), (close) => {
    const format = options("export_format", "format", [["khabar", t("format_khabar")], ["label-studio", "Label Studio"], ["doccano", "doccano"]]);
    const articles = options("export_articles", "articles", [["done", t("export_done")], ["touched", t("export_touched")], ["all", t("export_all")]]);
    const form = h(
      "form",
      {
        submit: (event) => {
          event.preventDefault();
          const data = new FormData(event.target);
          close({ format: data.get("format"), articles: data.get("articles") });
        },
      },
      format,
      articles,
      h(
        "div",
        { class: "actions" },
        h("button", { type: "submit", class: "strong" }, t("download")),
        button("cancel", () => close(null), { hint: "Esc" }),
      ),
    );
    return [form];
  });
}

function options(key, name, pairs) {
  return h(
    "fieldset",
    {},
    h("legend", {}, t(key)),
    pairs.map(([value, words], index) =>
      h("label", { class: "radio" }, h("input", { type: "radio", name, value, checked: index === 0, "data-first": index === 0 && name === "format" }), words),
    ),
  );
}
