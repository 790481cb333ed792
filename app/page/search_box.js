// The box to paste a fingerprint into, and what the node finds for it.

import { fingerprints, metadata, search } from "./api.js";
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

const certainties = ["none", "likely", "sure"];

/** The answer that says most: of the surest, the one with the fewest wrong bits, or the most hashes in common. */
function bestOf(answers) {
  const rank = ({ verdict, results }) => certainties.indexOf(verdict ?? "none") * 2 + (results.length > 0 ? 1 : 0);
  const isBetter = (a, b) => {
    if (rank(a.found) !== rank(b.found)) return rank(a.found) > rank(b.found);
    const [x, y] = [a.found.results[0], b.found.results[0]];
    if (a.found.verdict === "none" || x?.error === undefined || y?.error === undefined) return (x?.score ?? 0) > (y?.score ?? 0);
    return x.error < y.error;
  };
  return answers.reduce((best, next) => (isBetter(next, best) ? next : best));
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
    this.sound = byId("sound");
    this.file = byId("sound-file");
    this.file.addEventListener("change", () => {
      const [file] = this.file.files;
      if (file) this.listen(file);
      // The same file can be chosen again.
      this.file.value = "";
    });
    const box = byId("identify");
    const carriesFile = (e) => !this.sound.hidden && [...(e.dataTransfer?.types ?? [])].includes("Files");
    box.addEventListener("dragover", (e) => {
      if (!carriesFile(e)) return;
      e.preventDefault();
      setAttribute(box, "data-dropping", true);
    });
    box.addEventListener("dragleave", () => setAttribute(box, "data-dropping", null));
    box.addEventListener("drop", (e) => {
      setAttribute(box, "data-dropping", null);
      if (!carriesFile(e)) return;
      e.preventDefault();
      const [file] = e.dataTransfer.files;
      if (file) this.listen(file);
    });
  }

  /** Offers the indexes in which something can be found, and keeps the choice. */
  update(indexes, hasNames, takesSound) {
    this.hasNames = hasNames;
    if (this.sound.hidden === takesSound) this.sound.hidden = !takesSound;
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
    await this.show(async (index, form) => {
      const { found, asked } = await this.ask(index, form, parsed.hashes);
      const remark = mismatch(parsed.hashes, form);
      return [...(remark ? [element("p", { class: "hint" }, remark)] : []), ...this.describe(found, asked)];
    });
  }

  /** What a file of sound is, as the node hears it. */
  async listen(file) {
    this.text.value = "";
    this.say(`Listening to ${file.name}…`);
    await this.show(async (index, form) => {
      const heard = await fingerprints(file);
      const wanted = form === "phone" ? heard.phone : heard.plain;
      this.say(`${file.name}, ${Math.round(heard.seconds)} seconds heard.`);
      if (wanted.length === 0) throw new Error("This is too short for a fingerprint: three seconds are the least.");
      const { found, asked } = bestOf(await Promise.all(wanted.map((hashes) => this.ask(index, form, hashes))));
      return this.describe(found, asked);
    });
  }

  async ask(index, form, hashes) {
    const asked = inForm(hashes, form);
    // Bits of cut hashes tell no names.
    return { found: await search(index, asked, this.hasNames && form !== "acoustid-28"), asked };
  }

  /** Shows what is found in the chosen index, unless something else has been asked for since. */
  async show(find) {
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
      shown = await find(index, formOf(await metadata(index)));
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
