// Who labelled what, and how far two people agree.

import { get } from "./api.js";
import { h, nameOf } from "./draw.js";
import { t } from "./i18n.js";
import { putText } from "./text.js";

const value = (number) => (number === null || number === undefined ? t("undefined_value") : number.toFixed(2));

export class AgreementView {
  constructor(app) {
    this.app = app;
  }

  async open(main) {
    this.main = main;
    this.main.replaceChildren(h("p", { class: "page soft" }, t("loading")));
    this.answer ??= await this.app.tried(() => get("/v1/review/agreement"));
    this.draw();
  }

  close() {
    this.closed = true;
  }

  draw() {
    if (!this.answer || this.closed) return;
    const { by_person: people, differing } = this.answer;
    this.main.replaceChildren(
      h(
        "div",
        { class: "page" },
        h("h1", {}, t("agreement_title")),
        table(
          [t("person"), t("labels_given"), t("changed"), t("articles")],
          people.map((p) => [h("bdi", {}, p.name), p.labels, p.changed, p.articles]),
        ),
        this.answer.units
          ? [this.figures(t("everything"), this.answer), this.figures(t("independent"), this.answer.independent)]
          : h("p", {}, t("agreement_none")),
        differing.length ? h("h2", {}, t("differing")) : null,
        h("ol", { class: "differing" }, differing.map((each) => this.difference(each))),
      ),
    );
  }

  figures(title, { units, alpha, pairs }) {
    return h(
      "section",
      { class: "card" },
      h("h2", {}, title),
      h("p", {}, `${t("alpha")}: `, h("strong", {}, value(alpha)), ` (${t("units_by_two")}: ${units})`),
      pairs.length
        ? table(
            [t("pair"), t("units"), t("agreed"), t("kappa")],
            pairs.map((pair) => [h("bdi", {}, pair.people.join(" – ")), pair.units, pair.agreed, value(pair.kappa)]),
          )
        : null,
    );
  }

  difference(each) {
    const labels = Object.entries(each.labels).map(([name, label]) =>
      h("span", { class: `is-${label ?? "furniture"}` }, h("bdi", {}, name), ": ", h("span", { class: "khabar-name" }, nameOf(label))),
    );
    const text = putText(h("span", { lang: "ar", dir: "rtl", class: "opening" }), each.text);
    return h("li", {}, h("a", { href: `#/a/${each.id}/${each.part}:${each.start}:${each.end}` }, text), h("span", { class: "facts" }, labels));
  }

  key() {
    return false;
  }
}

function table(heads, rows) {
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: "figures" },
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, index) => h(index ? "td" : "th", index ? {} : { scope: "row" }, cell))))),
    ),
  );
}
