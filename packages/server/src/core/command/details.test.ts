import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { latin1, latin1Bytes } from "../base/index.ts";
import {
  allCommands,
  type CommandSpec,
  commandByName,
  commandEntry,
  detailsOf,
  keysAndFlags,
  type Reply,
} from "./index.ts";
import { RedisOracle, redisVersion } from "./testing/redis.ts";

/** As plain data. A set's order means nothing. */
function plain(reply: Reply): unknown {
  switch (reply.type) {
    case "simple":
      return reply.text;
    case "bulk":
      return latin1(reply.bytes);
    case "integer":
      return reply.value;
    case "array":
      return reply.items.map(plain);
    case "set":
      return reply.items.map((item) => String(plain(item))).sort();
    case "map":
      return Object.fromEntries(reply.entries.map(([key, value]) => [plain(key), plain(value)]));
    default:
      throw new RangeError(`no entry holds ${reply.type}`);
  }
}

const keysOfLine = (line: string): unknown => {
  const [name, ...args] = line.split(" ");
  return plain(keysAndFlags(commandByName(latin1Bytes(name as string)) as CommandSpec, args.map(latin1Bytes)));
};

test("each key of a command with what happens to it", () => {
  expect(keysOfLine("get k")).toEqual([["k", ["RO", "access"]]]);
  expect(keysOfLine("mset a 1 b 2")).toEqual([
    ["a", ["OW", "update"]],
    ["b", ["OW", "update"]],
  ]);
  expect(keysOfLine("bitop and to a b")).toEqual([
    ["to", ["OW", "update"]],
    ["a", ["RO", "access"]],
    ["b", ["RO", "access"]],
  ]);
  expect(keysOfLine("copy a b replace")).toEqual([
    ["a", ["RO", "access"]],
    ["b", ["OW", "update"]],
  ]);
});

test("every command with keys has details", () => {
  for (const spec of allCommands) expect(detailsOf(spec) !== undefined, spec.name).toBe(spec.keys.first > 0);
});

/** Of Redis 7.2, while 7.0 may be what is installed. */
const NEWER: ReadonlySet<string> = new Set(["client|no-touch", "client|setinfo", "cluster|myshardid", "waitaof"]);
/** What is not Redis', each with the reason. */
const OURS: Readonly<Record<string, string>> = {
  msetnx: "it is all or nothing, so clients must not send its keys apart",
  "pubsub|help": "in its group's category, as the help of other containers",
};
/** Of scripts and modules, which are not there; and our own, of WAIT: it takes long because it is told to. */
const FLAGS_WITHOUT_MEANING = ["allow_busy", "skip_slowlog", "movablekeys", "no_async_loading", "no_auth", "sentinel"];

const version = redisVersion();
if (version === undefined) console.warn("SKIPPED: COMMAND compared with Redis'; no redis-server 7 on this machine");

describe.skipIf(version === undefined)("as Redis", () => {
  let redis: RedisOracle;
  beforeAll(async () => {
    redis = await RedisOracle.start();
  });
  afterAll(() => redis.stop());

  test("arity, flags, keys and their use, categories and tips of every command and subcommand", async () => {
    const compared = allCommands
      .flatMap((spec) => [spec, ...(spec.subcommands ?? [])])
      .filter(({ name }) => !Object.hasOwn(OURS, name));
    expect(compared.length).toBeGreaterThan(150);
    const others: string[] = [];
    for (const spec of compared) {
      const [name, arity, flags, first, last, step, categories, tips, keySpecs] = plain(commandEntry(spec)) as [
        string,
        number,
        string[],
        number,
        number,
        number,
        string[],
        string[],
        KeySpec[],
      ];
      const [theirs] = text(await redis.value(["command", "info", name])) as [Theirs | null];
      if (theirs === null) {
        others.push(name);
        continue;
      }
      const meaningful = theirs[2].filter((flag) => !FLAGS_WITHOUT_MEANING.includes(flag)).sort();
      const ours = flags.filter((flag) => !FLAGS_WITHOUT_MEANING.includes(flag));
      expect({ name, arity, first, last, step, flags: ours, categories, tips: [...tips].sort() }).toEqual({
        name: theirs[0],
        arity: theirs[1],
        first: theirs[3],
        last: theirs[4],
        step: theirs[5],
        flags: meaningful,
        categories: [...theirs[6]].sort(),
        tips: [...theirs[7]].sort(),
      });
      expect(keySpecs.map(flat), name).toEqual(theirs[8].map((one) => flat(pairs(one) as unknown as KeySpec)));
    }
    expect(others.filter((name) => !NEWER.has(name))).toEqual([]);
  });
});

/** Bytes as text, at any depth. */
function text(value: unknown): unknown {
  if (value instanceof Uint8Array) return latin1(value);
  return Array.isArray(value) ? value.map(text) : value;
}

interface KeySpec {
  readonly flags: string[];
  readonly begin_search: unknown;
  readonly find_keys: unknown;
}
type Theirs = [string, number, string[], number, number, number, string[], string[], unknown[][]];

/** RESP2 has no maps. */
function pairs(items: readonly unknown[]): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (let at = 0; at < items.length; at += 2) found[items[at] as string] = items[at + 1];
  return found;
}

const asMap = (value: unknown): Record<string, unknown> =>
  (Array.isArray(value) ? pairs(value) : value) as Record<string, unknown>;

function flat(spec: KeySpec): unknown {
  const part = (value: unknown): unknown => {
    const { type, spec: inner } = asMap(value);
    return { type, ...asMap(inner) };
  };
  return { flags: [...spec.flags].sort(), begin: part(spec.begin_search), find: part(spec.find_keys) };
}
