// A small line chart over the last minutes. The time axis always covers the whole span, so a young node's lines begin
// on the right. Lines are drawn in a box of 1000 x 100 units that is stretched to its place; words are HTML.

import { drawing, element, matchChildren, setAttribute, setText } from "./dom.js";

const width = 1000;
const height = 100;
const slots = 150;

/** The smallest of 1, 2, 4, 10, 20, ... that is not below `value`: the half of it is short, too. */
function niceCeiling(value, least) {
  if (value <= least) return least;
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 10].map((step) => step * unit).find((step) => step >= value);
}

const known = (value) => value !== null && value !== undefined;

/** A path through the values; a gap where one is not known. A value between two gaps is a short line. */
function linePath(values, top) {
  const x = (i) => ((slots - values.length + i) * width) / (slots - 1);
  const y = (value) => height - (value / top) * height;
  let path = "";
  values.forEach((value, i) => {
    if (!known(value)) return;
    path += `${known(values[i - 1]) ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(2)}`;
    if (!known(values[i - 1]) && !known(values[i + 1])) path += "h2";
  });
  return path;
}

function areaPath(values, top) {
  if (values.length < 2 || !values.every(known)) return "";
  const left = ((slots - values.length) * width) / (slots - 1);
  return `${linePath(values, top)}L${width} ${height}L${left.toFixed(1)} ${height}Z`;
}

export class Chart {
  /**
   * `lines` is a list of {key, label}; `text` words a value; the scale never ends below `least`. Without more than one
   * line there is no need of a legend.
   */
  constructor({ title, lines, text, least }) {
    Object.assign(this, { title, lines, text, least });
    this.values = {};
    this.stepSeconds = 2;
    this.at = null;
    this.paths = lines.map(({ key }) => drawing("path", { class: `trace ${key}` }));
    this.area = drawing("path", { class: `area ${lines[0].key}` });
    this.cursor = drawing("line", { class: "cursor", y1: 0, y2: height, visibility: "hidden" });
    const grid = [0, height / 2, height].map((y) => drawing("line", { class: "grid", x1: 0, x2: width, y1: y, y2: y }));
    const frame = { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" };
    const svg = drawing("svg", frame, ...grid, this.area, ...this.paths, this.cursor);
    this.scale = [element("span"), element("span"), element("span", {}, "0")];
    this.plot = element("div", { class: "plot", tabindex: 0, role: "img" }, svg);
    this.readings = element("dl", { class: "readings" });
    this.time = element("span", { class: "chart-time" }, "now");
    this.element = element("figure", { class: "chart" },
      element("figcaption", {}, element("span", { class: "chart-title" }, title), this.time, this.readings),
      element("div", { class: "chart-box" },
        element("div", { class: "scale", "aria-hidden": "true" }, ...this.scale), this.plot),
      element("div", { class: "time-axis", "aria-hidden": "true" },
        element("span", {}, "5 min ago"), element("span", {}, "now")));
    this.listen();
    this.showReadings();
  }

  listen() {
    this.plot.addEventListener("pointermove", (e) => {
      const box = this.plot.getBoundingClientRect();
      this.point(Math.round(((e.clientX - box.left) / box.width) * (slots - 1)));
    });
    this.plot.addEventListener("pointerleave", () => this.point(null));
    this.plot.addEventListener("blur", () => this.point(null));
    this.plot.addEventListener("keydown", (e) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -15, PageDown: 15, Home: -slots, End: slots }[e.key];
      if (e.key === "Escape") this.point(null);
      if (step === undefined) return;
      e.preventDefault();
      this.point(Math.min(slots - 1, Math.max(0, (this.at ?? slots - 1) + step)));
    });
  }

  /** Shows the values of one moment, or of the last one. */
  point(at) {
    this.at = at === null ? null : Math.min(slots - 1, Math.max(0, at));
    this.showReadings();
  }

  update(stepSeconds, values) {
    this.stepSeconds = stepSeconds;
    this.values = values;
    const all = this.lines.flatMap(({ key }) => values[key].filter(known));
    const top = niceCeiling(Math.max(0, ...all), this.least);
    setText(this.scale[0], this.text(top));
    setText(this.scale[1], this.text(top / 2));
    this.lines.forEach(({ key }, i) => setAttribute(this.paths[i], "d", linePath(values[key].slice(-slots), top)));
    if (this.lines.length === 1) setAttribute(this.area, "d", areaPath(values[this.lines[0].key].slice(-slots), top));
    this.peak = all.length > 0 ? Math.max(...all) : null;
    this.showReadings();
  }

  reading(key) {
    const values = this.values[key] ?? [];
    return this.at === null ? values.at(-1) : values[values.length - slots + this.at];
  }

  showReadings() {
    const word = (value) => (known(value) ? this.text(value) : "–");
    const ago = this.at === null ? 0 : (slots - 1 - this.at) * this.stepSeconds;
    setText(this.time, ago === 0 ? "now" : `${ago >= 60 ? `${Math.floor(ago / 60)} min ` : ""}${ago % 60} s ago`);
    setAttribute(this.cursor, "visibility", this.at === null ? "hidden" : "visible");
    if (this.at !== null) {
      setAttribute(this.cursor, "x1", (this.at * width) / (slots - 1));
      setAttribute(this.cursor, "x2", (this.at * width) / (slots - 1));
    }
    matchChildren(this.readings, this.lines,
      () => element("div", {}, element("dt"), element("dd")),
      (row, { key, label }) => {
        setAttribute(row, "class", key);
        setText(row.firstChild, label);
        setText(row.lastChild, word(this.reading(key)));
      });
    const spoken = this.lines.map(({ key, label }) => `${label} ${word(this.reading(key))}`.trim()).join(", ");
    setAttribute(this.plot, "aria-label",
      `${this.title}, ${this.time.textContent}: ${spoken}. Highest in 5 minutes: ${word(this.peak)}. ` +
      "Arrow keys move through time.");
  }
}
