// The segments of an index to scale, twice: above by their size, below by their age (the commits they hold). A band
// joins the two places of a segment. Oldest on the left.

import { drawing, element, matchChildren, setAttribute, setText } from "./dom.js";
import * as format from "./format.js";

const width = 1000;
const gap = 1.5;
const rows = { size: [0, 34], age: [66, 80] };

/** Where each of the parts lies on a line as long as all of them; none is too narrow to be seen. */
function layout(parts) {
  const total = parts.reduce((sum, part) => sum + part, 0) || 1;
  const least = Math.min(4, width / parts.length);
  const widths = parts.map((part) => Math.max(least, (part / total) * width));
  const scale = width / widths.reduce((sum, w) => sum + w, 0);
  let at = 0;
  return widths.map((w) => {
    const from = at;
    at += w * scale;
    return [from, Math.max(from + 0.5, at - Math.min(gap, (w * scale) / 3))];
  });
}

const box = ([left, right], [top, bottom]) => `M${left} ${top}H${right}V${bottom}H${left}Z`;

function band([sizeLeft, sizeRight], [ageLeft, ageRight]) {
  const top = rows.size[1], bottom = rows.age[0], middle = (top + bottom) / 2;
  return `M${sizeLeft} ${top}C${sizeLeft} ${middle} ${ageLeft} ${middle} ${ageLeft} ${bottom}H${ageRight}` +
    `C${ageRight} ${middle} ${sizeRight} ${middle} ${sizeRight} ${top}Z`;
}

function commits(s) {
  const range = s.first_commit_id === s.last_commit_id ? "" : `–${format.count(s.last_commit_id)}`;
  return `${range === "" ? "commit" : "commits"} ${format.count(s.first_commit_id)}${range}`;
}

const columns = [
  ["Commits", (s) => commits(s).replace(/^commits? /, "")],
  ["Where", (s) => s.kind],
  ["Documents", (s) => format.count(s.num_docs)],
  ["Postings", (s) => format.count(s.num_items)],
  ["Size", (s) => format.bytes(s.size_bytes)],
];

export class SegmentMap {
  constructor() {
    this.segments = [];
    this.chosen = null;
    this.svg = drawing("svg", { viewBox: `0 0 ${width} ${rows.age[1]}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    this.plot = element("div", { class: "segment-plot", tabindex: 0, role: "img", "aria-label": "Segments" }, this.svg);
    this.caption = element("p", { class: "segment-caption", "aria-live": "polite" });
    this.body = element("tbody");
    this.table = element("details", { class: "segment-table" },
      element("summary", {}, "As a table"),
      element("table", {},
        element("thead", {}, element("tr", {}, ...columns.map(([name]) => element("th", { scope: "col" }, name)))),
        this.body));
    this.heading = element("span", { class: "chart-title" }, "Segments");
    this.element = element("figure", { class: "segment-map" },
      element("figcaption", {}, this.heading,
        element("span", { class: "key file" }, "in a file"), element("span", { class: "key memory" }, "in memory")),
      element("div", { class: "segment-box" },
        element("div", { class: "segment-rows", "aria-hidden": "true" }, element("span", {}, "size"), element("span", {}, "age")),
        this.plot),
      this.caption, this.table);
    this.listen();
  }

  listen() {
    this.svg.addEventListener("pointermove", (e) => {
      const part = e.target.closest("g");
      if (part) this.choose([...this.svg.children].indexOf(part));
    });
    this.plot.addEventListener("pointerleave", () => this.choose(null));
    this.plot.addEventListener("blur", () => this.choose(null));
    this.plot.addEventListener("keydown", (e) => {
      const last = this.segments.length - 1;
      const at = this.chosen;
      const next = { ArrowLeft: at === null ? last : at - 1, ArrowRight: at === null ? 0 : at + 1, Home: 0, End: last,
                     Escape: null }[e.key];
      if (next === undefined) return;
      e.preventDefault();
      this.choose(next === null ? null : Math.min(last, Math.max(0, next)));
    });
    this.table.addEventListener("toggle", () => this.showTable());
  }

  choose(at) {
    if (at === this.chosen) return;
    this.chosen = at;
    this.showChosen();
  }

  update(segments) {
    this.segments = segments;
    if (this.chosen !== null && this.chosen >= segments.length) this.chosen = null;
    const sizes = layout(segments.map((s) => s.size_bytes));
    const ages = layout(segments.map((s) => s.last_commit_id - s.first_commit_id + 1));
    const parts = ["by-size", "joint", "by-age"];
    matchChildren(this.svg, segments,
      () => drawing("g", {}, ...parts.map((part) => drawing("path", { class: part }))),
      (group, s, i) => {
        const [size, joint, age] = group.children;
        setAttribute(size, "d", box(sizes[i], rows.size));
        setAttribute(joint, "d", band(sizes[i], ages[i]));
        setAttribute(age, "d", box(ages[i], rows.age));
      });
    this.total = segments.reduce((sum, s) => sum + s.size_bytes, 0);
    setText(this.heading, format.plural(segments.length, "segment"));
    this.showChosen();
    this.showTable();
  }

  showChosen() {
    this.segments.forEach((s, i) => {
      const chosen = i === this.chosen ? " chosen" : "";
      setAttribute(this.svg.children[i], "class", `${s.kind} ${i % 2 === 0 ? "even" : "odd"}${chosen}`);
    });
    setAttribute(this.svg, "class", this.chosen === null ? null : "choosing");
    const s = this.segments[this.chosen];
    const whole = this.segments.length === 0
      ? "Nothing is in this index yet."
      : `${format.bytes(this.total)} in all, oldest on the left. Point at a segment to learn more.`;
    setText(this.caption, s ? this.describe(s) : whole);
    setAttribute(this.plot, "aria-label",
      `${format.plural(this.segments.length, "segment")}, ${format.bytes(this.total)}. Arrow keys walk through them.`);
  }

  describe(s) {
    const share = this.total > 0 ? `, ${format.percent(s.size_bytes / this.total)} of the index` : "";
    const place = s.kind === "memory" ? "in memory" : "in a file";
    return `Segment ${this.chosen + 1}, ${place}: ${commits(s)}, ${format.plural(s.num_docs, "document")}, ` +
      `${format.plural(s.num_items, "posting")}, ${format.bytes(s.size_bytes)}${share}.`;
  }

  showTable() {
    if (!this.table.open) return;
    matchChildren(this.body, this.segments,
      () => element("tr", {}, ...columns.map(() => element("td"))),
      (row, s) => columns.forEach(([, text], i) => setText(row.children[i], text(s))));
  }
}
