#!/usr/bin/env node
import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { EXIT } from "./exit.ts";

interface Subcommand {
  register(program: Command): void;
}

/** Loaded only when asked for: `sherd get` must not pay for what `sherd start` needs. */
const SUBCOMMANDS: readonly { readonly names: readonly string[]; load(): Promise<Subcommand> }[] = [
  { names: ["start"], load: () => import("./start.ts") },
  { names: ["node"], load: () => import("./node.ts") },
  { names: ["config"], load: () => import("./config.ts") },
  { names: ["plan"], load: () => import("./plan.ts") },
  { names: ["status"], load: () => import("./status.ts") },
  { names: ["get", "put", "delete"], load: () => import("./kv.ts") },
  { names: ["acl"], load: () => import("./acl.ts") },
  { names: ["check"], load: () => import("./check.ts") },
  { names: ["bench"], load: () => import("./bench.ts") },
];

async function main(argv: readonly string[]): Promise<void> {
  const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };
  const program = new Command("sherd")
    .description("a sharded key/value store that keeps what it acknowledged")
    .version(version)
    .exitOverride()
    .showHelpAfterError("(--help shows the options)");
  const asked = SUBCOMMANDS.find((subcommand) => subcommand.names.includes(argv[0] ?? ""));
  for (const subcommand of asked === undefined ? SUBCOMMANDS : [asked]) (await subcommand.load()).register(program);
  // Commander copies settings to subcommands when they are made by `command()`, exitOverride included.
  await program.parseAsync(argv, { from: "user" });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has printed what is wrong. 1 means "no" here (see EXIT), so wrong usage must be something else.
  process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.error;
}
