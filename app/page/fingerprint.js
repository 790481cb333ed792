// Reads a pasted fingerprint. Understands what `fpctl` reads from text: numbers, lines with an id or a label before
// them, and what `fpcalc -raw` prints, as text or JSON. The hashes are taken as they are, as `fpctl identify` does.
// tests/data/fingerprint_forms.json holds cases, to which core/text/fingerprint_text.hpp is held as well.

const maxHash = 4294967295;
const minHash = -2147483648;
const maxHashes = 1 << 20;

export class UnreadableFingerprint extends Error {}

function bad(message) {
  throw new UnreadableFingerprint(message);
}

function quoted(text) {
  return `“${text.length > 24 ? text.slice(0, 24) + "…" : text}”`;
}

function compressed() {
  bad("This is a compressed fingerprint. Run fpcalc with -raw, which prints the hashes.");
}

/** AQAA… of fpcalc without -raw: base64 in the URL alphabet, too long for a word and no number. */
function looksCompressed(text) {
  return /^[A-Za-z0-9_-]{16,}={0,2}$/.test(text) && /[A-Za-z_]/.test(text);
}

function toHash(word, position) {
  const value = /^-?\d{1,10}$/.test(word) ? Number(word) : NaN;
  if (!(value >= minHash && value <= maxHash)) {
    bad(`Hash ${position} is ${quoted(word)}; a hash is a number from ${minHash} to ${maxHash}.`);
  }
  return value >>> 0;
}

function parseNumbers(text) {
  text = text.trim();
  const open = text[0];
  if (open === "[" || open === "{") {
    const closes = text.length > 1 && text.endsWith(open === "[" ? "]" : "}");
    if (!closes) bad(`The list opens with ${open} and never closes.`);
    text = text.slice(1, -1).trim();
  }
  if (text === "") bad("There are no hashes.");
  if (looksCompressed(text)) compressed();
  // White space, with at most one comma in it.
  const words = text.split(/\s*,\s*|\s+/);
  const hole = words.indexOf("");
  if (hole >= 0) bad(`Hash ${hole + 1} is missing: there is a comma too many.`);
  return words.map((word, i) => toHash(word, i + 1));
}

function fromJson(value) {
  const names = ["fingerprint", "hashes"].filter((name) => Object.hasOwn(value, name));
  if (names.length === 0) bad("The JSON has no member “fingerprint” or “hashes”.");
  if (names.length > 1) bad("The JSON has both “fingerprint” and “hashes”.");
  const list = value[names[0]];
  if (typeof list === "string") compressed();
  if (!Array.isArray(list)) bad(`“${names[0]}” in the JSON is no list of hashes.`);
  if (list.length === 0) bad("There are no hashes.");
  return list.map((n, i) => toHash(typeof n === "number" ? String(n) : JSON.stringify(n), i + 1));
}

/** The objects of a text that holds one after the other, each over however many lines. */
function splitJson(text) {
  const objects = [];
  let depth = 0, inString = false, start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (inString) {
      if (c === "\\") i++;
      else if (c === '"') inString = false;
    } else if (c === '"') {
      inString = true;
    } else if (c === "{" || c === "[") {
      depth++;
    } else if ((c === "}" || c === "]") && --depth === 0) {
      objects.push(text.slice(start, i + 1));
      start = i + 1;
    }
  }
  const rest = text.slice(start);
  return rest.trim() === "" ? objects : [...objects, rest];
}

function parseJson(text) {
  const all = splitJson(text).map((object) => {
    try {
      return JSON.parse(object);
    } catch {
      bad("This looks like JSON, but cannot be read as such. Was all of it copied?");
    }
  });
  return { hashes: fromJson(all[0]), others: all.length - 1 };
}

/** `7|1,2,3`, `7<tab>{1,2,3}` or `label<tab>7<tab>1,2,3`: the hashes, or nothing when the line has no such look. */
function hashesOfRecord(line) {
  const match = /^[\d ]+\|(.*)$/.exec(line) ?? /^(?:[^\t]*\t)?\s*\d+\s*\t([^\t]*)$/.exec(line);
  return match?.[1];
}

function parseLines(lines, key) {
  const fingerprints = lines.map(key).filter((part) => part !== undefined);
  return { hashes: parseNumbers(fingerprints[0]), others: fingerprints.length - 1 };
}

/** A line of `fpcalc -raw -plain`: a list of several hashes with commas between them. */
const isWholeList = (line) => line.includes(",") && !/^\s*,|[,[{]\s*$/.test(line);

function read(text) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "" && !/^\s*#/.test(line));
  text = lines.join("\n").trim();
  const keyed = (line) => /^\s*FINGERPRINT=(.*)$/.exec(line)?.[1];
  const inBlock = lines.findLastIndex((line) => /^(FILE|DURATION|TIMESTAMP)=/.test(line));
  if (inBlock >= 0 && !lines.slice(inBlock).some((line) => keyed(line) !== undefined)) {
    bad("The line FINGERPRINT=… is missing.");
  }
  if (lines.some((line) => keyed(line) !== undefined)) return parseLines(lines, keyed);
  if (/^\{\s*("|\})/.test(text)) return parseJson(text);
  if (lines.some((line) => hashesOfRecord(line) !== undefined)) return parseLines(lines, hashesOfRecord);
  if (lines.length > 1 && lines.every(isWholeList)) return parseLines(lines, (line) => line);
  return { hashes: parseNumbers(text), others: 0 };
}

/**
 * What was pasted: `hashes` in order and unsigned, the number of `distinct` ones, and how many `others` fingerprints
 * follow the first one. Nothing for empty text. Throws UnreadableFingerprint with the reason in words.
 */
export function parseFingerprint(text) {
  text = text.replace(/^\ufeff/, "").trim();
  if (text === "") return null;
  const { hashes, others } = read(text);
  if (hashes.length > maxHashes) bad(`These are ${hashes.length} hashes; at most ${maxHashes} can be searched for.`);
  return { hashes, distinct: new Set(hashes).size, others };
}
