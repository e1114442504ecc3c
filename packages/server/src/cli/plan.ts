import { randomBytes } from "node:crypto";
import { type Command, InvalidArgumentError } from "commander";
import { REPLICAS_PER_GROUP_MAX, SLOT_COUNT } from "../core/base/index.ts";
import { EXIT, runSubcommand } from "./exit.ts";
import { integerIn } from "./options.ts";

interface PlanOptions {
  readonly nodes: readonly { readonly name: string; readonly host: string }[];
  readonly shards: number;
  readonly replicas?: number;
}

const REPLICAS = 3;

export function register(program: Command): void {
  program
    .command("plan")
    .description("print a cluster file: give every machine the same one, then run `sherd node` there")
    .requiredOption("--nodes <name=host,...>", "the nodes, as in a=10.0.0.1,b=10.0.0.2,c=10.0.0.3", parseNodes)
    .option("--shards <number>", "shards", integerIn(1, SLOT_COUNT), 5)
    .option(
      "--replicas <number>",
      "replicas of each shard (default: 3, or all nodes)",
      integerIn(1, REPLICAS_PER_GROUP_MAX),
    )
    .action((options: PlanOptions) =>
      runSubcommand(async () => {
        const { checkClusterFile, formatClusterFile } = await import("../daemon/index.ts");
        const { nodes, shards } = options;
        const replicas = options.replicas ?? Math.min(REPLICAS, nodes.length);
        const file = { cluster: randomBytes(20).toString("hex"), shards, replicas, nodes };
        process.stdout.write(formatClusterFile(checkClusterFile(file, "The cluster")));
        return EXIT.ok;
      }),
    );
}

function parseNodes(text: string): { name: string; host: string }[] {
  return text.split(",").map((part) => {
    const [name, host, ...rest] = part.trim().split("=");
    if (!name || !host || rest.length > 0)
      throw new InvalidArgumentError("A list such as a=10.0.0.1,b=10.0.0.2 is wanted.");
    return { name, host };
  });
}
