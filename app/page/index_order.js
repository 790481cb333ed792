// In which order the list shows the indexes.

/** How much an index wants to be looked at: the less, the more. */
export function urgency({ state, answered, damage, maintenance_error }) {
  if (state === "failed") return 0;
  if (state === "read_only" || !answered || damage || maintenance_error) return 1;
  return state === "ready" ? 3 : 2;
}

const numbers = (of) => ({ of, up: false });

/** The columns, as {label, key, of: what is compared, up: whether the least comes first when it is chosen}. */
export const columns = [
  { label: "Name", key: "name", of: ({ status }) => status.name, up: true },
  { label: "State", key: "state", of: ({ status }) => urgency(status), up: true },
  { label: "Documents", key: "docs", ...numbers(({ status }) => status.num_docs) },
  { label: "Size", key: "size", ...numbers(({ status }) => status.size_bytes) },
  { label: "Segments", key: "segments", ...numbers(({ status }) => status.num_file_segments + status.num_memory_segments) },
  { label: "Searches/s", key: "searches", ...numbers((row) => row.searchesPerSecond ?? 0) },
  { label: "Updates/s", key: "updates", ...numbers((row) => row.updatesPerSecond ?? 0) },
];

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * The rows in the order of a column, `up` or down, and of their names where they are equal. Without a column those come
 * first that are in trouble.
 */
export function inOrder(rows, key, up) {
  const of = columns.find((column) => column.key === (key ?? "state")).of;
  const sign = up ? 1 : -1;
  return [...rows].sort((a, b) => sign * compare(of(a), of(b)) || compare(a.name, b.name));
}
