import { allCommands, type CommandSpec, categoriesOf } from "../command/index.ts";

/** Redis' categories, also those that no command of this version is in: rules written for Redis name them. */
export const categoryNames: readonly string[] = [
  "keyspace",
  "read",
  "write",
  "set",
  "sortedset",
  "list",
  "hash",
  "string",
  "bitmap",
  "hyperloglog",
  "geo",
  "stream",
  "pubsub",
  "admin",
  "fast",
  "slow",
  "blocking",
  "dangerous",
  "connection",
  "transaction",
  "scripting",
];

const byName: ReadonlyMap<string, readonly CommandSpec[]> = index();

function index(): Map<string, CommandSpec[]> {
  const found = new Map<string, CommandSpec[]>();
  const everything: CommandSpec[] = [];
  for (const name of categoryNames) found.set(`@${name}`, []);
  for (const command of allCommands) {
    const subcommands = command.subcommands ?? [];
    // A container stands for all of its subcommands.
    found.set(command.name, [command, ...subcommands]);
    for (const subcommand of subcommands) found.set(subcommand.name, [subcommand]);
    for (const spec of [command, ...subcommands]) {
      everything.push(spec);
      for (const category of categoriesOf(spec)) found.get(category)?.push(spec);
    }
  }
  found.set("@all", everything);
  return found;
}

/** What a rule's name stands for: `get`, `config`, `config|get`, `@read`, `@all`. In lower case. Undefined: nothing known. */
export const commandsOf = (name: string): readonly CommandSpec[] | undefined => byName.get(name);
