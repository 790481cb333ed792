// The list of indexes: rows come, change and go in place; filters choose which are shown.

import { copyButton } from "./copy.js";
import { element, setAttribute, setText, show } from "./dom.js";
import * as format from "./format.js";
import { columns, inOrder } from "./index_order.js";
import { IndexRow, stateNames } from "./index_row.js";

const byId = (id) => document.getElementById(id);
const filterFrom = 9;  // indexes; fewer are seen at a glance
const states = ["failed", "loading", "read_only", "ready", "closing"];

/** The open indexes are in the address, so that a reload or a link brings them back. */
function openInAddress() {
  return new Set(decodeURIComponent(location.hash.slice(1)).split(",").filter((name) => name !== ""));
}

export class IndexList {
  rows = new Map();
  chosenState = null;
  lastStates = new Map();
  sortedBy = null;  // a column's key; else those in trouble come first
  up = true;

  /** `announce` speaks to screen readers; `opened` is told the name of an index that somebody opens. */
  constructor(announce, opened) {
    this.announce = announce;
    this.opened = opened;
    this.list = byId("index-list");
    this.filter = byId("filter");
    this.filter.addEventListener("input", () => this.applyFilter());
    this.chips = new Map();
    this.addChip(null, "All");
    for (const state of states) this.addChip(state, stateNames[state]);
    this.seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const row = this.rows.get(target.dataset.name);
        if (!row) continue;
        row.visible = isIntersecting;
        if (isIntersecting) row.fetchDetails(performance.now());
      }
    }, { rootMargin: "1500px 0px" });
    this.sorts = columns.map((column) => this.makeSort(column));
    byId("columns").append(...this.sorts);
    setText(byId("create-hint"), "fpctl index create music\nfpctl ingest music FINGERPRINTS");
    setText(byId("create-hint-http"), `curl -X PUT ${location.origin}/music`);
    for (const id of ["create-hint", "create-hint-http"]) {
      byId(id).after(copyButton(() => byId(id).textContent, "the commands"));
    }
  }

  /** The head of a column. It sorts by that, then the other way round, then no more. */
  makeSort({ key, label, up }) {
    const button = element("button", { type: "button", class: "sort", "aria-pressed": "false", "data-key": key }, label);
    button.addEventListener("click", () => {
      if (this.sortedBy !== key) {
        this.sortedBy = key;
        this.up = up;
      } else if (this.up === up) {
        this.up = !up;
      } else {
        this.sortedBy = null;
        this.up = true;
      }
      for (const sort of this.sorts) {
        const chosen = sort.dataset.key === this.sortedBy;
        setAttribute(sort, "aria-pressed", String(chosen));
        setAttribute(sort, "data-up", chosen && this.up);
      }
      this.arrange();
    });
    return button;
  }

  addChip(state, label) {
    const number = element("span", { class: "number" });
    const button = element("button", { type: "button", class: "chip", "data-state": state ?? "all",
                                       "aria-pressed": String(state === null) }, `${label} `, number);
    button.addEventListener("click", () => {
      this.chosenState = this.chosenState === state ? null : state;
      this.applyFilter();
    });
    byId("chips").append(button);
    this.chips.set(state, { button, number });
  }

  update(indexes, now) {
    const first = this.rows.size === 0;
    const names = new Set(indexes.map((i) => i.name));
    for (const [name, row] of this.rows) {
      if (names.has(name)) continue;
      this.seen.unobserve(row.element);
      row.element.remove();
      this.rows.delete(name);
      this.lastStates.delete(name);
    }
    const changes = [];
    for (const status of indexes) {
      const row = this.rows.get(status.name) ?? this.addRow(status.name);
      row.update(status, now);
      changes.push(...this.changeInWords(status));
    }
    this.arrange();
    if (!first && changes.length > 0) this.announce(changes.join(". "));
    if (first) this.openFirst(indexes);
    this.showSurroundings(indexes);
    this.applyFilter();
    for (const row of this.rows.values()) if (row.visible) row.fetchDetails(now);
  }

  addRow(name) {
    const row = new IndexRow(name, () => {
      this.rememberOpen();
      if (row.open) this.opened(name);
    });
    row.element.dataset.name = name;
    this.rows.set(name, row);
    this.list.append(row.element);
    this.seen.observe(row.element);
    return row;
  }

  /** Moves the rows that are not at their place; whoever is in one keeps the focus. */
  arrange() {
    const focused = document.activeElement;
    let place = this.list.firstElementChild;
    for (const { element: row } of inOrder(this.rows.values(), this.sortedBy, this.up)) {
      if (row === place) {
        place = place.nextElementSibling;
      } else {
        this.list.insertBefore(row, place);
      }
    }
    if (document.activeElement !== focused && this.list.contains(focused)) focused.focus({ preventScroll: true });
  }

  openFirst(indexes) {
    const wanted = openInAddress();
    if (indexes.length === 1) wanted.add(indexes[0].name);
    for (const name of wanted) {
      const row = this.rows.get(name);
      if (!row) continue;
      row.setOpen(true);
      this.opened(name);
    }
  }

  rememberOpen() {
    const open = [...this.rows.values()].filter((row) => row.open).map((row) => row.name);
    history.replaceState(null, "", open.length > 0 ? `#${open.join(",")}` : location.pathname);
    const now = performance.now();
    for (const row of this.rows.values()) row.fetchDetails(now);
  }

  changeInWords({ name, state, reason }) {
    const before = this.lastStates.get(name);
    this.lastStates.set(name, state);
    return before === state ? [] : [`${name}: ${stateNames[state] ?? state}${reason ? `, ${reason}` : ""}`];
  }

  showSurroundings(indexes) {
    const numbers = new Map(states.map((state) => [state, indexes.filter((i) => i.state === state).length]));
    numbers.set(null, indexes.length);
    for (const [state, { button, number }] of this.chips) {
      setText(number, format.count(numbers.get(state)));
      show(button, state === null || numbers.get(state) > 0 || this.chosenState === state);
    }
    show(byId("filters"), indexes.length >= filterFrom);
    if (indexes.length < filterFrom) {
      this.chosenState = null;
      this.filter.value = "";
    }
    show(byId("columns"), indexes.length > 0);
    show(byId("empty"), indexes.length === 0);
    this.list.classList.toggle("many", indexes.length >= filterFrom);
  }

  applyFilter() {
    const text = this.filter.value.trim().toLowerCase();
    let shown = 0;
    for (const row of this.rows.values()) {
      const fits = (this.chosenState === null || row.status.state === this.chosenState) &&
        row.name.toLowerCase().includes(text);
      show(row.element, fits);
      if (fits) shown++;
    }
    for (const [state, { button }] of this.chips) {
      setAttribute(button, "aria-pressed", String(state === this.chosenState));
    }
    show(byId("no-match"), this.rows.size > 0 && shown === 0);
  }
}
