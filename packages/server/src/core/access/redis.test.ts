import { RespError, type RespValue } from "@sherd/client/protocol";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { latin1, utf8Bytes } from "../base/index.ts";
import { allCommands, type CommandSpec, categoriesOf, commandByName, findSubcommand } from "../command/index.ts";
import { RedisOracle, redisVersion } from "../command/testing/redis.ts";
import { denialOf, readUser, type User } from "./index.ts";
import { rulesOf } from "./testing/rules.ts";

/** The same rules to Redis and to ours, and then what each lets a user do. */
const version = redisVersion();
if (version === undefined) console.warn("SKIPPED: users compared with Redis'; no redis-server 7 on this machine");

const USERS = 60;
const COMMANDS_EACH = 40;

function text(value: RespValue | undefined): string {
  if (value instanceof Uint8Array) return latin1(value);
  if (value instanceof RespError) return `-${value.message}`;
  return typeof value === "string" ? value : JSON.stringify(value);
}

const everything: readonly CommandSpec[] = allCommands.flatMap((spec) => [spec, ...(spec.subcommands ?? [])]);

/** Commands whose keys are at other places in Redis 7.0, or that it answers otherwise, are not asked for here. */
const keyed: readonly string[][] = [
  ["get", "K"],
  ["set", "K", "v"],
  ["set", "K", "v", "get"],
  ["getdel", "K"],
  ["getex", "K"],
  ["append", "K", "v"],
  ["strlen", "K"],
  ["incr", "K"],
  ["mget", "K", "L"],
  ["mset", "K", "v", "L", "v"],
  ["del", "K", "L"],
  ["exists", "K", "L"],
  ["rename", "K", "L"],
  ["copy", "K", "L"],
  ["expire", "K", "1"],
  ["ttl", "K"],
  ["setbit", "K", "1", "1"],
  ["bitop", "and", "K", "L"],
  ["bitfield", "K", "get", "u8", "0"],
  ["bitfield", "K", "set", "u8", "0", "1"],
  ["bitfield_ro", "K", "get", "u8", "0"],
  ["lcs", "K", "L"],
  ["watch", "K", "L"],
  ["type", "K"],
  ["object", "encoding", "K"],
  ["ping"],
  ["multi"],
  ["client", "id"],
  ["client", "list"],
  ["config", "get", "x"],
  ["acl", "whoami"],
  ["acl", "list"],
  ["cluster", "slots"],
  ["dbsize"],
  ["info"],
  ["command", "count"],
];

const key = fc.constantFrom("a", "ab", "b", "c:1");
const command = fc
  .tuple(fc.constantFrom(...keyed), key, key)
  .map(([words, one, other]) => words.map((word) => (word === "K" ? one : word === "L" ? other : word)));
const modifier = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("+@all", "-@all", "allkeys", "resetkeys", "~*", "%R~*") },
  { weight: 3, arbitrary: fc.constantFrom("~a*", "%R~a*", "%W~a*", "%R~b", "%W~b", "~[a-b]", "~c:?", "%RW~ab") },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom("+", "-"), fc.constantFrom("read", "write", "string", "bitmap", "keyspace", "connection"))
      .map(([sign, category]) => `${sign}@${category}`),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom("+", "-"), fc.constantFrom("fast", "slow", "admin", "dangerous", "transaction"))
      .map(([sign, category]) => `${sign}@${category}`),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom("+", "-"),
        fc.constantFrom("get", "set", "mget", "copy", "client", "client|id", "acl|whoami"),
      )
      .map(([sign, name]) => sign + name),
  },
);

function oursAllows(user: User, [name, ...args]: readonly string[]): boolean {
  const spec = commandByName(utf8Bytes(name as string));
  if (spec === undefined) throw new Error(`there is ${name}`);
  const own = args.map(utf8Bytes);
  const named = spec.subcommands === undefined ? spec : findSubcommand(spec, own[0] as Uint8Array);
  if (named === undefined) throw new Error(`there is ${name} ${args[0]}`);
  return denialOf(user, named, own) === undefined;
}

describe.skipIf(version === undefined)("as Redis", () => {
  let redis: RedisOracle;
  beforeAll(async () => {
    redis = await RedisOracle.start();
  });
  afterAll(() => redis.stop());

  test("categories of every command that both have", async () => {
    const differing: string[] = [];
    for (const spec of everything) {
      const [entry] = (await redis.value(["COMMAND", "INFO", spec.name])) as RespValue[];
      if (!Array.isArray(entry)) continue;
      const theirs = (entry[6] as RespValue[]).map(text).sort().join(" ");
      const ours = categoriesOf(spec).sort().join(" ");
      if (ours !== theirs) differing.push(`${spec.name}: ${ours}, in Redis ${theirs}`);
    }
    expect(differing).toEqual([]);
  });

  test("property: the same rules allow the same commands on the same keys", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(modifier, { minLength: 1, maxLength: 8 }),
        fc.array(command, { minLength: COMMANDS_EACH, maxLength: COMMANDS_EACH }),
        async (modifiers, commands) => {
          await redis.value(["ACL", "DELUSER", "u"]);
          await redis.value(["ACL", "SETUSER", "u"]);
          const accepted: string[] = [];
          for (const one of modifiers) {
            // What Redis refuses (a pattern behind ~*) ours refuses, too.
            const theirs = text(await redis.value(["ACL", "SETUSER", "u", one]));
            let ours = "OK";
            try {
              rulesOf([...accepted, one].join(" "));
              accepted.push(one);
            } catch (error) {
              ours = `-ERR Error in ACL SETUSER modifier '${one}': ${(error as Error).message}`;
            }
            expect(ours).toBe(theirs);
          }
          const user = readUser({ name: "u", rules: rulesOf(["off", ...accepted].join(" ")) });
          for (const words of commands) {
            const theirs = text(await redis.value(["ACL", "DRYRUN", "u", ...words]));
            expect(oursAllows(user, words), `${accepted.join(" ")}: ${words.join(" ")} (Redis: ${theirs})`).toBe(
              theirs === "OK",
            );
          }
        },
      ),
      { numRuns: USERS },
    );
  });
});
