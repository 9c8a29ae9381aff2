// One article under review: what the server holds, what this person did since, and how that gets there.
//
// What a person does is applied here at once, put into localStorage as one entry, and sent entry by entry. An entry
// leaves localStorage when the server has answered that it is on disk, so a closed tab, a dead server or a lost
// network loses nothing; `request_id` keeps a repeated entry from counting twice.

import { annotator, Away, get, post, Refused } from "./api.js";
import { isFurniture, keyOf } from "./draw.js";
import { Points } from "./text.js";

const PREFIX = "khabar.out.";
const PAUSES = [1, 2, 4, 8, 15];

/** Entries that wait, in the order in which they were made; of one article when `id` is given. */
export function waiting(id) {
  const keys = [];
  for (let index = 0; index < localStorage.length; index += 1) {
    const key = localStorage.key(index);
    if (key.startsWith(id ? `${PREFIX}${id}.` : PREFIX)) keys.push(key);
  }
  const number = (key) => Number(key.split(".")[3]);
  keys.sort((one, other) => number(one) - number(other) || (one < other ? -1 : 1));
  return keys.map((key) => ({ key, ...JSON.parse(localStorage.getItem(key)) }));
}

/** Articles for which something waits. */
export const articlesWaiting = () => [...new Set(waiting().map((entry) => entry.article))];

let last = 0;
function store(entry) {
  // Two entries of the same millisecond keep their order, also across tabs.
  last = Math.max(last + 1, Date.now());
  const key = `${PREFIX}${entry.article}.${last}.${entry.request_id}`;
  try {
    localStorage.setItem(key, JSON.stringify(entry));
  } catch {
    // Full: the draft of a pasted article is the one large thing here, and a correction counts more.
    localStorage.removeItem("khabar.draft");
    localStorage.setItem(key, JSON.stringify(entry));
  }
}

const unique = () =>
  crypto.randomUUID
    ? crypto.randomUUID()
    : Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const sameUnit = (unit, operation) =>
  unit.part === operation.part && unit.start === operation.start && unit.end === operation.end;

export class Review {
  /**
   * @param {string} id
   * @param {{blind: boolean, changed: Function, state: Function, conflict: Function, refused: Function}} options
   *   `changed` draws; `state(name, detail)` tells whether all is saved; `conflict(error, entry)` resolves to "mine"
   *   or "theirs"; `refused(error)` tells why a change was dropped.
   */
  constructor(id, options) {
    this.id = id;
    this.blind = options.blind;
    this.on = options;
    this.undos = [];
    this.sending = false;
    this.closed = false;
    this.attempt = 0;
    this.units = [];
    this.server = null;
  }

  async load() {
    this.take(await get(`/v1/review/articles/${this.id}${this.blind ? "?blind=true" : ""}`));
    this.send();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
  }

  /** What this view has not sent yet. */
  pending() {
    return waiting(this.id).filter((entry) => entry.blind === this.blind);
  }

  /** Take what the server holds, and put on top what it does not know yet. */
  take(article) {
    this.server = article;
    this.points = { title: new Points(article.title ?? ""), body: new Points(article.text) };
    this.units = article.units.map((unit) => ({ ...unit }));
    this.done = article.done;
    for (const entry of this.pending()) for (const operation of entry.operations) this.apply(operation);
    this.on.changed();
  }

  /** Do something to the article: here now, on the server as soon as it answers. */
  act(operations, undo = null) {
    for (const operation of operations) this.apply(operation);
    store({
      article: this.id,
      annotator: annotator.name,
      blind: this.blind,
      revision: this.server.revision,
      request_id: unique(),
      operations,
    });
    if (undo) this.undos.push(undo);
    this.on.changed();
    this.send();
  }

  apply(operation) {
    const at = this.units.findIndex((unit) => sameUnit(unit, operation));
    const unit = this.units[at];
    const person = { by: annotator.name, at: new Date().toISOString(), mine_given: true };
    switch (operation.op) {
      case "label":
        if (unit) this.units[at] = { ...unit, ...person, label: operation.label, mine: operation.label };
        break;
      case "merge": {
        const other = this.units.findIndex((next) => sameUnit(next, { part: operation.part, ...operation.with }));
        if (!unit || other < 0) break;
        const first = Math.min(at, other);
        const [one, two] = [this.units[first], this.units[Math.max(at, other)]];
        const kept = isFurniture(one) ? two : one;
        this.units.splice(first, 2, {
          ...kept,
          start: one.start,
          end: two.end,
          text: this.points[one.part].slice(one.start, two.end),
          headline: one.headline,
          model: kept.by === null ? kept.model : null,
          ...("label" in operation ? { ...person, label: operation.label, mine: operation.label } : {}),
        });
        break;
      }
      case "split": {
        if (!unit) break;
        const points = this.points[unit.part];
        let [end, start] = [operation.at, operation.at];
        while (end > unit.start && points.isSpace(end - 1)) end -= 1;
        while (start < unit.end && points.isSpace(start)) start += 1;
        this.units.splice(
          at,
          1,
          { ...unit, end, text: points.slice(unit.start, end) },
          { ...unit, start, text: points.slice(start, unit.end), headline: false },
        );
        break;
      }
      case "done":
        this.units = this.units.map((each) =>
          each.by === null ? { ...each, ...person, mine: each.label } : each,
        );
        this.done = true;
        break;
      case "reopen":
        this.done = false;
        break;
    }
  }

  // --- what a person does

  /** Label a unit; the label of the last one that nobody had looked at finishes the article. */
  label(unit, label) {
    const operation = { op: "label", part: unit.part, start: unit.start, end: unit.end };
    const operations = [{ ...operation, label }];
    const undo = unit.label === label ? [] : [{ ...operation, label: unit.label }];
    const last = unit.by === null && this.units.every((each) => each.by !== null || each === unit);
    if (last && !this.done && !this.blind) {
      operations.push({ op: "done" });
      undo.unshift({ op: "reopen" });
    }
    this.act(operations, undo.length ? undo : null);
  }

  /** Merge a unit with the one behind it; false when none of its part follows. */
  merge(index) {
    const [one, two] = [this.units[index], this.units[index + 1]];
    if (!two || two.part !== one.part) return false;
    const whole = { part: one.part, start: one.start, end: two.end };
    const undo = [{ op: "split", ...whole, at: two.start }];
    for (const unit of [one, two]) {
      const former = { op: "label", part: unit.part, start: unit.start, end: unit.end, label: unit.label };
      if (unit.by !== null || isFurniture(unit)) undo.push(former);
    }
    this.act(
      [{ op: "merge", part: one.part, start: one.start, end: one.end, with: { start: two.start, end: two.end } }],
      undo,
    );
    return true;
  }

  split(index, at) {
    const unit = this.units[index];
    const operation = { op: "split", part: unit.part, start: unit.start, end: unit.end, at };
    this.apply(operation);
    const [one, two] = [this.units[index], this.units[index + 1]];
    // Undone by hand: applied once more below, as every action is.
    this.units.splice(index, 2, unit);
    const former = unit.by !== null || isFurniture(unit) ? { label: unit.label } : {};
    this.act([operation], [
      {
        op: "merge",
        part: unit.part,
        start: one.start,
        end: one.end,
        with: { start: two.start, end: two.end },
        ...former,
      },
    ]);
  }

  finish() {
    this.act([{ op: "done" }], this.blind ? null : [{ op: "reopen" }]);
  }

  reopen() {
    this.act([{ op: "reopen" }], [{ op: "done" }]);
  }

  /** Take the last action back; false when there is none. The units that it was about are returned. */
  undo() {
    const operations = this.undos.pop();
    if (!operations) return false;
    this.act(operations);
    return operations;
  }

  // --- how it gets there

  async send() {
    if (this.sending || this.closed) return;
    this.sending = true;
    clearTimeout(this.timer);
    try {
      await this.drain();
    } finally {
      this.sending = false;
    }
  }

  async drain() {
    for (;;) {
      const [entry] = this.pending();
      if (!entry) {
        this.on.state("saved");
        return;
      }
      this.on.state("saving");
      const { revision, blind, request_id, operations } = entry;
      try {
        const body = { revision, blind, request_id, operations };
        const article = await post(`/v1/review/articles/${this.id}/corrections`, body, { by: entry.annotator });
        this.attempt = 0;
        this.settle(entry, article);
      } catch (error) {
        if (!(await this.trouble(entry, error))) return;
      }
    }
  }

  /** The server holds an entry: drop it here, and let what follows it build on the answer. */
  settle(entry, article) {
    localStorage.removeItem(entry.key);
    const before = new Map((this.server?.units ?? []).map((unit) => [keyOf(unit), JSON.stringify([unit.label, unit.by])]));
    const after = new Map(article.units.map((unit) => [keyOf(unit), JSON.stringify([unit.label, unit.by])]));
    const own = new Set(entry.operations.map(keyOf));
    for (const next of this.pending()) {
      // Somebody else's change to what a waiting entry is about has to come back as a conflict, so such an entry
      // keeps the revision that its author saw.
      const strange = next.operations.some((operation) => {
        const key = keyOf(operation);
        return !own.has(key) && before.has(key) && before.get(key) !== after.get(key);
      });
      if (!strange) this.rewrite(next, { revision: article.revision });
    }
    if (!this.closed) this.take(article);
  }

  rewrite(entry, values) {
    const { key, ...rest } = { ...entry, ...values };
    localStorage.setItem(key, JSON.stringify(rest));
  }

  /** Decide what follows from a failure; true to go on with the next entry at once. */
  async trouble(entry, error) {
    if (error instanceof Away || (error instanceof Refused && [429, 500, 503].includes(error.status))) {
      const pause = error.retryAfter || PAUSES[Math.min(this.attempt, PAUSES.length - 1)];
      this.attempt += 1;
      this.on.state(error instanceof Away || error.status === 500 ? "away" : "busy", pause);
      this.timer = setTimeout(() => this.send(), pause * 1000);
      return false;
    }
    if (!(error instanceof Refused)) throw error;
    if (error.status === 401) {
      this.on.state("away", 0);
      return false;
    }
    if (error.status === 409 && error.body.article) {
      const article = error.body.article;
      if ((await this.on.conflict(error, entry)) === "mine") {
        this.rewrite(entry, { revision: article.revision, request_id: unique() });
      } else {
        localStorage.removeItem(entry.key);
      }
      for (const next of this.pending()) this.rewrite(next, { revision: article.revision });
      this.take(this.blind ? await get(`/v1/review/articles/${this.id}?blind=true`) : article);
      return true;
    }
    localStorage.removeItem(entry.key);
    this.on.refused(error);
    if (error.status !== 404) this.take(await get(`/v1/review/articles/${this.id}${this.blind ? "?blind=true" : ""}`));
    return true;
  }
}

/**
 * Send what views that are closed left behind; a conflict waits until its article is opened.
 *
 * @param {{id: string, blind: boolean} | null} open  The view that sends for itself.
 * @returns {Promise<boolean>} Whether the server answered.
 */
export async function sendLeftovers(open) {
  const own = (entry) => open?.id === entry.article && open.blind === entry.blind;
  for (const id of articlesWaiting()) {
    for (const blind of [false, true]) {
      const entries = () => waiting(id).filter((entry) => entry.blind === blind && !own(entry));
      for (let [entry] = entries(); entry; [entry] = entries()) {
        const { key, revision, request_id, operations, annotator: by } = entry;
        try {
          const body = { revision, blind, request_id, operations };
          const article = await post(`/v1/review/articles/${id}/corrections`, body, { by });
          localStorage.removeItem(key);
          for (const { key: next, ...rest } of entries()) {
            localStorage.setItem(next, JSON.stringify({ ...rest, revision: article.revision }));
          }
        } catch (error) {
          if (error instanceof Away) return false;
          break;
        }
      }
    }
  }
  return true;
}
