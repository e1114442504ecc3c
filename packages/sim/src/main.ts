import { parseArgs } from "node:util";
import { bugByName, bugs, findBug } from "./bugs/index.ts";
import { commandOf, optionsOf, outcomeOf } from "./job.ts";
import { type Job, type Outcome, runJobs } from "./jobs.ts";
import { minimize } from "./minimize.ts";
import { PROFILES } from "./profiles.ts";
import { failureReport, lineOf, Summary } from "./report.ts";
import { runSeed } from "./run.ts";

/** While minutes go by: a line so often. */
const PROGRESS_MS = 10_000;
/** Seeds that each deliberate bug is given by `--bug all`. */
const BUG_SEEDS_MAX = 40;

const USAGE = `usage: npm run sim -- [--seed N] [--seeds N | --minutes N] [--profile NAME] [--steps 1500] [--nodes 3]
                     [--shards 2] [--workers N] [--twice] [--minimize] [--faults N,N,...|none]
                     [--bug NAME|all] [--verbose]
profiles: ${Object.keys(PROFILES).join(", ")}
bugs:     ${bugs.map(({ name }) => name).join(", ")}`;

const readOptions = () =>
  parseArgs({
    options: {
      help: { type: "boolean", default: false },
      seed: { type: "string" },
      seeds: { type: "string", default: "1" },
      steps: { type: "string", default: "1500" },
      nodes: { type: "string", default: "3" },
      shards: { type: "string", default: "2" },
      profile: { type: "string" },
      minutes: { type: "string" },
      workers: { type: "string" },
      twice: { type: "boolean", default: false },
      faults: { type: "string" },
      minimize: { type: "boolean", default: false },
      bug: { type: "string" },
      verbose: { type: "boolean", default: false },
    },
  }).values;

let values: ReturnType<typeof readOptions>;
process.exitCode = await main();

async function main(): Promise<number> {
  let job: Job;
  try {
    values = readOptions();
    job = readJob();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    console.error(`${error.message}\n\n${USAGE}`);
    return 2;
  }
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (values.bug === "all") return allBugs();
  if (values.minutes !== undefined) return series(job, minutesOf(values.minutes));
  const seeds = count(values.seeds, "seeds");
  return seeds > 1 || values.twice ? series(job, seeds) : one(job);
}

/** In this process, with all that can be said about it. */
function one(job: Job): number {
  const print = values.verbose ? { print: (line: string): void => console.log(line) } : {};
  const result = runSeed({ ...optionsOf(job), ...print });
  const outcome = outcomeOf(job, result);
  console.log(lineOf(outcome));
  if (outcome.failure !== undefined) {
    if (values.minimize) {
      const least = minimize(job, result, (line) => console.error(line));
      console.error(`\n${failureReport(least.result, commandOf(least.job))}`);
    } else {
      console.error(`\n${outcome.failure.report}`);
    }
    return 1;
  }
  const summary = new Summary();
  summary.add(outcome);
  summary.print();
  return 0;
}

/** Which seed finds each deliberate bug, by which promise, and how long that takes: a table in Markdown. */
function allBugs(): number {
  console.log("| bug | profile | seed | seconds | broken promise |\n|---|---|---|---|---|");
  let missed = 0;
  for (const bug of bugs) {
    const started = performance.now();
    const found = findBug(bug, 1n, BUG_SEEDS_MAX);
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    if (found === undefined) missed += 1;
    const by = found === undefined ? "not found |" : `${found.seed} | ${seconds} | ${found.violation?.promise}`;
    console.log(`| ${bug.what} (\`${bug.name}\`) | ${bug.profile} | ${by} |`);
  }
  return missed === 0 ? 0 : 1;
}

interface Until {
  readonly untilMs: number;
}

/**
 * So many seeds, or for so long, on all cores; of all profiles in turn, unless one is given. Ends with the first failure.
 */
async function series(job: Job, limit: number | Until): Promise<number> {
  const first = BigInt(job.seed);
  const summary = new Summary();
  const profiles = Object.keys(PROFILES);
  const hashes = new Map<string, string>();
  let failure: string | undefined;
  let given = 0n;
  let again: Job | undefined;
  let progressMs = performance.now();
  const next = (): Job | undefined => {
    if (again !== undefined) {
      const second = again;
      again = undefined;
      return second;
    }
    const over = typeof limit === "number" ? given >= limit : performance.now() >= limit.untilMs;
    if (over) return undefined;
    const profile = job.profile ?? profiles[Number(given) % profiles.length];
    const seed = { ...job, profile, seed: String(first + given) };
    given += 1n;
    if (values.twice) again = seed;
    return seed;
  };
  const done = ({ seed }: Job, outcome: Outcome): boolean => {
    const before = hashes.get(seed);
    if (before === undefined) {
      hashes.set(seed, outcome.hash);
      summary.add(outcome);
      if (typeof limit === "number") console.log(lineOf(outcome));
    } else if (before !== outcome.hash) {
      failure ??= `seed ${seed} left the traces ${before} and ${outcome.hash}: something is not simulated.`;
    }
    if (outcome.failure !== undefined) failure ??= outcome.failure.report;
    if (typeof limit !== "number" && performance.now() - progressMs > PROGRESS_MS) {
      progressMs = performance.now();
      console.log(summary.line());
    }
    return failure === undefined;
  };
  await runJobs(next, done, { count: values.workers === undefined ? undefined : count(values.workers, "workers") });
  if (failure !== undefined) {
    console.error(`\n${failure}`);
    return 1;
  }
  summary.print();
  return 0;
}

function readJob(): Job {
  const { bug, profile, faults, seed } = values;
  if (seed !== undefined && !/^\d{1,19}$/.test(seed)) throw new RangeError("--seed takes a whole number");
  if (profile !== undefined && !(profile in PROFILES)) throw new RangeError(`there is no profile ${profile}`);
  if (faults !== undefined && !/^(none|\d+(,\d+)*)$/.test(faults)) {
    throw new RangeError("--faults takes ordinals of faults, with commas between them, or none");
  }
  if (values.minutes !== undefined) minutesOf(values.minutes);
  if (values.workers !== undefined) count(values.workers, "workers");
  const several = values.minutes !== undefined || count(values.seeds, "seeds") > 1 || values.twice;
  if (values.minimize && several) throw new RangeError("--minimize takes one seed, once");
  if (bug !== undefined && bug !== "all" && bugByName(bug) === undefined) {
    throw new RangeError(`there is no bug ${bug}`);
  }
  return {
    // Minutes that repeat what the last ones did would show nothing new.
    seed: String(BigInt(seed ?? (values.minutes === undefined ? 1 : Date.now()))),
    steps: count(values.steps, "steps"),
    nodes: count(values.nodes, "nodes"),
    shards: count(values.shards, "shards"),
    profile,
    bug,
    onlyFaults: faults === undefined ? undefined : faults === "none" ? [] : faults.split(",").map(Number),
  };
}

function minutesOf(text: string): Until {
  const minutes = Number(text);
  if (!(minutes > 0)) throw new RangeError("--minutes takes a number above 0");
  return { untilMs: performance.now() + minutes * 60_000 };
}

function count(text: string, option: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new RangeError(`--${option} takes a number from 1 on`);
  return number;
}
