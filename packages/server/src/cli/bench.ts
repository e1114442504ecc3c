import { type Command, Option } from "commander";
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from "../core/base/index.ts";
import type { LoadPlan } from "./bench/index.ts";
import { PRESETS, type PresetName, type Workload } from "./bench/workload.ts";
import { credentialsOf } from "./credentials.ts";
import { EXIT, type ExitCode, runSubcommand } from "./exit.ts";
import {
  addTargetOptions,
  freshSeed,
  type IntegerRange,
  integerIn,
  type Mix,
  parseMix,
  parseSeed,
  rangeOption,
  type TargetOptions,
  targetAddress,
} from "./options.ts";
import { clientTls } from "./tls-options.ts";

/** Every worker has connections of its own (to each node, when it routes); beyond this, ports and memory run out first. */
const WORKERS_MAX = 4_096;
const ITERATIONS_MAX = 1_000_000_000;
/** As many commands as one connection may have in flight. */
const PIPELINE_MAX = 1_024;
const LOADED_KEYS_MAX = 100_000_000;
/** Shorter random keys would repeat, and "fresh" would not be fresh. */
const KEY_BYTES_MIN = 8;

interface BenchOptions extends TargetOptions {
  readonly preset: PresetName;
  readonly workers: number;
  readonly iterations: number;
  readonly warmup?: number;
  readonly pipeline: number;
  readonly mix?: Mix;
  readonly keys?: number;
  readonly keyBytes: IntegerRange;
  readonly valueBytes: IntegerRange;
  readonly seed?: number;
  readonly json?: true;
  readonly failover?: true;
  readonly data?: string;
  readonly kills: number;
}

export function register(program: Command): void {
  addTargetOptions(program.command("bench"))
    .description("measure operations per second and latencies, or (--failover) how long failovers take")
    .option("--workers <number>", "loops that send, wait for the answer and send again", integerIn(1, WORKERS_MAX), 5)
    .option("--iterations <number>", "measured operations of each worker", integerIn(1, ITERATIONS_MAX), 10_000)
    .addOption(new Option("--preset <name>", "mix and choice of keys").choices(Object.keys(PRESETS)).default("hits"))
    .option("--mix <weights>", "instead of the preset's: put=.5,get=.25,delete=.25", parseMix)
    .option("--keys <number>", "keys to put before measuring, instead of the preset's", integerIn(0, LOADED_KEYS_MAX))
    .addOption(rangeOption("--key-bytes <range>", "length of keys", KEY_BYTES_MIN, KEY_BYTES_MAX, { min: 30, max: 50 }))
    .addOption(rangeOption("--value-bytes <range>", "length of values", 0, VALUE_BYTES_MAX, { min: 60, max: 100 }))
    .option("--pipeline <number>", "operations that a worker sends at once", integerIn(1, PIPELINE_MAX), 1)
    .option(
      "--warmup <number>",
      "operations of each worker before measuring (default: a tenth, 1,000 at most)",
      integerIn(0, ITERATIONS_MAX),
    )
    .option("--seed <number>", "repeats the operations of an earlier run (default: random)", parseSeed)
    .option("--json", "print the report as JSON")
    .option("--failover", "kill leaders of a local cluster under load and report the gaps")
    .option("--data <directory>", "with --failover: the data directory of a running `sherd start`")
    .option("--kills <number>", "with --failover: how many", integerIn(1, 10_000), 20)
    .action((options: BenchOptions, command: Command) => runSubcommand(() => bench(options, command)));
}

async function bench(options: BenchOptions, command: Command): Promise<ExitCode> {
  // What measures is loaded late: wrong usage is told, and `--help` printed, without it.
  const { benchFailover, benchLoad } = await import("./bench/index.ts");
  if (options.failover === true) {
    if (options.data === undefined)
      return command.error("error: option '--failover' needs '--data <directory>'", { exitCode: EXIT.error });
    return benchFailover({
      data: options.data,
      kills: options.kills,
      tls: clientTls(options),
      credentials: credentialsOf(options),
      workers: options.workers,
      json: options.json === true,
    });
  }
  return benchLoad(targetAddress(options), options.workers, planOf(options), options.json === true);
}

function planOf(options: BenchOptions): LoadPlan {
  const preset = PRESETS[options.preset];
  const workload: Workload = {
    mix: options.mix ?? preset.mix,
    keyChoice: preset.keyChoice,
    loadedKeys: options.keys ?? preset.loadedKeys,
    keyBytes: options.keyBytes,
    valueBytes: options.valueBytes,
  };
  const { iterations, pipeline } = options;
  const warmup = options.warmup ?? Math.min(1_000, Math.ceil(iterations / 10));
  return { workload, iterations, warmup, pipeline, seed: options.seed ?? freshSeed() };
}
