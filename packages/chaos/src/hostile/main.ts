/**
 * npm run hostile [-- --seed N --scale 0.1 --only TEXT --write]: all attacks on a cluster of real processes, a line for each.
 * `--write` puts the table into docs/hostile-input.md. Exit code 1: something broke.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { attacks, type HostileResult, runHostile } from "./index.ts";

const REPORT = new URL("../../../../docs/hostile-input.md", import.meta.url);
const BEGIN = "<!-- measured: npm run hostile -- --write -->";
const GIB = 1024 ** 3;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    scale: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    write: { type: "boolean", default: false },
  },
});
const chosen = attacks.filter(({ name }) => name.includes(values.only));
const seed = Number(values.seed);
const scale = Number(values.scale);
if (chosen.length === 0 || !Number.isInteger(seed) || !(scale > 0)) {
  console.error(
    `--seed takes a whole number, --scale a number above 0, --only a part of: ${attacks.map(({ name }) => name).join("; ")}`,
  );
  process.exit(2);
}
const result = await runHostile({ seed, scale, attacks: chosen }, (line) => console.log(line));
for (const failure of result.failures) console.error(`BROKEN: ${failure}`);
console.log(
  `${result.rows.reduce((sum, { tried }) => sum + tried, 0)} tried; ${result.acknowledged} writes of bystanders acknowledged, ` +
    `${result.failures.length === 0 ? "all there, all answers right, no process ended" : `${result.failures.length} failures`}`,
);
const refused = Object.entries(result.refused);
for (const [kind, count] of refused) console.error(`BROKEN: ${count} requests of bystanders were refused: ${kind}`);
if (values.write) writeFileSync(REPORT, `${readFileSync(REPORT, "utf8").split(BEGIN)[0]}${BEGIN}\n\n${table(result)}`);
process.exitCode = result.failures.length + refused.length === 0 ? 0 : 1;

function table({ quiet, rows, acknowledged }: HostileResult): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |\n`;
  const body = [quiet, ...rows].map(({ name, what, tried, outcomes, p50Ms, p99Ms, maxMs, peakMib, stolenPercent }) =>
    line([
      `**${name}**: ${what}`,
      tried.toLocaleString("en"),
      Object.entries(outcomes)
        .map(([outcome, count]) => `${count.toLocaleString("en")} ${outcome.replaceAll("|", "\\|")}`)
        .join("; "),
      p50Ms,
      p99Ms,
      maxMs,
      peakMib,
      stolenPercent,
    ]),
  );
  return (
    `Seed ${seed}, scale ${scale}, ${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ` +
    `${cpus().length} processors, ${Math.round(totalmem() / GIB)} GiB, attackers on the same machine. ` +
    `${acknowledged.toLocaleString("en")} writes of bystanders were acknowledged; all were there at the end, after kill -9 of all nodes.\n\n` +
    line(["attack", "tried", "how it was taken", "others' p50, ms", "p99", "max", "node's peak, MiB", "stolen, %"]) +
    line(["---", "--:", "---", "--:", "--:", "--:", "--:", "--:"]) +
    body.join("")
  );
}
