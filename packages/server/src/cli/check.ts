import type { Command } from "commander";
import { SherdError } from "../core/base/index.ts";
import { type CheckPlan, countKeys, type Difference, runCheck } from "./check/index.ts";
import { EXIT, type ExitCode, runSubcommand } from "./exit.ts";
import {
  addTargetOptions,
  freshSeed,
  GRPC_PORT_DEFAULT,
  integerIn,
  parsePort,
  parseSeed,
  RESP_PORT_DEFAULT,
  type TargetAddress,
  type TargetOptions,
  targetAddress,
} from "./options.ts";
import { startProgress } from "./progress.ts";
import { openTarget } from "./target/index.ts";

/** The dictionary lives in this process: about 300 bytes a key. */
const ITERATIONS_MAX = 10_000_000;

interface CheckOptions extends TargetOptions {
  readonly iterations: number;
  readonly seed?: number;
  readonly respPort?: number;
  readonly assumeEmpty?: true;
}

export function register(program: Command): void {
  addTargetOptions(program.command("check"))
    .description("compare every answer of an empty store with a dictionary; exit code 1 at the first difference")
    .option(
      "--iterations <number>",
      "puts at first, and then as many random operations",
      integerIn(1, ITERATIONS_MAX),
      10_000,
    )
    .option("--seed <number>", "repeats the operations of an earlier check (default: random)", parseSeed)
    .option(
      "--resp-port <number>",
      "where to count keys over RESP when the protocol is grpc (default: by the port)",
      parsePort,
    )
    .option("--assume-empty", "do not count the keys before: you know that the store is empty")
    .action((options: CheckOptions) => runSubcommand(() => check(options)));
}

async function check(options: CheckOptions): Promise<ExitCode> {
  const address = targetAddress(options);
  const plan: CheckPlan = { iterations: options.iterations, seed: options.seed ?? freshSeed() };
  const target = await openTarget(address);
  try {
    if (options.assumeEmpty !== true) await mustBeEmpty(address, options);
    const total = plan.iterations * 2;
    const startedMs = performance.now();
    const progress = startProgress("check", total);
    const difference = await runCheck(target, plan, (operations) => progress.update(operations)).finally(() =>
      progress.stop(),
    );
    if (difference !== undefined) {
      process.stdout.write(describeDifference(difference, address, plan));
      return EXIT.no;
    }
    const seconds = (performance.now() - startedMs) / 1000;
    const rate = Math.round(total / seconds).toLocaleString("en");
    process.stdout.write(
      `ok: ${total.toLocaleString("en")} answers agree with the dictionary (${seconds.toFixed(1)} s, ${rate} ops/s, one at a time, seed ${plan.seed})\n`,
    );
    return EXIT.ok;
  } finally {
    target.close();
  }
}

async function mustBeEmpty(address: TargetAddress, options: CheckOptions): Promise<void> {
  const counted = {
    host: address.host,
    port: address.protocol === "resp" ? address.port : respPortFor(address, options),
    tls: address.tls,
    credentials: address.credentials,
  };
  const keys = await countKeys(counted).catch((error: unknown) => {
    if (address.protocol === "resp" || !(error instanceof SherdError) || error.code !== "SHERD_UNREACHABLE")
      throw error;
    const detail = `gRPC cannot count keys, and RESP cannot be asked. ${error.detail}`;
    throw new SherdError("SHERD_UNCOUNTED", detail, { cause: error });
  });
  if (keys > 0)
    throw new SherdError(
      "SHERD_NOT_EMPTY",
      `The store at ${counted.host}:${counted.port} is not empty: DBSIZE adds up to ${keys} over its nodes.`,
    );
}

/** Node i of a local cluster adds i to every port, so the distance between the two stays the same. */
function respPortFor(address: TargetAddress, options: CheckOptions): number {
  const port = options.respPort ?? address.port - GRPC_PORT_DEFAULT + RESP_PORT_DEFAULT;
  if (port >= 1 && port <= 65_535) return port;
  throw new SherdError(
    "SHERD_UNCOUNTED",
    `gRPC cannot count keys, and port ${address.port} tells nothing of the RESP port.`,
  );
}

function describeDifference(difference: Difference, address: TargetAddress, plan: CheckPlan): string {
  const { operation, action, key, expected, got } = difference;
  const detail = `Operation ${operation} of ${plan.iterations * 2} was answered wrongly.`;
  return `${new SherdError("SHERD_CHECK_FAILED", detail).message}
  operation  ${action}
  key        ${key}
  expected   ${expected}
  got        ${got}
  repeat     sherd check --protocol ${address.protocol} --host ${address.host} --port ${address.port} --iterations ${plan.iterations} --seed ${plan.seed}
`;
}
