// How the hashes of an index were made, as core/identify/hash_form.hpp tells: what is asked of it, and what is said to
// who asks with hashes of another form.

const silence = 627964279;
const extractSize = 120;

/** By an index's metadata: "plain", "phone" or "acoustid-28". */
export const formOf = (metadata) => metadata?.hashes ?? "plain";

const upper28Bits = (hash) => (hash & ~15) >>> 0;
const looksCut = (hashes) => hashes.length >= 8 && hashes.every((hash) => upper28Bits(hash) === hash);

/** `hashes` as an index of that form holds them, with how many distinct ones a document may share at most, and the
 * `minScore` to ask for; nothing: the node's own. */
export function inForm(hashes, form) {
  if (form !== "acoustid-28") return { hashes, shareable: new Set(hashes).size };
  const cut = hashes.filter((hash) => hash !== silence).map(upper28Bits);
  return { hashes: cut, shareable: Math.min(new Set(cut).size, extractSize),
           minScore: Math.floor((Math.min(cut.length, extractSize) + 19) / 20) };
}

/** What stands between such hashes and an index of that form, in words; or nothing. */
export function mismatch(hashes, form) {
  if (form === "phone") {
    return "This index holds recordings in the telephone's band: hashes of sound that has not passed it are hardly found.";
  }
  if (form === "plain" && looksCut(hashes)) {
    return "These hashes are cut to 28 bits, as AcoustID's are, and the index holds whole ones: they hardly find each other.";
  }
  return "";
}
