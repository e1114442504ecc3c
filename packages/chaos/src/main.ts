/**
 * npm run chaos: a cluster of real nodes under load, faults by a seeded schedule, and the verdict of the simulator's
 * checkers. Exit code 0: every promise was kept; 1: one was broken, or the run failed; 2: usage; 130: interrupted.
 * docs/chaos.md.
 */
import { type ChaosOptions, parseOptions, USAGE } from "./options.ts";
import { minutesMax, report } from "./report.ts";
import { runChaos } from "./run.ts";

process.exitCode = await main();

async function main(): Promise<number> {
  let options: ChaosOptions;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  // Namespaces and mounts would stay behind.
  let crash: unknown;
  process.on("uncaughtException", (error) => {
    crash ??= error;
    interrupt();
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, interrupt);
  console.log(
    `seed ${options.seed}: ${options.minutes} minutes of faults, over within ${minutesMax(options.minutes)} minutes`,
  );
  const result = await runChaos(options, { print: (line) => console.log(line), signal: interrupted.signal });
  console.log(report(options, result).join("\n"));
  if (crash !== undefined) {
    console.error("this program failed:", crash);
    return 1;
  }
  if (result.interrupted) return 130;
  return result.failure === undefined ? 0 : 1;
}
