// The box to paste a fingerprint into, and what the node finds for it.

import { metadata, search } from "./api.js";
import { element, matchChildren, setAttribute, setText } from "./dom.js";
import { parseFingerprint, UnreadableFingerprint } from "./fingerprint.js";
import * as format from "./format.js";
import { formOf, inForm, mismatch } from "./hash_form.js";

const byId = (id) => document.getElementById(id);

/** The name of a document, with its number, or the number alone. */
function nameOf({ id, title, artist }) {
  if (title === undefined) return [String(id)];
  const by = artist ? ` by ${artist}` : "";
  return [element("span", { class: "title" }, `${title}${by}`), " ", element("span", { class: "number" }, String(id))];
}

function verdictWords({ verdict, reason, results }) {
  if (verdict === "none") return `No match: ${reason}.`;
  const [{ title, artist, place }] = results;
  return `“${title}”${artist ? ` by ${artist}` : ""} at ${format.place(place)}, ${verdict}.`;
}

function resultRow(result, distinct) {
  const { score } = result;
  const share = score / distinct;
  const bar = element("span", { class: "bar" });
  bar.style.setProperty("transform", `scaleX(${Math.min(1, share).toFixed(4)})`);
  return element("tr", {},
    element("th", { scope: "row" }, ...nameOf(result)),
    element("td", {}, format.count(score)),
    element("td", { class: "share" }, element("span", { class: "share-bar", "aria-hidden": "true" }, bar),
      element("span", {}, format.percent(share))));
}

export class SearchBox {
  constructor() {
    this.wanted = null;
    this.text = byId("search-text");
    this.index = byId("search-index");
    this.read = byId("search-read");
    this.results = byId("results");
    this.text.addEventListener("input", () => this.parse());
    this.text.addEventListener("keydown", (e) => {
      if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
      e.preventDefault();
      byId("search-form").requestSubmit();
    });
    this.index.addEventListener("change", () => (this.wanted = null));
    byId("search-form").addEventListener("submit", (e) => {
      e.preventDefault();
      this.search();
    });
  }

  /** Offers the indexes in which something can be found, and keeps the choice. */
  update(indexes, hasNames) {
    this.hasNames = hasNames;
    const serves = (i) => i.state === "ready" || i.state === "read_only";
    const names = indexes.filter((i) => serves(i) && !(i.answered && i.num_docs === 0)).map((i) => i.name);
    const chosen = this.wanted ?? this.index.value;
    matchChildren(this.index, names, () => element("option"), (option, name) => {
      setText(option, name);
      setAttribute(option, "value", name);
    });
    if (names.includes(chosen)) {
      if (this.index.value !== chosen) this.index.value = chosen;
      this.wanted = null;
    }
    if (this.index.disabled !== (names.length === 0)) this.index.disabled = names.length === 0;
  }

  /** Searches in an index that somebody has opened, as soon as it is offered. */
  follow(name) {
    this.wanted = name;
    if ([...this.index.options].some((option) => option.value === name)) this.index.value = name;
  }

  say(text, isError = false) {
    setText(this.read, text);
    setAttribute(this.read, "data-error", isError);
    setAttribute(this.text, "aria-invalid", isError ? "true" : null);
  }

  /** What was pasted, or nothing; says what was read of it. */
  parse() {
    try {
      const parsed = parseFingerprint(this.text.value);
      if (parsed === null) {
        this.say("");
        return null;
      }
      const allDistinct = parsed.distinct === parsed.hashes.length;
      const distinct = allDistinct ? "" : `, ${format.count(parsed.distinct)} of them distinct`;
      const others = parsed.others > 0 ? ` The first of ${parsed.others + 1} fingerprints is searched for.` : "";
      this.say(`${format.plural(parsed.hashes.length, "hash", "hashes")}${distinct}.${others}`);
      return parsed;
    } catch (e) {
      if (!(e instanceof UnreadableFingerprint)) throw e;
      this.say(e.message, true);
      return null;
    }
  }

  /** Old results would seem to be those of what has just been refused; one that is still awaited, too. */
  drop() {
    this.number = (this.number ?? 0) + 1;
    this.results.replaceChildren();
    this.results.removeAttribute("aria-busy");
  }

  async search() {
    const parsed = this.parse();
    if (parsed === null) {
      if (this.text.value.trim() === "") this.say("Paste a fingerprint first.", true);
      this.text.focus();
      this.drop();
      return;
    }
    if (this.index.value === "") {
      this.say("There is no index that can be searched.", true);
      this.drop();
      return;
    }
    const number = (this.number = (this.number ?? 0) + 1);
    this.results.setAttribute("aria-busy", "true");
    let shown;
    try {
      const index = this.index.value;
      const form = formOf(await metadata(index));
      const asked = inForm(parsed.hashes, form);
      // Bits of cut hashes tell no names.
      const found = await search(index, asked, this.hasNames && form !== "acoustid-28");
      const remark = mismatch(parsed.hashes, form);
      shown = [...(remark ? [element("p", { class: "hint" }, remark)] : []), ...this.describe(found, asked)];
    } catch (e) {
      shown = [element("p", { class: "error" }, e.message)];
    }
    if (number !== this.number) return;
    this.results.replaceChildren(...shown);
    this.results.removeAttribute("aria-busy");
  }

  describe(found, { hashes, shareable, minScore }) {
    const { results, milliseconds } = found;
    const time = format.milliseconds(milliseconds);
    if (results.length === 0) {
      const least = minScore ?? Math.floor((hashes.length + 19) / 20);
      const words = `no document shares at least ${format.plural(least, "hash", "hashes")} with this fingerprint`;
      return [element("p", { class: "nothing" }, `No match in ${time}: ${words}.`)];
    }
    const head = ["Document", "Score", "Share of the query"].map((name) => element("th", { scope: "col" }, name));
    const names = results.some((r) => r.title !== undefined);
    const verdict = names ? [element("p", { class: "verdict", "data-verdict": found.verdict }, verdictWords(found))] : [];
    return [...verdict, element("table", {},
      element("caption", {}, `${format.plural(results.length, "match", "matches")} in ${time}, the way to the node included`),
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...results.map((r) => resultRow(r, shareable))))];
  }
}
