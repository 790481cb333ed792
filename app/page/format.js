// Numbers as people read them.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });

export const count = (n) => whole.format(n);

/** 1,234,567, but 12.3M: for places that have no room. */
export const shortCount = (n) => (n < 10_000_000 ? whole.format(n) : short.format(n));

export function plural(n, one, many = one + "s") {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** Three digits at most: 0.42, 7.3, 128. */
function digits(n) {
  if (n === 0) return "0";
  return n < 1 ? n.toFixed(2) : n < 10 ? n.toFixed(1) : whole.format(n);
}

export function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${unit === 0 ? n : digits(n)} ${units[unit]}`;
}

/** Events a second. */
export const rate = (n) => (n > 0 && n < 0.05 ? "<0.1" : n < 10 ? String(Math.round(n * 10) / 10) : shortCount(n));

export function milliseconds(ms) {
  if (ms >= 1000) return `${digits(ms / 1000)} s`;
  if (ms >= 1) return `${digits(ms)} ms`;
  return `${whole.format(ms * 1000)} µs`;
}

/** The two largest units: 3 d 4 h, 5 min 12 s, 321 ms. */
export function duration(ms) {
  if (ms < 1000) return `${whole.format(ms)} ms`;
  let s = Math.floor(ms / 1000);
  const parts = [];
  for (const [unit, seconds] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    if (s >= seconds || parts.length > 0) parts.push(`${Math.floor(s / seconds)} ${unit}`);
    s %= seconds;
  }
  return parts.slice(0, 2).join(" ");
}

/** A place in a recording: 1:23, or 1:02:03. */
export function place(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/** 100.0 % is all of it, and nothing less. */
export const percent = (share) => `${(share < 1 ? Math.min(share * 100, 99.9) : share * 100).toFixed(1)} %`;
