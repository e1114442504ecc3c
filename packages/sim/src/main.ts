import { parseArgs } from "node:util";
import { bugByName, bugs } from "./bugs/index.ts";
import { printFailure, printSummary } from "./report.ts";
import { type RunResult, runSeed } from "./run.ts";
import { Coverage } from "./world/index.ts";

/** Of a series, so many of the first seeds run twice: they must leave the same trace. */
const TWICE = 3;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    seeds: { type: "string", default: "1" },
    steps: { type: "string", default: "1500" },
    nodes: { type: "string", default: "3" },
    shards: { type: "string", default: "2" },
    bug: { type: "string" },
    verbose: { type: "boolean", default: false },
  },
});

process.exitCode = main();

function main(): number {
  const first = BigInt(values.seed);
  const seeds = count(values.seeds, "seeds");
  const bug = values.bug === undefined ? undefined : bugByName(values.bug);
  if (values.bug !== undefined && bug === undefined) {
    throw new RangeError(`--bug takes one of ${bugs.map(({ name }) => name).join(", ")}`);
  }
  const options = {
    ...(bug === undefined ? {} : { sabotage: bug.sabotage }),
    steps: count(values.steps, "steps"),
    nodes: count(values.nodes, "nodes"),
    shards: count(values.shards, "shards"),
  };
  const coverage = new Coverage();
  const totals = { seeds: 0, virtualMs: 0, operations: 0, undecided: 0 };
  for (let at = 0; at < seeds; at += 1) {
    const seed = first + BigInt(at);
    const print = values.verbose ? (line: string): void => console.log(line) : undefined;
    const result = runSeed({ ...options, seed, ...(print === undefined ? {} : { print }) });
    console.log(lineOf(result));
    if (result.violation !== undefined) {
      printFailure(result);
      return 1;
    }
    if (at < TWICE && seeds > 1) {
      const again = runSeed({ ...options, seed });
      if (again.hash !== result.hash) {
        console.error(`seed ${seed}: the second run left another trace, ${again.hash}: something is not simulated.`);
        return 1;
      }
    }
    coverage.add(result.coverage);
    totals.seeds += 1;
    totals.virtualMs += result.virtualMs;
    totals.operations += result.operations;
    totals.undecided += result.undecided;
  }
  printSummary(totals, coverage);
  return 0;
}

function lineOf({ seed, hash, virtualMs, operations, violation }: RunResult): string {
  const verdict = violation === undefined ? "ok" : "VIOLATION";
  return `seed ${seed}  trace ${hash}  ${(virtualMs / 1000).toFixed(1)} s virtual  ${operations} operations  ${verdict}`;
}

function count(text: string, option: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new RangeError(`--${option} takes a number from 1 on`);
  return number;
}
