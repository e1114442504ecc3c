import { latin1, utf8 } from "../../base/index.ts";
import { array, bulkText, err, integer, type Reply } from "../../command/index.ts";
import type { CommandStatistic } from "../command-statistics.ts";
import type { LatencyEvent } from "../latency-monitor.ts";
import type { Answers, LocalCall } from "./types.ts";

const nameOf = (arg: Uint8Array): string => latin1(arg.subarray(0, 64)).toLowerCase();
const text = (value: string): Reply => ({ type: "verbatim", format: "txt", text: value });

/** What to look at, by event. */
const ADVICE: Readonly<Record<string, string>> = {
  command:
    "Look at SLOWLOG GET: it names the commands. Large values and many keys in one command take long; a write also waits " +
    "for a majority's disks.",
  "fast-command":
    "Commands that touch one key were slow: the node had other work, or the disks of a majority were slow.",
  pass: "The node's loop was held up: look for commands on large values, and whether other processes take its processor.",
  "log-write": "The disk of the log is slow: every write waits for it. Look at what else writes to that disk.",
  flush: "The store's disk is slow. Writes go on while its memory has room.",
};

/** Seconds on average between two of them. */
function periodSeconds({ samples }: LatencyEvent): number {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined || samples.length < 2) return 0;
  return (last.atSeconds - first.atSeconds) / (samples.length - 1);
}

function doctor({ connections }: LocalCall): Reply {
  const { latency, settings } = connections;
  if (settings.latencyThresholdMs === 0) {
    return text(
      'Latency monitoring is off on this node. "CONFIG SET latency-monitor-threshold <milliseconds>" turns it on.\n',
    );
  }
  if (latency.events.size === 0) {
    return text(`Nothing has taken ${settings.latencyThresholdMs} ms or more since the monitoring began.\n`);
  }
  const lines: string[] = [];
  for (const [name, event] of latency.events) {
    const average = event.samples.reduce((sum, { ms }) => sum + ms, 0) / event.samples.length;
    lines.push(
      `${name}: ${event.samples.length} times (average ${Math.round(average)} ms, every ${periodSeconds(event).toFixed(2)} s). ` +
        `Longest: ${event.maxMs} ms. ${ADVICE[name] ?? ""}`,
    );
  }
  return text(`${lines.join("\n")}\n`);
}

const BARS = "_o#";
const GRAPH_ROWS = 4;
const GRAPH_WIDTH = 80;

/** One column for each of the latest samples, its height by how far it is above the least; below each its age. */
function graph({ args, connections }: LocalCall): Reply {
  const name = nameOf(args[0] as Uint8Array);
  const event = connections.latency.events.get(name);
  if (event === undefined) return err(`No samples available for event '${utf8(args[0] as Uint8Array).slice(0, 64)}'`);
  const samples = event.samples.slice(-GRAPH_WIDTH);
  const times = samples.map(({ ms }) => ms);
  const high = Math.max(...times);
  const low = Math.min(...times);
  const steps = GRAPH_ROWS * BARS.length - 1;
  const heights = times.map((ms) => (high === low ? 0 : Math.round(((ms - low) * steps) / (high - low))));
  const rows: string[] = [
    `${name} - high ${high} ms, low ${low} ms (all time high ${event.maxMs} ms)`,
    "-".repeat(GRAPH_WIDTH),
  ];
  for (let row = GRAPH_ROWS - 1; row >= 0; row -= 1) {
    rows.push(heights.map((height) => BARS[Math.min(height - row * BARS.length, BARS.length - 1)] ?? " ").join(""));
  }
  const nowSeconds = connections.facts.wallMs() / 1000;
  const ages = samples.map(({ atSeconds }) => ageText(nowSeconds - atSeconds));
  const depth = Math.max(...ages.map(({ length }) => length));
  for (let line = 0; line < depth; line += 1) rows.push(ages.map((age) => age[line] ?? " ").join(""));
  return text(`${rows.join("\n")}\n`);
}

function ageText(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

const EXPONENTS = 32;

/** How many calls took less than each power of two, as long as the number grows. */
function histogramOf({ calls, durations }: CommandStatistic): Reply {
  const entries: [Reply, Reply][] = [];
  let before = 0;
  for (let exponent = 0; exponent <= EXPONENTS && before < durations.count; exponent += 1) {
    const count = durations.below(exponent);
    if (count > before) entries.push([integer(2 ** exponent), integer(count)]);
    before = count;
  }
  return {
    type: "map",
    entries: [
      [bulkText("calls"), integer(calls)],
      [bulkText("histogram_usec"), { type: "map", entries }],
    ],
  };
}

function histogram({ args, connections }: LocalCall): Reply {
  const wanted = new Set(args.map(nameOf));
  const entries: [Reply, Reply][] = [];
  connections.sinceReset.statistics.forEach((statistic) => {
    const container = statistic.name.split("|")[0] as string;
    if (wanted.size > 0 && !wanted.has(statistic.name) && !wanted.has(container)) return;
    if (statistic.calls > 0) entries.push([bulkText(statistic.name), histogramOf(statistic)]);
  });
  return { type: "map", entries };
}

export const latencyAnswers: Answers = {
  "latency|doctor": doctor,
  "latency|graph": graph,
  "latency|histogram": histogram,
  "latency|history"({ args, connections }) {
    const event = connections.latency.events.get(nameOf(args[0] as Uint8Array));
    return array((event?.samples ?? []).map(({ atSeconds, ms }) => array([integer(atSeconds), integer(ms)])));
  },
  "latency|latest": ({ connections }) =>
    array(
      [...connections.latency.events].map(([name, { samples, maxMs }]) => {
        const last = samples.at(-1);
        return array([bulkText(name), integer(last?.atSeconds ?? 0), integer(last?.ms ?? 0), integer(maxMs)]);
      }),
    ),
  "latency|reset": ({ args, connections }) => integer(connections.latency.reset(args.map(nameOf))),
};
