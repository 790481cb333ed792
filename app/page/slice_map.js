// Who holds which part of an index: its slices side by side, as wide as their share of the documents, and in each its
// replicas, one below the other.

import { element, matchChildren, setAttribute, setText, show } from "./dom.js";
import * as format from "./format.js";

/** "2/4" as the part of the whole that it begins at and that it is. */
function part(slice) {
  const [number, count] = slice.split("/").map(Number);
  return { begin: (number - 1) / count, share: 1 / count };
}

function memberName(m) {
  return m.node || m.address || "this node";
}

/** How a member stands, as a word for its colour. */
function standing(m) {
  if (m.failure !== "") return "out";
  if (m.draining) return "draining";
  return m.state === "ready" || m.state === "read_only" ? "well" : "loading";
}

function words(m) {
  if (m.failure !== "") return m.failure;
  const parts = [m.draining ? "draining" : m.state.replace("_", " "), format.plural(m.num_docs, "document")];
  if (m.behind_ms > 0) parts.push(`${format.duration(m.behind_ms)} behind`);
  if (m.asked > 0) parts.push(`${format.milliseconds(m.mean_us / 1000)} an answer`);
  return parts.join(" · ");
}

/** Slices in order, each with its members; of slices that overlap, as while one is split, the wider ones first. */
function slicesOf(members) {
  const slices = new Map();
  for (const m of members) {
    if (m.state === "unknown") continue;
    if (!slices.has(m.slice)) slices.set(m.slice, { slice: m.slice, ...part(m.slice), members: [] });
    slices.get(m.slice).members.push(m);
  }
  return [...slices.values()].sort((a, b) => a.begin - b.begin || b.share - a.share);
}

export class SliceMap {
  constructor() {
    this.slices = element("ol", { class: "slices" });
    this.unknown = element("ul", { class: "slice-unknown" });
    this.fault = element("p", { class: "slice-fault", hidden: true });
    this.element = element("figure", { class: "slice-map", hidden: true },
      element("figcaption", {}, element("span", { class: "chart-title" }, "Slices and their replicas")),
      this.slices, this.unknown, this.fault);
  }

  update({ members, fault }) {
    show(this.element, true);
    matchChildren(this.slices, slicesOf(members),
      () => element("li", {}, element("span", { class: "slice-name" }), element("ul")),
      (column, s) => {
        column.style.setProperty("flex-grow", (s.share * 1000).toFixed(0));
        setText(column.firstChild, s.slice);
        matchChildren(column.lastChild, s.members,
          () => element("li", {}, element("strong"), element("span")),
          (row, m) => {
            setAttribute(row, "data-standing", standing(m));
            setText(row.firstChild, memberName(m));
            setText(row.lastChild, words(m));
          });
      });
    const silent = members.filter((m) => m.state === "unknown");
    show(this.unknown, silent.length > 0);
    matchChildren(this.unknown, silent, () => element("li"), (row, m) => setText(row, `${memberName(m)}: ${m.failure}`));
    show(this.fault, fault !== "");
    setText(this.fault, fault === "" ? "" : `Searches fail: ${fault}.`);
  }
}
