// Events a second out of counters that only grow.

const spanMs = 5000;

/** Watches one counter and tells its rate over the last seconds. */
export class Rate {
  samples = [];

  /** The rate, or `null` while there is nothing to compare with. */
  add(now, value) {
    const last = this.samples.at(-1);
    // A counter that fell belongs to another process.
    if (last && value < last.value) this.samples = [];
    this.samples.push({ now, value });
    while (this.samples.length > 2 && this.samples[1].now <= now - spanMs) this.samples.shift();
    const first = this.samples[0];
    return now > first.now ? ((value - first.value) * 1000) / (now - first.now) : null;
  }
}
