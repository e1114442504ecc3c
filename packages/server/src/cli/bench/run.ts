import { createRequire } from "node:module";
import { EXIT, type ExitCode } from "../exit.ts";
import type { TargetAddress } from "../options.ts";
import { type Progress, startProgress } from "../progress.ts";
import { type KeyValueTarget, openTarget } from "../target/index.ts";
import { type LoadPlan, runLoad } from "./load.ts";
import { formatReport, makeReport, thisMachine } from "./report.ts";

const { version } = createRequire(import.meta.url)("../../../package.json") as { version: string };

/** Opens a connection per worker, runs the load, prints the report. `no` when any operation failed. */
export async function benchLoad(
  address: TargetAddress,
  workers: number,
  plan: LoadPlan,
  json: boolean,
): Promise<ExitCode> {
  const machine = thisMachine();
  const targets: KeyValueTarget[] = [];
  let progress: Progress | undefined;
  try {
    for (let i = 0; i < workers; i += 1) targets.push(await openTarget(address));
    const startedAt = new Date().toISOString();
    const result = await runLoad(targets, plan, {
      onPhase(phase, operations) {
        progress?.stop();
        progress = startProgress(phase, operations);
      },
      onProgress: (operations) => progress?.update(operations),
    });
    progress?.stop();
    const route = (targets[0] as KeyValueTarget).route;
    const report = makeReport(result, {
      version,
      startedAt,
      machine,
      target: {
        protocol: address.protocol,
        host: address.host,
        port: address.port,
        tls: address.tls !== undefined,
        route,
      },
      workers,
      plan,
    });
    process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report));
    return report.errorCount === 0 ? EXIT.ok : EXIT.no;
  } finally {
    progress?.stop();
    for (const target of targets) target.close();
  }
}
