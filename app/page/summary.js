// The node's facts in the head of the page, and the sums over all indexes.

import { setText } from "./dom.js";
import * as format from "./format.js";
import { stateNames } from "./index_row.js";

const put = (id, text) => setText(document.getElementById(id), text);

function statesInWords(indexes) {
  const numbers = new Map();
  for (const { state } of indexes) numbers.set(state, (numbers.get(state) ?? 0) + 1);
  if (numbers.size === 1 && numbers.has("ready")) return indexes.length === 1 ? "ready" : "all ready";
  return Object.keys(stateNames)
    .filter((state) => numbers.has(state))
    .map((state) => `${numbers.get(state)} ${stateNames[state].toLowerCase()}`)
    .join(", ");
}

export function showNode(node) {
  put("node-version", node.version);
  put("node-uptime", format.duration(node.uptime_ms < 1000 ? 1000 : node.uptime_ms));
  put("node-pid", String(node.pid));
  put("node-folder", node.data_folder);
  put("sum-loaders", `${node.loaders_running}`);
  put("sum-allowed", `of ${node.loaders_allowed} at work`);
}

const serves = ({ state, answered }) => answered && (state === "ready" || state === "read_only");

export function showSums(indexes, rows) {
  const sum = (of) => indexes.filter(serves).reduce((total, index) => total + of(index), 0);
  const sumRate = (key) => {
    const rates = [...rows.values()].map((row) => row[key]).filter((r) => r !== null);
    return rates.length > 0 ? format.rate(rates.reduce((total, r) => total + r, 0)) : indexes.length > 0 ? "–" : "0";
  };
  put("sum-indexes", format.count(indexes.length));
  put("sum-states", statesInWords(indexes));
  put("sum-docs", format.shortCount(sum((i) => i.num_docs)));
  const silent = indexes.filter((i) => !serves(i)).length;
  put("sum-segments", `in ${format.plural(sum((i) => i.num_file_segments + i.num_memory_segments), "segment")}` +
    (silent > 0 ? `, ${format.plural(silent, "index", "indexes")} not counted` : ""));
  put("sum-bytes", format.bytes(sum((i) => i.size_bytes)));
  put("sum-oplog", `and ${format.bytes(sum((i) => i.oplog_bytes))} of log`);
  put("sum-searches", sumRate("searchesPerSecond"));
  put("sum-updates", sumRate("updatesPerSecond"));
  const failed = indexes.filter((i) => i.state === "failed").length;
  document.title = failed > 0 ? `(${failed} failed) fpnode` : "fpnode";
}
