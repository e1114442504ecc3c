import { assert } from "./assert.ts";

/** Each power of two is cut into so many buckets: a quantile is at most a quarter too high. */
const PARTS_LOG2 = 2;
const PARTS: number = 1 << PARTS_LOG2;
/** Microseconds of 32 bits: 71 minutes. What took longer counts as that. */
const DURATION_US_MAX = 0xffff_ffff;
const BUCKETS: number = (32 - PARTS_LOG2 + 1) * PARTS;

/** The bucket of a duration: exact below PARTS, then PARTS buckets for each power of two. */
function bucketOf(us: number): number {
  if (us < PARTS) return us;
  const exponent = 31 - Math.clz32(us);
  return ((exponent - PARTS_LOG2 + 1) << PARTS_LOG2) + ((us >>> (exponent - PARTS_LOG2)) & (PARTS - 1));
}

/** The longest duration of a bucket. */
function upperUs(bucket: number): number {
  if (bucket < PARTS) return bucket;
  const exponent = (bucket >> PARTS_LOG2) + PARTS_LOG2 - 1;
  return (PARTS + (bucket & (PARTS - 1)) + 1) * 2 ** (exponent - PARTS_LOG2) - 1;
}

/**
 * How long something took, how often: counts in buckets that are fixed, so that recording is one increment and never
 * allocates. Microseconds.
 */
export class DurationHistogram {
  readonly #counts: Float64Array = new Float64Array(BUCKETS);
  count = 0;
  sumUs = 0;
  maxUs = 0;
  #recentMaxUs = 0;

  /** A whole number of microseconds, from 0 on. */
  record(durationUs: number): void {
    assert(durationUs >= 0, "time does not go back");
    const us = Math.min(durationUs, DURATION_US_MAX) >>> 0;
    this.count += 1;
    this.sumUs += us;
    if (us > this.maxUs) this.maxUs = us;
    if (us > this.#recentMaxUs) this.#recentMaxUs = us;
    const bucket = bucketOf(us);
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
  }

  /** The same, of a clock's milliseconds. */
  recordMs(durationMs: number): void {
    this.record(Math.floor(durationMs * 1_000));
  }

  /** The longest since this was last asked. */
  takeRecentMaxUs(): number {
    const us = this.#recentMaxUs;
    this.#recentMaxUs = 0;
    return us;
  }

  /** How many took less than 2 ** `exponent` microseconds; exact, because a bucket begins there. */
  below(exponent: number): number {
    const end = exponent < PARTS_LOG2 ? 1 << exponent : (exponent - PARTS_LOG2 + 1) << PARTS_LOG2;
    let count = 0;
    for (let bucket = 0; bucket < Math.min(end, BUCKETS); bucket += 1) count += this.#counts[bucket] as number;
    return count;
  }

  /** What the given part (0 to 1) of all durations did not exceed: the upper end of its bucket. 0 when there are none. */
  quantileUs(part: number): number {
    let left = Math.max(1, Math.ceil(part * this.count));
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      left -= this.#counts[bucket] as number;
      if (left <= 0) return Math.min(upperUs(bucket), this.maxUs);
    }
    return this.maxUs;
  }

  /** What was recorded after `earlier`, which is this histogram at an earlier time. `maxUs` is the longest of all. */
  since(earlier: DurationHistogram): DurationHistogram {
    const difference = new DurationHistogram();
    difference.count = this.count - earlier.count;
    difference.sumUs = this.sumUs - earlier.sumUs;
    difference.maxUs = this.maxUs;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      difference.#counts[bucket] = (this.#counts[bucket] as number) - (earlier.#counts[bucket] as number);
    }
    return difference;
  }
}
