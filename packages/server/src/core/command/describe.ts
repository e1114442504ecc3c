import { keysOf } from "./admit.ts";
import { detailsOf, type KeyUse, keyUsesOf } from "./details.ts";
import { array, bulkText, integer } from "./replies.ts";
import type { CommandSpec, Reply } from "./types.ts";

const simple = (text: string): Reply => ({ type: "simple", text });
const set = (items: readonly Reply[]): Reply => ({ type: "set", items });
const map = (entries: readonly (readonly [string, Reply])[]): Reply => ({
  type: "map",
  entries: entries.map(([key, value]) => [bulkText(key), value] as const),
});

/** The ten fields of `COMMAND` (redis-py does not connect without all of them). */
export function commandEntry(spec: CommandSpec): Reply {
  const { first, last, step } = routedBy(spec);
  return array([
    bulkText(spec.name),
    integer(spec.arity),
    set(spec.flags.map(simple)),
    integer(first),
    integer(last),
    integer(step),
    set(categoriesOf(spec).map(simple)),
    array((spec.tips ?? []).map(bulkText)),
    array(usesOf(spec).map(keySpecification)),
    array((spec.subcommands ?? []).map(commandEntry)),
  ]);
}

/** Where cluster clients look for what tells them the node: keys, or channels of shards. */
const routedBy = ({ keys, channels }: CommandSpec): CommandSpec["keys"] =>
  channels?.sharded === true ? channels : keys;

/** As in Redis, shard channels are among the keys, and are said to be none. */
const usesOf = (spec: CommandSpec): KeyUse[] =>
  spec.channels?.sharded === true ? [{ ...routedBy(spec), flags: ["not_key"] }] : keyUsesOf(spec);

/** Categories whose name is not the group's. */
const CATEGORY_OF_GROUP: Readonly<Record<string, string>> = {
  string: "@string",
  bitmap: "@bitmap",
  generic: "@keyspace",
  connection: "@connection",
  transactions: "@transaction",
  scripting: "@scripting",
};

/** What Redis counts a command among, beside what follows from the table. */
const MORE_CATEGORIES: Readonly<Record<string, readonly string[]>> = {
  asking: ["@connection"],
  command: ["@connection"],
  dbsize: ["@keyspace"],
  flushall: ["@keyspace", "@dangerous"],
  flushdb: ["@keyspace", "@dangerous"],
  info: ["@dangerous"],
  keys: ["@dangerous"],
  lastsave: ["@admin", "@dangerous"],
  readonly: ["@connection"],
  readwrite: ["@connection"],
  role: ["@admin", "@dangerous"],
};

/** Only its subcommands can be called. */
const isContainer = (spec: CommandSpec): boolean => spec.subcommands !== undefined && spec.arity === -2;

/** ACL categories follow from what the table says anyway. */
export function categoriesOf(spec: CommandSpec): string[] {
  if (isContainer(spec)) return ["@slow"];
  const categories: string[] = [];
  if (spec.flags.includes("write")) categories.push("@write");
  if (spec.flags.includes("readonly")) categories.push("@read");
  if (spec.flags.includes("pubsub")) categories.push("@pubsub");
  const ofGroup = CATEGORY_OF_GROUP[spec.group];
  if (ofGroup !== undefined) categories.push(ofGroup);
  if (spec.flags.includes("admin")) categories.push("@admin", "@dangerous");
  const bar = spec.name.indexOf("|");
  categories.push(...(MORE_CATEGORIES[bar < 0 ? spec.name : spec.name.slice(0, bar)] ?? []));
  categories.push(spec.flags.includes("fast") ? "@fast" : "@slow");
  return categories;
}

function keySpecification({ flags, first, last, step }: KeyUse): Reply {
  return map([
    ["flags", set(flags.map(simple))],
    [
      "begin_search",
      map([
        ["type", bulkText("index")],
        ["spec", map([["index", integer(first)]])],
      ]),
    ],
    [
      "find_keys",
      map([
        ["type", bulkText("range")],
        // Relative to the first key, as Redis counts here; a negative one counts from the end in both notations.
        [
          "spec",
          map([
            ["lastkey", integer(last < 0 ? last : last - first)],
            ["keystep", integer(step)],
            ["limit", integer(0)],
          ]),
        ],
      ]),
    ],
  ]);
}

/** `COMMAND GETKEYSANDFLAGS`: each key with what the command does to it. */
export function keysAndFlags(spec: CommandSpec, args: readonly Uint8Array[]): Reply {
  const uses = detailsOf(spec)?.keyUses ?? [];
  return array(
    keysOf(spec, args).map((bytes, at) => {
      const use = uses[Math.min(at, uses.length - 1)] as string;
      return array([{ type: "bulk", bytes }, set(use.split(" ").map(simple))]);
    }),
  );
}

/** One command's part of `COMMAND DOCS`: its name, then what there is to say. */
export function commandDocs(spec: CommandSpec): readonly [Reply, Reply] {
  const fields: (readonly [string, Reply])[] = [
    ["summary", bulkText(spec.summary)],
    ["since", bulkText(spec.since)],
    ["group", bulkText(spec.group)],
  ];
  const details = detailsOf(spec);
  if (details !== undefined) fields.push(["complexity", bulkText(details.complexity)]);
  if (spec.subcommands !== undefined) {
    fields.push(["subcommands", { type: "map", entries: spec.subcommands.map(commandDocs) }]);
  }
  return [bulkText(spec.name), map(fields)];
}
