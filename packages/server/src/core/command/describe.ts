import { utf8Bytes } from "../base/index.ts";
import type { CommandSpec, Reply } from "./types.ts";

const simple = (text: string): Reply => ({ type: "simple", text });
const bulk = (text: string): Reply => ({ type: "bulk", bytes: utf8Bytes(text) });
const integer = (value: number): Reply => ({ type: "integer", value });
const array = (items: readonly Reply[]): Reply => ({ type: "array", items });
const set = (items: readonly Reply[]): Reply => ({ type: "set", items });
const map = (entries: readonly (readonly [string, Reply])[]): Reply => ({
  type: "map",
  entries: entries.map(([key, value]) => [bulk(key), value] as const),
});

/** The ten fields of `COMMAND` (redis-py does not connect without all of them). */
export function commandEntry(spec: CommandSpec): Reply {
  return array([
    bulk(spec.name),
    integer(spec.arity),
    set(spec.flags.map(simple)),
    integer(spec.keys.first),
    integer(spec.keys.last),
    integer(spec.keys.step),
    set(categoriesOf(spec).map(simple)),
    array((spec.tips ?? []).map(bulk)),
    array(spec.keys.first === 0 ? [] : [keySpecification(spec)]),
    array((spec.subcommands ?? []).map(commandEntry)),
  ]);
}

/** ACL categories follow from what the table says anyway. */
function categoriesOf(spec: CommandSpec): string[] {
  const categories: string[] = [];
  if (spec.flags.includes("write")) categories.push("@write");
  if (spec.flags.includes("readonly")) categories.push("@read");
  if (spec.group === "generic") categories.push("@keyspace");
  else if (spec.group === "string" || spec.group === "bitmap" || spec.group === "connection") categories.push(`@${spec.group}`);
  if (spec.flags.includes("admin")) categories.push("@admin", "@dangerous");
  categories.push(spec.flags.includes("fast") ? "@fast" : "@slow");
  return categories;
}

function keySpecification(spec: CommandSpec): Reply {
  const { first, last, step } = spec.keys;
  const use = spec.flags.includes("write") ? ["RW", "update"] : ["RO", "access"];
  return map([
    ["flags", set(use.map(simple))],
    [
      "begin_search",
      map([
        ["type", bulk("index")],
        ["spec", map([["index", integer(first)]])],
      ]),
    ],
    [
      "find_keys",
      map([
        ["type", bulk("range")],
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

/** One command's part of `COMMAND DOCS`: its name, then what there is to say. */
export function commandDocs(spec: CommandSpec): readonly [Reply, Reply] {
  const fields: (readonly [string, Reply])[] = [
    ["summary", bulk(spec.summary)],
    ["since", bulk(spec.since)],
    ["group", bulk(spec.group)],
  ];
  if (spec.subcommands !== undefined) {
    fields.push(["subcommands", { type: "map", entries: spec.subcommands.map(commandDocs) }]);
  }
  return [bulk(spec.name), map(fields)];
}
