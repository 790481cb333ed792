// One index in the list: a line with what matters most, what is wrong with it below, and details when it is open.

import * as api from "./api.js";
import { Chart } from "./chart.js";
import { copyButton } from "./copy.js";
import { element, matchChildren, setAttribute, setText, show } from "./dom.js";
import * as format from "./format.js";
import { Rate } from "./rates.js";
import { SegmentMap } from "./segment_map.js";
import { SliceMap } from "./slice_map.js";

export const stateNames = {
  loading: "Loading",
  ready: "Ready",
  read_only: "Read only",
  failed: "Failed",
  closing: "Closing",
};

const strategies = { none: "nothing to load", sequential: "one loader", parallel: "in parallel" };

function cell(label) {
  const value = element("span", { class: "value" }, "–");
  return { value, element: element("span", { class: "cell" }, element("span", { class: "label" }, label), " ", value) };
}

/** How far loading has got: 0 to 1, or `null` while nothing is known. */
function loadedShare(l) {
  if (l.bytes_total > 0) return Math.min(1, l.bytes_done / l.bytes_total);
  return l.segments_total > 0 ? l.segments_done / l.segments_total : null;
}

function loadingWords(l) {
  if (l.segments_total === 0) return "Reading the manifest and the log";
  const parts = [`${l.segments_done} of ${format.plural(l.segments_total, "segment")}`,
                 `${format.bytes(l.bytes_done)} of ${format.bytes(l.bytes_total)}`];
  if (l.replayed_commits > 0) parts.push(`${format.plural(l.replayed_commits, "commit")} replayed`);
  return parts.join(" · ");
}

/** Where all of a replica comes from, and how much of it is here. */
function takenWords(replica) {
  const parts = [`${replica.resyncing ? "a new copy " : ""}from ${replica.donor}`];
  if (replica.base_size > 0) parts.push(`${format.bytes(replica.base_bytes)} of ${format.bytes(replica.base_size)}`);
  else if (replica.base_bytes > 0) parts.push(format.bytes(replica.base_bytes));
  return parts.join(", ");
}

export class IndexRow {
  /** `changed` is called when somebody opens or closes the row. */
  constructor(name, changed) {
    this.name = name;
    this.open = false;
    this.searchRate = new Rate();
    this.updateRate = new Rate();
    const detailsId = `details-${name}`;
    this.button = element("button",
      { type: "button", class: "name", "aria-expanded": "false", "aria-controls": detailsId }, name);
    this.button.addEventListener("click", () => {
      this.setOpen(!this.open);
      changed();
    });
    this.state = element("span", { class: "state" });
    this.cells = {
      docs: cell("Documents"),
      size: cell("Size"),
      segments: cell("Segments"),
      searches: cell("Searches/s"),
      updates: cell("Updates/s"),
    };
    this.bar = element("span", { class: "bar" });
    this.progress = element("div", { class: "progress", role: "progressbar", "aria-label": `Loading ${name}`,
                                     "aria-valuemin": 0, "aria-valuemax": 100 }, this.bar);
    this.progressText = element("span", { class: "progress-text" });
    this.loading = element("div", { class: "loading", hidden: true }, this.progress, this.progressText);
    this.problems = element("ul", { class: "problems" });
    this.details = element("div", { class: "details", id: detailsId, hidden: true });
    this.element = element("li", { class: "index" },
      element("div", { class: "line" }, element("h3", {}, this.button), this.state,
        ...Object.values(this.cells).map((c) => c.element)),
      this.loading, this.problems, this.details);
  }

  setOpen(open) {
    this.open = open;
    setAttribute(this.button, "aria-expanded", String(open));
    if (open && !this.charts) this.buildDetails();
    show(this.details, open);
    if (open && this.status) this.update(this.status, performance.now());
  }

  buildDetails() {
    const perSecond = { text: format.rate, least: 1 };
    const percentiles = ["p50", "p95", "p99"];
    this.charts = {
      searches: new Chart({ title: "Searches a second", lines: [{ key: "searches", label: "" }], ...perSecond }),
      updates: new Chart({ title: "Updates a second", lines: [{ key: "updates", label: "" }], ...perSecond }),
      latency: new Chart({ title: "Search time", text: format.milliseconds, least: 0.1,
                           lines: percentiles.map((p) => ({ key: `search_${p}_ms`, label: p })) }),
    };
    this.noHistory = element("p", { class: "nothing", hidden: true });
    this.chartRow = element("div", { class: "charts" }, ...Object.values(this.charts).map((chart) => chart.element));
    this.map = new SegmentMap();
    this.slices = new SliceMap();
    this.facts = element("dl", { class: "facts" });
    this.details.append(this.chartRow, this.noHistory, this.slices.element, this.map.element, this.facts);
  }

  update(s, now) {
    this.status = s;
    const serves = s.state === "ready" || s.state === "read_only";
    this.serves = serves;
    setText(this.state, stateNames[s.state] ?? s.state);
    setAttribute(this.element, "data-state", s.state);
    const told = serves && s.answered;
    const put = (key, text) => setText(this.cells[key].value, told ? text() : "–");
    put("docs", () => format.shortCount(s.num_docs));
    put("size", () => format.bytes(s.size_bytes));
    put("segments", () => format.count(s.num_file_segments + s.num_memory_segments));
    this.searchesPerSecond = s.answered ? this.searchRate.add(now, s.searches) : null;
    this.updatesPerSecond = s.answered ? this.updateRate.add(now, s.updates) : null;
    put("searches", () => (this.searchesPerSecond === null ? "–" : format.rate(this.searchesPerSecond)));
    put("updates", () => (this.updatesPerSecond === null ? "–" : format.rate(this.updatesPerSecond)));
    this.showLoading(s);
    this.showProblems(s);
    if (this.open) this.showFacts(s);
  }

  showLoading(s) {
    show(this.loading, s.state === "loading");
    if (s.state !== "loading") return;
    const share = s.answered ? loadedShare(s.loading) : null;
    const percent = share === null ? null : Math.floor(share * 100);
    setAttribute(this.progress, "aria-valuenow", percent);
    setAttribute(this.progress, "data-unknown", share === null);
    this.bar.style.setProperty("transform", share === null ? "" : `scaleX(${share.toFixed(4)})`);
    const words = loadingWords(s.loading);
    setAttribute(this.progress, "aria-valuetext", words);
    setText(this.progressText, `${percent === null ? "" : `${percent} % · `}${words}`);
  }

  showProblems(s) {
    const problems = [];
    if (s.reason) problems.push([s.state === "failed" ? "Failed to load" : "Read only", s.reason]);
    const replica = s.replica;
    if (replica && replica.reason && replica.reason !== s.reason) {
      problems.push(["Does not get on with its changelog", replica.reason]);
    }
    if (replica && replica.behind_changes > 0) {
      problems.push([`Behind its changelog by ${replica.behind_changes} changes`,
        `for ${(replica.behind_ms / 1000).toFixed(1)} s`]);
    }
    if (replica && replica.donor) problems.push(["Takes all of it", takenWords(replica)]);
    if (replica && replica.attempts > 0) {
      problems.push([`${format.plural(replica.attempts, "try", "tries")} failed`,
        replica.next_try_ms > 0 ? `the next in ${format.duration(replica.next_try_ms)}` : "the next one goes on"]);
    }
    const reload = `fpctl reload ${s.name}`;
    const resync = `fpctl resync ${s.name}`;
    for (const advice of [s.advice, replica?.advice]) {
      if (advice) problems.push(["What to do", advice, [reload, resync].find((command) => advice.endsWith(command))]);
    }
    if (s.damage) problems.push(["Damaged segment, see the README on damage", s.damage]);
    if (s.maintenance_error) problems.push(["Upkeep failed, and is tried again", s.maintenance_error]);
    if (!s.answered) problems.push(["No answer", "the index did not tell its status in time"]);
    matchChildren(this.problems, problems,
      () => {
        const row = element("li", {}, element("strong"), " ", element("span"), " ");
        row.append(copyButton(() => row.command, "the command"));
        return row;
      },
      (row, [what, why, command]) => {
        const [title, reason, copy] = row.children;
        setText(title, `${what}:`);
        setText(reason, why);
        row.command = command;
        show(copy, command !== undefined);
      });
  }

  showFacts(s) {
    for (const part of [this.chartRow, this.map.element]) part.classList.toggle("dormant", !this.serves);
    // Of an index that does not serve, little is known, and nothing would be a lie.
    if (!this.serves || !s.answered) {
      this.putFacts(s.generation > 0 ? [["Generation", format.count(s.generation)]] : []);
      return;
    }
    const upkeep = [s.checkpoint_running && "checkpoint", s.merge_running && "merge"].filter(Boolean).join(", ");
    const l = s.loading;
    const here = s.replica?.slice ? [["Held here", `slice ${s.replica.slice}; numbers are of that`]] : [];
    this.putFacts([
      ...here,
      ["Version", format.count(s.version)],
      ["In files up to", s.file_version === s.version ? "all of it" : `version ${format.count(s.file_version)}`],
      ["Generation", format.count(s.generation)],
      ["Postings in memory", format.count(s.memory_postings)],
      ["Log", format.bytes(s.oplog_bytes)],
      ["Searches since start", format.count(s.searches)],
      ["Updates since start", format.count(s.updates)],
      ["Searches waiting", format.count(s.queued_searches)],
      ["Updates waiting", format.count(s.queued_updates)],
      ["Upkeep now", upkeep || "none"],
      ["Checkpoints, merges", `${format.count(s.checkpoints)}, ${format.count(s.memory_merges + s.file_merges)}`],
      ["Loaded", `${strategies[l.strategy]} in ${format.duration(l.elapsed_ms)}`],
    ]);
  }

  putFacts(facts) {
    show(this.facts, facts.length > 0);
    matchChildren(this.facts, facts,
      () => element("div", {}, element("dt"), element("dd")),
      (row, [name, value]) => {
        setText(row.firstChild, name);
        setText(row.lastChild, value);
      });
  }

  /** Asks for what only an open row shows; each part when it is due, and one request of a kind at a time. */
  fetchDetails(now) {
    if (!this.open || !this.serves) return;
    const s = this.status;
    const shape = `${s.generation} ${s.version} ${s.num_file_segments} ${s.num_memory_segments}`;
    if (shape !== this.shownShape && !this.askingSegments) this.fetchSegments(shape);
    if (!(now < this.historyDue) && !this.askingHistory) this.fetchHistory(now);
    if (s.replica?.slice && !this.askingCluster) this.fetchCluster();
  }

  async fetchCluster() {
    this.askingCluster = true;
    try {
      this.slices.update(await api.cluster(this.name));
    } catch {
      // The next time, if not now.
    }
    this.askingCluster = false;
  }

  async fetchSegments(shape) {
    this.askingSegments = true;
    try {
      const { segments } = await api.segments(this.name);
      this.map.update(segments);
      this.shownShape = shape;
    } catch {
      // The overview tells what is wrong, and the next one asks again.
    }
    this.askingSegments = false;
  }

  async fetchHistory(now) {
    this.askingHistory = true;
    try {
      const h = await api.history(this.name);
      for (const chart of Object.values(this.charts)) chart.update(h.step_seconds, h);
      this.showNoHistory(null);
      this.historyDue = now + h.step_seconds * 1000;
    } catch (e) {
      if (e.status === 404) this.showNoHistory("This node keeps no history of the last minutes.");
      this.historyDue = now + 5000;
    }
    this.askingHistory = false;
  }

  showNoHistory(why) {
    show(this.noHistory, why !== null);
    show(this.chartRow, why === null);
    setText(this.noHistory, why ?? "");
  }
}
