import type { DurationHistogram } from "../../core/base/index.ts";
import type { Sample } from "./sources.ts";

type Labels = Sample["labels"];

export const one = (value: number, labels: Labels = {}): Sample[] => [{ labels, value }];

/** A line for each item. */
export const each = <Item>(
  items: Iterable<Item>,
  labels: (item: Item) => Labels,
  value: (item: Item) => number,
): Sample[] => Array.from(items, (item) => ({ labels: labels(item), value: value(item) }));

/** Bounds of the buckets are powers of two, in microseconds: from 64 µs to 17 s. */
const EXPONENT_MIN = 6;
const EXPONENT_MAX = 24;
const US = 1e-6;

/** A histogram's lines: each bucket holds all that took no longer. */
export function histogramLines(name: string, durations: DurationHistogram, labels: Labels = {}): Sample[] {
  const samples: Sample[] = [];
  for (let exponent = EXPONENT_MIN; exponent <= EXPONENT_MAX; exponent += 1) {
    const le = `${2 ** exponent / 1e6}`;
    samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: durations.below(exponent) });
  }
  samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: durations.count });
  samples.push({ metricName: `${name}_sum`, labels, value: durations.sumUs * US });
  samples.push({ metricName: `${name}_count`, labels, value: durations.count });
  return samples;
}
