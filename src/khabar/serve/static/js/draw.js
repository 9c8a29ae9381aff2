// Elements. Whatever comes from an article or a person goes in as text.

import { count, furnitureName, LABELS, labelName, t } from "./i18n.js";
import { putText } from "./text.js";

export const DOUBTFUL = 0.6;

/** Beyond so many pieces a strip has no room for gaps. */
const DENSE = 150;

/** An element; attributes that are null or false are left out, functions become listeners. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const percent = (score) => score.toFixed(2);

/** The style and name of a unit: a label, furniture, or what the model has not read yet. */
export function lookOf(unit) {
  if (unit.label !== null) return { key: unit.label, name: labelName(unit.label) };
  if (isFurniture(unit)) return { key: "furniture", name: unit.kind ? furnitureName(unit.kind) : t("furniture") };
  return { key: "undecided", name: t("pending") };
}

export const isFurniture = (unit) => unit.label === null && (unit.by !== null || unit.kind !== null);
export const isDoubtful = (unit) => unit.by === null && unit.model !== null && unit.model.score < DOUBTFUL;
export const keyOf = (unit) => `${unit.part}:${unit.start}:${unit.end}`;
export const nameOf = (label) => (label === null || label === "furniture" ? t("furniture") : labelName(label));

/** One line of an article. */
export function row(unit, { id, me, paragraph }) {
  const look = lookOf(unit);
  const classes = ["khabar-row", `is-${look.key}`];
  if (unit.headline || unit.part === "title") classes.push("is-headline");
  if (paragraph) classes.push("new-paragraph");
  if (isDoubtful(unit)) classes.push("is-doubtful");
  if (unit.by !== null) classes.push("is-reviewed");
  const side = h("span", { class: "khabar-side", id: `${id}-side` }, h("span", { class: "khabar-name" }, look.name));
  if (isDoubtful(unit)) side.append(h("span", { class: "flag" }, `${t("doubtful")} ${percent(unit.model.score)}`));
  else if (unit.model && unit.by === null) side.append(h("span", { class: "khabar-score" }, percent(unit.model.score)));
  if (unit.by !== null) {
    const who = unit.by === me ? t("by_me") : unit.by;
    side.append(h("span", { class: "by" }, "✓ ", h("bdi", {}, who)));
    // What the model that is served now says of it: after training, whether it has learnt this.
    if (unit.model && unit.model.label !== unit.label) {
      side.append(h("span", { class: "opinion" }, `${t("by_model")}: ${labelName(unit.model.label)} ${percent(unit.model.score)}`));
    }
  }
  if (unit.mine_given && unit.mine !== unit.label) {
    side.append(h("span", { class: "differs" }, `${t("by_me")}: ${nameOf(unit.mine)}`));
  }
  if (unit.model?.truncated) side.append(h("span", { class: "khabar-cut" }, t("truncated")));
  const text = putText(h("span", { class: "khabar-text", lang: "ar", dir: "rtl", id: `${id}-text` }), unit.text);
  const line = h(
    "div",
    { class: "khabar-line", role: "group", tabindex: "-1", "aria-labelledby": `${id}-side ${id}-text` },
    side,
    text,
  );
  return h("li", { class: classes.join(" "), "data-key": keyOf(unit) }, line);
}

/** Whether a line break stands between two neighbouring units of an article. */
export function opensParagraph(before, unit, points) {
  if (!before || before.part !== unit.part) return Boolean(before);
  return /[\n\r\u2028\u2029\u0085]/.test(points[unit.part].slice(before.end, unit.start));
}

/** The strip that shows the rhythm of the labels. */
export function strip(units, choose) {
  const dense = units.length > DENSE ? " is-dense" : "";
  const bar = h("div", { class: `khabar-strip${dense}`, dir: "rtl", role: "img", "aria-label": rhythm(units) });
  units.forEach((unit, index) => {
    if (isFurniture(unit)) return;
    const look = lookOf(unit);
    const piece = h("span", { class: `is-${look.key}${unit.by === null ? "" : " is-reviewed"}`, title: look.name });
    piece.style.flexGrow = String(unit.end - unit.start);
    if (choose) piece.addEventListener("click", () => choose(index));
    bar.append(piece);
  });
  return bar;
}

function rhythm(units) {
  const sentences = units.filter((unit) => !isFurniture(unit));
  const counts = LABELS.map((label) => [label, sentences.filter((unit) => unit.label === label).length]);
  const listed = counts.filter(([, n]) => n).map(([label, n]) => `${labelName(label)} ${n}`);
  return [t("rhythm"), count("sentences", sentences.length), ...listed].join(", ");
}

export function legend() {
  const items = [...LABELS.map((label) => [label, labelName(label)]), ["furniture", t("furniture")]];
  return h(
    "div",
    { class: "khabar-legend" },
    h(
      "ul",
      {},
      items.map(([key, name]) =>
        h("li", { class: `is-${key}` }, h("span", { class: "khabar-swatch" }), h("span", { class: "khabar-name" }, name)),
      ),
    ),
  );
}

export const button = (key, action, { hint, ...attributes } = {}) =>
  h("button", { type: "button", click: action, ...attributes }, t(key), hint ? [" ", h("kbd", {}, hint)] : null);

/** A choice with a label; `options` are pairs of value and words. */
export function choice(key, options, value, change, { unseen = false } = {}) {
  const select = h("select", { change: (event) => change(event.target.value) });
  for (const [option, words] of options) {
    select.append(h("option", { value: option, selected: option === value }, words));
  }
  return h("label", { class: "choice" }, h("span", { class: unseen ? "unseen" : null }, t(key)), select);
}

export const stamp = (at, language) =>
  at ? new Date(at).toLocaleString(language === "ar" ? "ar-u-nu-latn" : "en", { dateStyle: "short", timeStyle: "short" }) : "";
